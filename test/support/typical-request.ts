/** A request's fields as HTTP/2 has them, and as the lines of one buffer. */

export const typicalRequest: readonly (readonly [name: string, value: string])[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'web.default.svc.cluster.local'],
  [':path', '/account/orders?page=2&sort=date'],
  ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
  ['accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
  ['accept-language', 'en-GB,en;q=0.7,de;q=0.3'],
  ['accept-encoding', 'gzip, deflate, br, zstd'],
  ['cache-control', 'no-cache'],
  ['x-tenant', 'blue'],
  ['x-request-id', '7f1c9a52-4d3e-4b6a'],
  ['traceparent', '00-4bf92f3577b34da6-01'],
];
