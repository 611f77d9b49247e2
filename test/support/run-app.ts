/**
 * An application for tests of `heddle run`. It says what happens to it, one line each: that it
 * listens, its signals, what its own calls got. `node run-app.ts [word ...]`, with words such as
 * `delay=30` (milliseconds, before `listen`), `listen=8080`, `ignore=SIGTERM`, `end=SIGTERM:7`,
 * `close=SIGTERM`, `call=SIGTERM:http://a:1/`.
 */

import { createServer, request } from 'node:http';

function main(words: readonly string[]): void {
  for (const word of words) {
    const [name, value = ''] = split(word, '=');
    const [signal, rest = ''] = split(value, ':');
    if (name === 'listen') listen(Number(value));
    else if (name === 'delay') delayMs = Number(value);
    else if (name === 'say') say(process.env[value] ?? '');
    else if (name === 'ignore') process.on(signal, () => say(signal));
    else if (name === 'close') process.on(signal, () => close(signal));
    else if (name === 'end') process.on(signal, () => end(signal, Number(rest)));
    else if (name === 'call') process.on(signal, () => call(signal, rest));
    else throw new Error(`no such word: ${word}`);
  }
  // Until it is ended.
  setInterval(() => undefined, 60_000);
  say(`running ${process.pid}`);
}

function split(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

const server = createServer((_request, response) => {
  setTimeout(() => response.end(String(process.pid)), delayMs);
});

function listen(port: number): void {
  server.listen(port, '127.0.0.1', () => say('listening'));
}

/** As a server that is written with care: what is under way is answered. */
function close(signal: string): void {
  say(signal);
  server.close(() => process.exit(0));
}

function end(signal: string, code: number): void {
  say(signal);
  process.exit(code);
}

/** By the outbound proxy, as a client of proxies does it, before it ends. */
function call(signal: string, url: string): void {
  say(signal);
  const [host, port] = (process.env.HEDDLE_OUTBOUND ?? '').split(':');
  const headers = { host: new URL(url).host };
  const sent = request({ host, port, path: url, headers, agent: false }, (response) => {
    response.resume();
    response.on('end', () => {
      say(`called ${response.statusCode}`);
      process.exit(0);
    });
  });
  sent.on('error', (error) => say(`called ${error.message}`));
  sent.end();
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** From a request to its answer. */
let delayMs = 0;

main(process.argv.slice(2));
