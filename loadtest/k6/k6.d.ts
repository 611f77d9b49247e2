/** What the scripts use of k6: it brings its modules itself, so no package declares them. */

declare module 'k6/http' {
  interface Http {
    get(url: string, params: { readonly headers: Readonly<Record<string, string>> }): unknown;
  }
  const http: Http;
  export default http;
}

declare const __ENV: Readonly<Record<string, string>>;
