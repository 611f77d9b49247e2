/** A replica of the demo's `users`. With `slow` it takes its time for two seconds in every ten. */

import { createServer } from 'node:http';
import { runAfter } from '../../control/model/delay.ts';
import { systemClock } from '../../core/base/clock.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { serveApp } from './app.ts';

const [, , port = '0', name = 'users', mood = 'steady'] = process.argv;
const timers = new TimerWheel(systemClock);

const server = createServer((_, response) => {
  const send = (): void => {
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(`${JSON.stringify({ id: 1, name: 'Ada', replica: name })}\n`);
  };
  const isSlow = mood === 'slow' && systemClock.wallMs() % periodMs < slowMs;
  if (isSlow) runAfter(timers, delayMs, send);
  else send();
});

const periodMs = 10_000;
const slowMs = 2_000;
const delayMs = 150;

serveApp(server, Number(port));
