/**
 * The demo's own load: a bounded rate that does not wait for answers, and a bound on how many are
 * outstanding, so that a broken mesh is not buried under requests.
 */

import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { runAfter } from '../../control/model/delay.ts';
import { systemClock } from '../../core/base/clock.ts';
import type { TimerWheel } from '../../core/base/timers.ts';

interface LoadOptions {
  readonly timers: TimerWheel;
  readonly outboundPort: number;
  readonly echoPort: number;
  /** Requests to `web` in a second. */
  readonly rate: number;
}

/** Goes on until the returned function is called. */
export function startLoad(options: LoadOptions): () => void {
  const agent = new Agent({ keepAlive: true, maxSockets: outstandingMax });
  let outstanding = 0;
  let owed = 0;
  let ticks = 0;
  let lastMs = systemClock.monotonicMs();
  let cancel: (() => void) | null = null;
  const done = (): void => {
    outstanding -= 1;
  };
  const tick = (): void => {
    cancel = runAfter(options.timers, tickMs, tick);
    const nowMs = systemClock.monotonicMs();
    owed = Math.min(owed + (options.rate * (nowMs - lastMs)) / 1000, outstandingMax);
    lastMs = nowMs;
    for (; owed >= 1 && outstanding < outstandingMax; owed--) {
      outstanding += 1;
      requestWeb(options.outboundPort, agent, done);
    }
    ticks += 1;
    if (ticks % echoEveryTicks === 0 && outstanding < outstandingMax) {
      outstanding += 1;
      talkToEcho(options.echoPort, done);
    }
  };
  tick();
  return () => {
    cancel?.();
    agent.destroy();
  };
}

/** `done` is called once. What became of it is in the proxies' metrics. */
function requestWeb(port: number, agent: Agent, done: () => void): void {
  const headers = { host: 'web' };
  const request = get({ host: '127.0.0.1', port, path: '/', headers, agent }, (response) => {
    response.resume();
  });
  request.on('error', () => undefined);
  request.on('close', done);
}

/** A word there and back, and an orderly end. */
function talkToEcho(port: number, done: () => void): void {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.on('connect', () => socket.end('hello\n'));
  socket.on('error', () => undefined);
  socket.on('close', done);
  socket.resume();
}

const tickMs = 30;
const outstandingMax = 64;
const echoEveryTicks = 8;
