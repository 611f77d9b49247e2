/**
 * Goal: a watch asks, waits and asks again as its limits say, and forgets nothing. Method: a
 * channel whose calls the test answers, and a clock that it moves.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { seededRandom } from '../base/random.ts';
import { TimerWheel } from '../base/timers.ts';
import type { CallListener } from '../grpc/client-call.ts';
import type { Method } from '../grpc/method.ts';
import type { ControlCall } from './control-channel.ts';
import { createCounters } from './counters.ts';
import { type Answer, type StreamEnv, WatchStream } from './watch-stream.ts';

const text = { encode: () => new Uint8Array(0), decode: () => '' };
const method: Method<string, string> = { path: '/test/Watch', request: text, response: text };

interface Opened {
  readonly listener: CallListener<string>;
  /** How we ended it. */
  cancelled: 'no' | 'silent' | 'done';
}

class Rig {
  readonly clock = new FakeClock();
  readonly timers = new TimerWheel(this.clock, this.clock.wakeSource);
  readonly counters = createCounters();
  readonly opened: Opened[] = [];
  readonly heard: string[] = [];
  usable = true;
  waiters: (() => void)[] = [];
  again = true;
  answered = 0;
  readonly stream: WatchStream<string, string>;

  constructor() {
    const channel = {
      open: (_method: unknown, _request: unknown, listener: CallListener<string>) =>
        this.usable ? this.#open(listener) : null,
      whenUsable: (waiter: () => void) => {
        this.waiters.push(waiter);
        return () => this.waiters.splice(0);
      },
    };
    const env: StreamEnv = {
      clock: this.clock,
      timers: this.timers,
      random: seededRandom(1),
      channel: channel as unknown as StreamEnv['channel'],
      limits: { initialMs: 3_000, idleMs: 300_000, lifetimeMs: 3_600_000 },
      counters: this.counters,
      onAnswered: () => {
        this.answered += 1;
      },
    };
    this.stream = new WatchStream(env, method, 'asked', {
      onMessage: (message, first) => {
        this.heard.push(first ? `first ${message}` : message);
        return message === 'bad' ? 'it is bad' : '';
      },
      onAnswer: (answer: Answer) => {
        this.heard.push(answer);
        return this.again;
      },
    });
    this.stream.start();
  }

  get last(): Opened {
    const opened = this.opened.at(-1);
    assert.ok(opened !== undefined);
    return opened;
  }

  say(message: string): void {
    this.last.listener.onMessage(message);
  }

  end(code: number, message = ''): void {
    this.last.listener.onEnd({ code, message });
  }

  /** Until there is one more stream; how long that took. */
  untilOpened(): number {
    const count = this.opened.length;
    const startMs = this.clock.monotonicMs();
    while (this.opened.length === count) {
      this.clock.advance(10);
      assert.ok(this.clock.monotonicMs() < startMs + 100_000, 'no stream was opened');
    }
    return this.clock.monotonicMs() - startMs;
  }

  #open(listener: CallListener<string>): ControlCall {
    const opened: Opened = { listener, cancelled: 'no' };
    this.opened.push(opened);
    return {
      address: '192.0.2.1:8086',
      cancel: (silent) => {
        opened.cancelled = silent ? 'silent' : 'done';
      },
    };
  }
}

test('it waits for an address, then for a message, then is live', () => {
  const rig = new Rig();
  assert.equal(rig.stream.phase, 'waiting');
  rig.stream.close();
  const waiting = new Rig();
  waiting.usable = false;
  waiting.end(14);
  waiting.clock.advance(1_000);
  assert.deepEqual([waiting.stream.phase, waiting.opened.length], ['connecting', 1]);
  waiting.usable = true;
  for (const waiter of waiting.waiters.splice(0)) waiter();
  waiting.say('a');
  waiting.say('b');
  assert.deepEqual([waiting.stream.phase, waiting.heard.join()], ['live', 'first a,b']);
  assert.deepEqual([waiting.stream.address, waiting.stream.attempts], ['192.0.2.1:8086', 2]);
});

test('a stream without a first message is ended after initialMs and asked for again', () => {
  const rig = new Rig();
  rig.clock.advance(2_990);
  assert.deepEqual([rig.stream.phase, rig.last.cancelled], ['waiting', 'no']);
  rig.clock.advance(50);
  assert.deepEqual([rig.stream.phase, rig.last.cancelled], ['backing-off', 'silent']);
  assert.equal(rig.stream.error, 'no message within 3000 ms');
  assert.equal(rig.counters.streamsFailed.get('SILENT'), 1);
  rig.untilOpened();
  rig.say('a');
  assert.deepEqual([rig.stream.phase, rig.stream.error], ['live', null]);
});

test('a live stream that is silent for idleMs is renewed at once, and is no failure', () => {
  const rig = new Rig();
  rig.say('a');
  rig.clock.advance(269_000);
  rig.say('b');
  rig.clock.advance(269_000);
  assert.equal(rig.opened.length, 1);
  const restMs = rig.untilOpened();
  assert.ok(restMs > 1_000 && restMs < 32_000, `${restMs} ms`);
  assert.deepEqual([rig.opened.length, rig.opened[0].cancelled], [2, 'done']);
  assert.equal(rig.counters.streamsFailed.size, 0);
  // What the old stream still says is not heard.
  rig.opened[0].listener.onMessage('late');
  rig.opened[0].listener.onEnd({ code: 14, message: '' });
  rig.say('c');
  assert.equal(rig.heard.join(), 'first a,b,first c');
});

test('a stream that has come of age is renewed, a little earlier by chance', () => {
  const rig = new Rig();
  let ageMs = 0;
  while (rig.opened.length === 1) {
    rig.say('a');
    rig.clock.advance(2_000);
    ageMs += 2_000;
  }
  assert.ok(ageMs > 3_240_000 && ageMs < 3_610_000, `${ageMs} ms`);
  assert.equal(rig.counters.streamsFailed.size, 0);
});

test('failures wait longer each time, until a stream has lived for a while', () => {
  const rig = new Rig();
  const waits: number[] = [];
  for (let failure = 0; failure < 12; failure++) {
    rig.end(14, 'refused');
    waits.push(rig.untilOpened());
  }
  assert.ok(waits[0] >= 100 && waits[0] <= 180, waits.join());
  assert.ok(waits[4] >= 1_600 && waits[4] <= 2_430, waits.join());
  assert.ok(waits[11] >= 10_000 && waits[11] <= 15_030, waits.join());
  assert.equal(rig.counters.streamsFailed.get('UNAVAILABLE'), 12);
  assert.deepEqual([rig.stream.error, rig.answered], ['UNAVAILABLE: refused', 0]);
  rig.say('a');
  rig.end(0);
  assert.ok(rig.untilOpened() >= 10_000);
  rig.say('a');
  rig.clock.advance(10_010);
  rig.end(0);
  assert.ok(rig.untilOpened() < 180);
});

test('a refused message ends the stream, and those after it are not heard', () => {
  const rig = new Rig();
  rig.say('a');
  rig.say('bad');
  rig.say('b');
  assert.deepEqual([rig.heard.join(), rig.last.cancelled], ['first a,bad', 'done']);
  assert.deepEqual([rig.stream.phase, rig.stream.error], ['backing-off', 'it is bad']);
});

test('answers are asked again after a while, or are final', () => {
  const rig = new Rig();
  rig.end(5);
  const first = rig.untilOpened();
  assert.ok(first >= 500 && first <= 780, `${first} ms`);
  for (let more = 0; more < 6; more++) {
    rig.end(5);
    rig.untilOpened();
  }
  rig.end(5);
  const last = rig.untilOpened();
  assert.ok(last >= 5_000 && last <= 7_530, `${last} ms`);
  for (const code of [12, 3, 9]) {
    rig.end(code);
    rig.untilOpened();
  }
  assert.equal(rig.heard.slice(-3).join(), 'unsupported,rejected,rejected');
  assert.equal(rig.answered, 10);
  rig.again = false;
  rig.end(3, 'no');
  rig.clock.advance(600_000);
  assert.deepEqual([rig.stream.phase, rig.stream.error], ['ended', 'INVALID_ARGUMENT: no']);
});

test('it was last confirmed now while it lives, and when it ended after that', () => {
  const rig = new Rig();
  assert.equal(rig.stream.confirmedWallMs, null);
  rig.say('a');
  rig.clock.advance(1_000);
  assert.equal(rig.stream.confirmedWallMs, rig.clock.wallMs());
  const endMs = rig.clock.wallMs();
  rig.end(14);
  rig.clock.advance(50);
  assert.equal(rig.stream.confirmedWallMs, endMs);
  rig.stream.close();
  rig.clock.advance(100_000);
  assert.deepEqual([rig.opened.length, rig.timers.armedCount], [1, 0]);
});
