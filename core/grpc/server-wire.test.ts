/**
 * Goal: our server answers calls frame by frame as "gRPC over HTTP2" has it, and what is no call
 * with the status or the HTTP answer that says so. Method: exact frames over real sockets,
 * a fake clock.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { FrameWire } from '../../test/support/frame-wire.ts';
import { downMethod, GrpcRig, upMethod } from '../../test/support/grpc-rig.ts';
import { block, type Fields, request } from '../../test/support/h2-block.ts';
import { clientPreface, code, frame, setting } from '../../test/support/h2-frames.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { dial } from '../../test/support/wire.ts';
import { frameMessage } from './frame.ts';
import type { GrpcServer } from './server.ts';
import { Code, okStatus } from './status.ts';

const accepted = ':status=200 content-type=application/grpc grpc-accept-encoding=identity';
const grpc: Fields = [
  ['te', 'trailers'],
  ['content-type', 'application/grpc'],
];

function callOf(path: string, more: Fields = []): Buffer {
  return block(request('POST', path, [...grpc, ...more]));
}

/** A connection on which both sides' SETTINGS have been read. */
async function connect(
  rig: GrpcRig,
  port: number,
  settings: Record<number, number> = {},
): Promise<FrameWire> {
  const wire = new FrameWire(await dial(port));
  rig.onDispose(() => wire.destroy());
  wire.write(clientPreface, frame.settings(settings), frame.settingsAck());
  await wire.read('SETTINGS ACK');
  while (wire.unread.length > 0) await wire.next();
  return wire;
}

/** What is told to the handler of streams of requests. */
function recordUp(server: GrpcServer): string[] {
  const events: string[] = [];
  server.handle(upMethod, (call) => {
    events.push(`call of ${call.deadlineMs}`);
    call.onMessage = (message) => {
      events.push(`message ${message}`);
    };
    call.onHalfClose = () => {
      events.push('half-closed');
      call.end(okStatus);
    };
    call.onCancel = () => {
      events.push('cancelled');
    };
  });
  return events;
}

const a = frameMessage(upMethod.request, 'a');

describe('the server', () => {
  test('takes a call at once, and ends it behind the last message', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const { server, port } = await rig.server();
    const events = recordUp(server);
    const wire = await connect(rig, port);
    wire.write(frame.headers(1, callOf(upMethod.path)));
    assert.equal(await wire.next(), `HEADERS 1: ${accepted}`);
    const two = Buffer.concat([a, a]);
    wire.write(frame.data(1, two.subarray(0, 8)), frame.data(1, two.subarray(8), { ends: true }));
    assert.equal(await wire.next(), 'HEADERS 1 END_STREAM: grpc-status=0');
    assert.deepEqual(events, ['call of Infinity', 'message a', 'message a', 'half-closed']);
    assert.equal(server.calls, 0);
  });

  test('ends what was not taken in one block of fields', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const { port } = await rig.server();
    const wire = await connect(rig, port);
    wire.write(frame.headers(1, callOf('/no'), { ends: true }));
    const text = 'grpc-status=12 grpc-message=there is no method /no here';
    assert.equal(await wire.next(), `HEADERS 1 END_STREAM: ${accepted} ${text}`);
  });

  test('answers what is no call in terms of HTTP', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const { server, port } = await rig.server();
    recordUp(server);
    const wire = await connect(rig, port);
    const get = block(request('GET', upMethod.path, grpc));
    wire.write(frame.headers(1, get, { ends: true }));
    assert.equal(await wire.next(), 'HEADERS 1 END_STREAM: :status=405 content-length=0');
    const json = block(request('POST', upMethod.path, [['content-type', 'application/json']]));
    wire.write(frame.headers(3, json, { ends: true }));
    assert.equal(await wire.next(), 'HEADERS 3 END_STREAM: :status=415 content-length=0');
  });

  test('says what is wrong with the content', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const { server, port } = await rig.server({ messageBytesMax: 10 });
    const events = recordUp(server);
    const wire = await connect(rig, port);
    let id = 1;
    for (const [hex, ends, said] of [
      ['010000000161', false, 'grpc-status=12 grpc-message=compressed messages are not taken'],
      ['000000000b', false, 'grpc-status=8 grpc-message=a message has more than 10 bytes'],
      ['07', false, ''],
      ['0700000001', false, 'grpc-status=13 grpc-message=the request is no sequence of messages'],
      ['0000000003', true, 'grpc-status=13 grpc-message=the request ended inside of a message'],
      ['0000000001ff', true, 'grpc-status=3 grpc-message=a message is malformed'],
    ] as const) {
      wire.write(frame.headers(id, callOf(upMethod.path)));
      assert.equal(await wire.next(), `HEADERS ${id}: ${accepted}`);
      wire.write(frame.data(id, Buffer.from(hex, 'hex'), { ends }));
      // What cannot be judged yet is waited for.
      if (said === '') wire.write(frame.rstStream(id, code.CANCEL));
      else assert.equal(await wire.next(), `HEADERS ${id} END_STREAM: ${said}`);
      if (said !== '' && !ends) assert.equal(await wire.next(), `RST_STREAM ${id} NO_ERROR`);
      await untilTurn('the end', () => server.calls === 0);
      assert.deepEqual(events.splice(0), ['call of Infinity', 'cancelled']);
      id += 2;
    }
    // None of that has hurt the connection.
    wire.write(frame.headers(id, callOf(upMethod.path)), frame.data(id, a, { ends: true }));
    await wire.read(`HEADERS ${id} END_STREAM: grpc-status=0`);
  });

  test('counts what it holds of messages, to the end of each', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const { server, port } = await rig.server();
    const events = recordUp(server);
    const wire = await connect(rig, port);
    const long = frameMessage(upMethod.request, 'l'.repeat(5_000));
    const endings: readonly (readonly [Buffer, string])[] = [
      [frame.data(1, Buffer.concat([long.subarray(4_000), a]), { ends: true }), 'half-closed'],
      [frame.data(3, Buffer.concat([long.subarray(4_000), Buffer.from('7')])), ''],
      [frame.data(5, Buffer.concat([long.subarray(4_000), Buffer.from('77777')])), 'cancelled'],
      [frame.data(7, '', { ends: true }), 'cancelled'],
      [frame.rstStream(9, code.CANCEL), 'cancelled'],
    ];
    for (const [index, [ending, event]] of endings.entries()) {
      const id = index * 2 + 1;
      wire.write(frame.headers(id, callOf(upMethod.path)), frame.data(id, long.subarray(0, 4_000)));
      await untilTurn('a part', () => server.heldBytes >= 3_995);
      assert.ok(server.heldBytes <= 5_000);
      wire.write(ending);
      await untilTurn('nothing held', () => server.heldBytes === 0);
      if (event !== '') assert.equal(events.at(-1), event);
    }
    assert.equal(server.calls, 1);
  });

  test('ends a call whose deadline has passed', async () => {
    const clock = new FakeClock(1_000);
    await using rig = new GrpcRig(clock);
    const { server, port } = await rig.server();
    const events = recordUp(server);
    const wire = await connect(rig, port);
    wire.write(frame.headers(1, callOf(upMethod.path, [['grpc-timeout', '500m']])));
    await wire.read('HEADERS 1');
    clock.advance(490);
    assert.equal(server.calls, 1);
    clock.advance(50);
    const text = 'grpc-message=the deadline of the call has passed';
    assert.equal(await wire.next(), `HEADERS 1 END_STREAM: grpc-status=4 ${text}`);
    assert.deepEqual(events, ['call of 1500', 'cancelled']);
    // One that nobody can wait for, and one that is none.
    for (const [id, timeout] of [
      [3, '99999999H'],
      [5, '1x'],
    ] as const) {
      wire.write(frame.headers(id, callOf(upMethod.path, [['grpc-timeout', timeout]])));
      await wire.read(`HEADERS ${id}`);
    }
    clock.advance(60_000);
    assert.equal(server.calls, 2);
  });

  test('sends what the window allows, keeps the rest, and says when it is gone', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const { server, port } = await rig.server();
    const shared = frameMessage(downMethod.response, 'z'.repeat(20_000));
    const queued: number[] = [];
    server.handle(downMethod, (call) => {
      for (let count = 0; count < 3; count++) {
        call.sendFrame(shared);
        queued.push(call.queuedBytes);
      }
      call.onDrain = () => {
        queued.push(call.queuedBytes);
        call.end({ code: Code.ABORTED, message: '' });
      };
    });
    const before = Buffer.from(shared);
    const wire = await connect(rig, port, { [setting.INITIAL_WINDOW_SIZE]: 30_000 });
    wire.write(frame.headers(1, callOf(downMethod.path), { ends: true }));
    await wire.read('HEADERS 1');
    await untilTurn('a handler', () => queued.length === 3);
    assert.equal(queued[0], 0);
    // Counted in pieces, of which the first bytes may have gone.
    assert.ok(queued[1] >= 40_010 - 30_000 && queued[1] < 40_010 - 30_000 + 4_096);
    assert.equal(queued[2], queued[1] + 20_005);
    wire.write(frame.windowUpdate(1, 100_000));
    await wire.read('HEADERS 1 END_STREAM: grpc-status=10');
    assert.deepEqual([queued.length, queued[3]], [4, 0]);
    assert.deepEqual(shared, before);
  });

  test('keeps what waits when it ends a call, and sends the status behind it', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const { server, port } = await rig.server();
    server.handle(downMethod, (call) => {
      call.send('z'.repeat(9_995));
      call.end({ code: Code.ABORTED, message: '' });
      assert.equal(call.isOver, true);
      call.send('never');
    });
    const wire = await connect(rig, port, { [setting.INITIAL_WINDOW_SIZE]: 1_000 });
    let contentBytes = 0;
    const fields: string[] = [];
    wire.onFrame = ({ type, payload }, block) => {
      if (type === 0) contentBytes += payload.length;
      if (block !== null) fields.push(block.map(({ name }) => name).join(' '));
    };
    wire.write(frame.headers(1, callOf(downMethod.path), { ends: true }));
    await untilTurn('the window', () => contentBytes === 1_000);
    assert.equal(server.calls, 1);
    wire.write(frame.windowUpdate(1, 100_000));
    await untilTurn('the end', () => fields.length === 2);
    assert.equal(contentBytes, 10_000);
    assert.equal(fields[1], 'grpc-status');
    assert.equal(server.calls, 0);
  });

  test('resets a call that its handler gives up, also behind its end', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const { server, port } = await rig.server();
    const events: string[] = [];
    server.handle(downMethod, (call) => {
      call.onCancel = () => {
        events.push('cancelled');
      };
      call.send('z'.repeat(9_995));
      if (events.push('call') === 2) call.end(okStatus);
      call.abort();
      assert.deepEqual([call.isOver, call.queuedBytes], [true, 0]);
    });
    const wire = await connect(rig, port, { [setting.INITIAL_WINDOW_SIZE]: 1_000 });
    for (const id of [1, 3]) {
      wire.write(frame.headers(id, callOf(downMethod.path), { ends: true }));
      assert.equal(await wire.read('RST_STREAM'), `RST_STREAM ${id} ENHANCE_YOUR_CALM`);
    }
    assert.deepEqual(events, ['call', 'call']);
    assert.equal(server.calls, 0);
  });

  test('lets go of a client that takes nothing for too long', async () => {
    const clock = new FakeClock();
    await using rig = new GrpcRig(clock);
    const { server, port } = await rig.server({ clientIdleTimeoutMs: 20_000 });
    let cancelled = false;
    server.handle(downMethod, (call) => {
      call.send('z'.repeat(9_995));
      call.onCancel = () => {
        cancelled = true;
      };
    });
    const wire = await connect(rig, port, { [setting.INITIAL_WINDOW_SIZE]: 1_000 });
    wire.write(frame.headers(1, callOf(downMethod.path), { ends: true }));
    await wire.read('DATA 1');
    clock.advance(60_000);
    assert.equal(cancelled, true);
    assert.equal(await wire.read('RST_STREAM'), 'RST_STREAM 1 CANCEL');
  });

  test('refuses connections beyond its bound', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const { server, port } = await rig.server({ connectionsMax: 1 });
    await connect(rig, port);
    const other = await dial(port);
    rig.onDispose(() => other.destroy());
    await other.until('the end', () => other.ended || other.closed);
    assert.deepEqual([server.connections, server.refused], [1, 1]);
  });

  test('ends a connection that speaks something else', async () => {
    await using rig = new GrpcRig(new FakeClock());
    const violations: string[] = [];
    const onViolation = (_peer: string, text: string): void => {
      violations.push(text);
    };
    const { server, port } = await rig.server({ onViolation });
    const wire = await dial(port);
    rig.onDispose(() => wire.destroy());
    wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await wire.until('the end', () => wire.ended || wire.closed);
    wire.destroy();
    await untilTurn('no connection', () => server.connections === 0);
    assert.match(violations.join(), /no connection preface/);
  });
});
