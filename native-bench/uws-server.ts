/** A process: uWebSockets.js answering 36 bytes, and its number of answers on a second port. */

import { createRequire } from 'node:module';
import { join } from 'node:path';

interface UwsResponse {
  end(body: string): void;
}
interface UwsApp {
  any(path: string, handler: (response: UwsResponse) => void): UwsApp;
  listen(host: string, port: number, done: (token: unknown) => void): UwsApp;
}

const [folder, port, countPort] = process.argv.slice(2);
const { App }: { App: () => UwsApp } = createRequire(join(folder, 'x.js'))('@uwsjs/core');

let answered = 0;
const answer = (response: UwsResponse): void => {
  answered += 1;
  response.end('abcdefghijklmnopqrstuvwxyz0123456789');
};
const open = (handler: (response: UwsResponse) => void, at: number, next: () => void): void => {
  App()
    .any('/*', handler)
    .listen('127.0.0.1', at, (token) => {
      if (token === false) process.exit(1);
      next();
    });
};

open(answer, Number(port), () => {
  open(
    (response) => response.end(String(answered)),
    Number(countPort),
    () => undefined,
  );
});
