/**
 * Goal: a dial ends once: connected, refused, or late; and a thread that was held up does not take
 * a connection for late that has come meanwhile. Method: real sockets, a clock that the test moves.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { TimerWheel } from '../base/timers.ts';
import { Dial } from './dial.ts';
import { Io } from './io.ts';

function rig(t: TestContext) {
  const clock = new FakeClock();
  const io = new Io(clock, new Float64Array(2));
  const context = { io, timers: new TimerWheel(clock, clock.wakeSource), connectTimeoutMs: 1_000 };
  const ends: string[] = [];
  const owner = {
    dialled: () => ends.push('dialled'),
    dialFailed: (code: string) => ends.push(code),
  };
  t.after(() => {
    io.enter();
    io.close();
    io.leave();
  });
  const meter = { readCell: 0, writeCell: 1 };
  const dial = (host: string, port: number): Dial =>
    new Dial(context, owner, { host, port }, meter);
  return { clock, ends, dial };
}

async function listen(t: TestContext): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test('a connection that came while the thread was held up is one', async (t) => {
  const port = await listen(t);
  const { clock, ends, dial } = rig(t);
  dial('127.0.0.1', port);
  clock.advance(5_000);
  assert.deepEqual(ends, []);
  await untilTurn('the end', () => ends.length > 0);
  clock.advance(5_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(ends, ['dialled']);
});

test('an address that does not answer is late once, one given up never', async (t) => {
  const { clock, ends, dial } = rig(t);
  // RFC 5737: for documents, so that nobody is there; some networks say so at once.
  dial('192.0.2.1', 9);
  const given = dial('192.0.2.1', 9);
  given.abort();
  clock.advance(1_200);
  await untilTurn('the end', () => ends.length > 0);
  clock.advance(5_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(ends.length, 1);
  assert.match(ends[0], /^CONNECT_(?:TIMEOUT|FAILED)$/);
});
