/**
 * The demo's own load: bounded rates that do not wait for answers, and a bound on how many are
 * outstanding, so that a broken mesh is not buried under requests.
 */

import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { runAfter } from '../../control/model/delay.ts';
import { systemClock } from '../../core/base/clock.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import { Http2Client } from './http2-client.ts';

interface LoadOptions {
  readonly timers: TimerWheel;
  readonly outboundPort: number;
  readonly echoPort: number;
  /** Requests to `web` in a second; the other services get fewer. */
  readonly rate: number;
}

/** Goes on until the returned function is called. */
export function startLoad(options: LoadOptions): () => void {
  const { timers, outboundPort, echoPort, rate } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: outstandingMax });
  const http2 = new Http2Client(outboundPort);
  const flows = [
    new Flow(rate, (done) => requestWeb(outboundPort, agent, done)),
    new Flow(rate / 4, (done) => http2.greet(done)),
    new Flow(rate / 8, (done) => http2.getPrice(done)),
    new Flow(echoPerSecond, (done) => talkToEcho(echoPort, done)),
  ];
  let lastMs = systemClock.monotonicMs();
  let cancel: (() => void) | null = null;
  const tick = (): void => {
    cancel = runAfter(timers, tickMs, tick);
    const nowMs = systemClock.monotonicMs();
    for (const flow of flows) flow.pass(nowMs - lastMs);
    lastMs = nowMs;
  };
  tick();
  return () => {
    cancel?.();
    agent.destroy();
    http2.close();
  };
}

type Send = (done: () => void) => void;

/** Requests of one kind. */
class Flow {
  readonly #perSecond: number;
  readonly #send: Send;
  #owed = 0;
  #outstanding = 0;
  readonly #done = (): void => {
    this.#outstanding -= 1;
  };

  constructor(perSecond: number, send: Send) {
    this.#perSecond = perSecond;
    this.#send = send;
  }

  /** Sends what is due after so much time. */
  pass(elapsedMs: number): void {
    this.#owed = Math.min(this.#owed + (this.#perSecond * elapsedMs) / 1000, outstandingMax);
    for (; this.#owed >= 1 && this.#outstanding < outstandingMax; this.#owed--) {
      this.#outstanding += 1;
      this.#send(this.#done);
    }
  }
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
const echoPerSecond = 4;
