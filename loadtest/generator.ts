/**
 * A process: the open-loop generator. Requests begin at a constant rate on raw keep-alive sockets;
 * one that finds no free connection waits, and its waiting counts. The argument is an `OpenLoad`
 * as JSON, the outcome an `OpenFound` as JSON on stdout.
 */

import { connect, type Socket } from 'node:net';
import { Fifo } from './fifo.ts';
import { type Recorded, Recorder } from './recorder.ts';
import { ResponseReader } from './response-reader.ts';
import { Schedule } from './schedule.ts';

export interface OpenLoad {
  readonly port: number;
  readonly host: string;
  readonly rate: number;
  readonly connections: number;
  readonly seconds: number;
  readonly warmSeconds: number;
}

export interface OpenFound extends Recorded {
  readonly errors: number;
  /** Begun, or meant to begin, and not answered a while after the end. */
  readonly unfinished: number;
}

class Generator {
  readonly #load: OpenLoad;
  readonly #request: string;
  readonly #recorder: Recorder;
  readonly #schedule: Schedule;
  readonly #idle = new Fifo<Connection>();
  readonly #waiting = new Fifo<number>();
  readonly #connections: Connection[] = [];
  readonly #startMs = performance.now() + connectMs;
  #errors = 0;

  constructor(load: OpenLoad) {
    this.#load = load;
    this.#request = `GET / HTTP/1.1\r\nHost: ${load.host}\r\n\r\n`;
    this.#recorder = new Recorder(this.#startMs + load.warmSeconds * 1000);
    const seconds = load.warmSeconds + load.seconds;
    this.#schedule = new Schedule(this.#startMs, seconds, load.rate);
    for (let index = 0; index < load.connections; index++) {
      const connection = new Connection(load.port, this.#request, {
        onReady: () => this.#serveNext(connection),
        onAnswer: (intendedMs, status) => this.#noteAnswer(intendedMs, status),
        onFailure: (intendedMs) => this.#noteFailure(intendedMs),
      });
      this.#connections.push(connection);
    }
  }

  /** Connections have a moment to be made before the first arrival. */
  start(): void {
    setTimeout(() => this.#pump(), connectMs);
  }

  #pump(): void {
    const now = performance.now();
    for (let due = this.#schedule.take(now); due !== null; due = this.#schedule.take(now)) {
      this.#waiting.push(due);
    }
    while (this.#waiting.length > 0) {
      const connection = this.#idle.shift();
      if (connection === undefined) break;
      this.#serveNext(connection);
    }
    const due = this.#schedule.dueMs;
    if (due !== null && this.#idle.length === 0) {
      // Answers fetch what is due by themselves: turning around would only take their CPU.
      setTimeout(() => this.#pump(), 5);
    } else if (due !== null) {
      // A timer is a millisecond late or more; close to the arrival only turning around is exact.
      if (due - now > 3) setTimeout(() => this.#pump(), due - now - 2);
      else setImmediate(() => this.#pump());
    } else if (this.#outstanding === 0 || now > this.#endMs + graceMs) {
      this.#finish(now);
    } else {
      setTimeout(() => this.#pump(), 5);
    }
  }

  #serveNext(connection: Connection): void {
    const now = performance.now();
    const intendedMs = this.#waiting.shift() ?? this.#schedule.take(now);
    if (intendedMs === null) {
      this.#idle.push(connection);
      return;
    }
    this.#recorder.noteSent(intendedMs, now);
    connection.send(intendedMs);
  }

  #noteAnswer(intendedMs: number, status: number): void {
    if (status < 200 || status > 299) this.#errors += 1;
    this.#recorder.noteEnded(intendedMs, performance.now());
  }

  #noteFailure(intendedMs: number): void {
    this.#errors += 1;
    this.#recorder.noteEnded(intendedMs, performance.now());
  }

  /** What is still open is recorded with the time that it took so far, its least latency. */
  #finish(now: number): void {
    const unfinished = this.#outstanding;
    for (const { intendedMs } of this.#connections) {
      if (intendedMs !== null) this.#recorder.noteEnded(intendedMs, now);
    }
    for (let due = this.#waiting.shift(); due !== undefined; due = this.#waiting.shift()) {
      this.#recorder.noteEnded(due, now);
    }
    const found: OpenFound = { ...this.#recorder.finish(), errors: this.#errors, unfinished };
    process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit(0));
  }

  get #endMs(): number {
    return this.#startMs + (this.#load.warmSeconds + this.#load.seconds) * 1000;
  }

  get #outstanding(): number {
    const sent = this.#connections.filter(({ intendedMs }) => intendedMs !== null).length;
    return sent + this.#waiting.length;
  }
}

interface ConnectionEvents {
  /** It can take a request. */
  readonly onReady: () => void;
  readonly onAnswer: (intendedMs: number, status: number) => void;
  readonly onFailure: (intendedMs: number) => void;
}

/** One request at a time; a broken connection is made again. */
class Connection {
  /** Of the request under way. */
  intendedMs: number | null = null;
  readonly #port: number;
  readonly #request: string;
  readonly #events: ConnectionEvents;
  #reader = new ResponseReader();
  #socket: Socket;

  constructor(port: number, request: string, events: ConnectionEvents) {
    this.#port = port;
    this.#request = request;
    this.#events = events;
    this.#socket = this.#open(true);
  }

  send(intendedMs: number): void {
    this.intendedMs = intendedMs;
    if (this.#socket.destroyed) this.#socket = this.#open(false);
    this.#socket.write(this.#request, 'latin1');
  }

  /** `announced`: it is in nobody's queue and says when it can take a request. */
  #open(announced: boolean): Socket {
    const onread = {
      buffer: Buffer.alloc(16 * 1024),
      callback: (length: number, buffer: Uint8Array): boolean => {
        this.#read(Buffer.from(buffer.buffer, buffer.byteOffset, length));
        return true;
      },
    };
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true, onread });
    let awaited = announced;
    socket.once('connect', () => {
      awaited = false;
      if (announced) this.#events.onReady();
    });
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      const failed = this.intendedMs;
      this.intendedMs = null;
      if (failed !== null) this.#events.onFailure(failed);
      this.#reader = new ResponseReader();
      // One that ended while it was idle is in the queue and is opened when its turn comes.
      if (failed === null && !awaited) return;
      setTimeout(() => {
        this.#socket = this.#open(true);
      }, reconnectMs);
    });
    return socket;
  }

  #read(chunk: Buffer): void {
    if (this.intendedMs === null) return;
    const progress = this.#reader.push(chunk);
    if (progress === 'more') return;
    if (progress === 'unreadable') {
      this.#socket.destroy();
      return;
    }
    const answered = this.intendedMs;
    this.intendedMs = null;
    this.#events.onAnswer(answered, this.#reader.status);
    this.#events.onReady();
  }
}

const connectMs = 500;
const reconnectMs = 20;
const graceMs = 5_000;

const load: OpenLoad = JSON.parse(process.argv[2]);
new Generator(load).start();
