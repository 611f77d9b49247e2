/**
 * Goal: a client that is not ours, grpc-js, makes calls of all four kinds to our server and sees
 * them end as gRPC has it. Method: both over real sockets; what handlers are told is kept as lines.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  bothMethod,
  downMethod,
  GrpcRig,
  Recorded,
  type TextClient,
  unaryMethod,
  upMethod,
} from '../../test/support/grpc-rig.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { grpcQueueBytesMax } from '../base/limits.ts';
import { frameMessage } from './frame.ts';
import type { GrpcServer } from './server.ts';
import type { ServerCall } from './server-call.ts';
import { Code, okStatus } from './status.ts';

interface Outcome {
  readonly error: ServiceError | null;
  readonly message: string | undefined;
}

function callUnary(client: TextClient, request: string, deadlineMs?: number): Promise<Outcome> {
  const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
  return new Promise((resolve) => {
    client.unary(request, new Metadata(), options, (error, message) => resolve({ error, message }));
  });
}

/** Answers as its methods' names say. */
function serveText(server: GrpcServer): void {
  server.handle(unaryMethod, (call) => {
    call.onMessage = (message) => {
      call.send(`re: ${message}`);
      call.end(okStatus);
    };
  });
  server.handle(downMethod, (call) => {
    call.onMessage = (message) => {
      for (const part of message.split(' ')) call.send(part);
      call.end(okStatus);
    };
  });
  server.handle(upMethod, (call) => {
    const parts: string[] = [];
    call.onMessage = (message) => parts.push(message);
    call.onHalfClose = () => {
      call.send(parts.join('+'));
      call.end(okStatus);
    };
  });
  server.handle(bothMethod, (call) => {
    call.onMessage = (message) => call.send(`re: ${message}`);
    call.onHalfClose = () => call.end({ code: Code.ABORTED, message: 'bye' });
  });
}

describe('calls of grpc-js', () => {
  test('of one message each way', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.server();
    serveText(server);
    const client = rig.jsClient(port);
    assert.deepEqual(await callUnary(client, 'ä'), { error: null, message: 're: ä' });
    assert.deepEqual(await callUnary(client, ''), { error: null, message: 're: ' });
    assert.equal(server.connections, 1);
    await untilTurn('no calls', () => server.calls === 0);
  });

  test('with streams down, up and both ways', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.server();
    serveText(server);
    const client = rig.jsClient(port);
    assert.deepEqual(await Array.fromAsync(client.down('a b c')), ['a', 'b', 'c']);
    const sum = await new Promise((resolve) => {
      const call = client.up((_error, message) => resolve(message));
      for (const part of ['1', '2', '3']) call.write(part);
      call.end();
    });
    assert.equal(sum, '1+2+3');
    const call = client.both();
    const seen: string[] = [];
    call.on('data', (message: string) => {
      seen.push(message);
      if (seen.length === 3) call.end();
      else call.write(`${seen.length}`);
    });
    call.write('0');
    const error = await new Promise<ServiceError>((resolve) => call.on('error', resolve));
    assert.deepEqual(seen, ['re: 0', 're: 1', 're: 2']);
    assert.equal(error.code, status.ABORTED);
    assert.equal(error.details, 'bye');
  });
});

describe('what a client of grpc-js sees', () => {
  test('statuses, with messages in UTF-8', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.server();
    server.handle(unaryMethod, (call) => {
      call.end({ code: Code.NOT_FOUND, message: 'größe 10 %\n' });
    });
    const { error } = await callUnary(rig.jsClient(port), '');
    assert.equal(error?.code, status.NOT_FOUND);
    assert.equal(error?.details, 'größe 10 %\n');
  });

  test('metadata comes to the handler, and nothing of the protocol', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.server();
    const seen: (string | null)[] = [];
    server.handle(downMethod, (call) => {
      for (const name of ['x-a', 'x-b', 'content-type', 'te']) seen.push(call.metadata(name));
      call.end(okStatus);
    });
    const metadata = new Metadata();
    metadata.set('x-a', 'one two');
    metadata.set('x-b', '3');
    assert.deepEqual(await Array.fromAsync(rig.jsClient(port).down('', metadata)), []);
    assert.deepEqual(seen, ['one two', '3', null, null]);
  });

  test('a method that is not there', async () => {
    await using rig = new GrpcRig();
    const { port } = await rig.server();
    const { error } = await callUnary(rig.jsClient(port), '');
    assert.equal(error?.code, status.UNIMPLEMENTED);
    assert.match(error?.details ?? '', /\/test\.Text\/Unary/);
  });

  test('compression is refused', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.server();
    serveText(server);
    const client = rig.jsClient(port, { 'grpc.default_compression_algorithm': 2 });
    const { error } = await callUnary(client, 'a'.repeat(1_000));
    assert.equal(error?.code, status.UNIMPLEMENTED);
    assert.match(error?.details ?? '', /compressed messages are not taken/);
  });

  test('its deadline passes: the handler hears it, and when', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.server();
    let leftMs = 0;
    let cancelled = 0;
    server.handle(unaryMethod, (call) => {
      leftMs = call.deadlineMs - rig.io.nowMs;
      call.onCancel = () => {
        cancelled += 1;
      };
    });
    const { error } = await callUnary(rig.jsClient(port), '', 500);
    assert.equal(error?.code, status.DEADLINE_EXCEEDED);
    await untilTurn('cancel', () => cancelled > 0);
    assert.ok(leftMs > 0 && leftMs <= 500);
    assert.equal(cancelled, 1);
    assert.equal(server.calls, 0);
  });

  test('it cancels', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.server();
    let cancelled = 0;
    server.handle(downMethod, (call) => {
      call.send('first');
      call.onCancel = () => {
        cancelled += 1;
        call.send('never');
        call.end(okStatus);
      };
    });
    const call = rig.jsClient(port).down('');
    call.on('error', () => {});
    call.once('data', () => call.cancel());
    await untilTurn('cancel', () => cancelled > 0);
    assert.equal(server.calls, 0);
  });

  test('messages of exactly the limit, and above it, either way', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.server({ messageBytesMax: 100_000 });
    server.handle(unaryMethod, (call) => {
      call.onMessage = (message) => {
        call.send(`${message.length}`);
        call.end(okStatus);
      };
    });
    const client = rig.jsClient(port);
    assert.equal((await callUnary(client, 'x'.repeat(100_000))).message, '100000');
    const large = await callUnary(client, 'x'.repeat(100_001));
    assert.equal(large.error?.code, status.RESOURCE_EXHAUSTED);
    assert.match(large.error?.details ?? '', /more than 100000 bytes/);
    server.handle(downMethod, (call) => {
      call.send('x'.repeat(100_000));
      call.send('x'.repeat(100_001));
    });
    const call = client.down('');
    const sizes: number[] = [];
    call.on('data', (message: string) => sizes.push(message.length));
    const error = await new Promise<ServiceError>((resolve) => call.on('error', resolve));
    assert.deepEqual(sizes, [100_000]);
    assert.equal(error.code, status.RESOURCE_EXHAUSTED);
  });

  test('a handler that waits for its reader sends no more than that takes', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.server();
    const frame = frameMessage(downMethod.response, 'y'.repeat(50_000));
    let sent = 0;
    let drains = 0;
    let queuedMax = 0;
    server.handle(downMethod, (call) => {
      const fill = (): void => {
        for (; sent < 200 && !call.congested; sent++) call.sendFrame(frame);
        queuedMax = Math.max(queuedMax, call.queuedBytes);
        if (sent === 200 && !call.congested) call.end(okStatus);
      };
      call.onDrain = () => {
        drains += 1;
        fill();
      };
      fill();
    });
    let received = 0;
    for await (const message of rig.jsClient(port).down('')) received += message.length;
    assert.equal(received, 200 * 50_000);
    assert.ok(drains > 0);
    assert.ok(queuedMax > 0 && queuedMax <= 50_005);
  });

  test('what a reader does not take is bounded, whatever the handler does', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.server();
    const frame = frameMessage(downMethod.response, 'y'.repeat(4_000_000));
    let cancelled = false;
    let queuedMax = 0;
    server.handle(downMethod, (call) => {
      call.onCancel = () => {
        cancelled = true;
      };
      for (let count = 0; count < 100 && !call.isOver; count++) {
        call.sendFrame(frame);
        queuedMax = Math.max(queuedMax, call.queuedBytes);
      }
    });
    const call = rig.jsClient(port).down('');
    const error = await new Promise<ServiceError>((resolve) => {
      call.on('error', resolve);
      call.resume();
    });
    assert.equal(error.code, status.RESOURCE_EXHAUSTED);
    assert.ok(cancelled);
    assert.ok(queuedMax <= grpcQueueBytesMax);
  });

  test('a drain lets calls end and takes no new ones', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.server();
    serveText(server);
    const client = rig.jsClient(port);
    const call = client.both();
    const seen: string[] = [];
    call.on('data', (message: string) => seen.push(message));
    call.on('error', () => {});
    call.write('0');
    await untilTurn('an answer', () => seen.length === 1);
    server.drain();
    call.write('1');
    await untilTurn('another answer', () => seen.length === 2);
    assert.equal(server.connections, 1);
    call.end();
    await untilTurn('no connection', () => server.connections === 0);
    const { error } = await callUnary(client, 'late');
    assert.equal(error?.code, status.UNAVAILABLE);
    assert.ok(server.refused > 0);
  });

  test('a close cuts calls off', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.server();
    let cancelled = 0;
    server.handle(downMethod, (call) => {
      call.onCancel = () => {
        cancelled += 1;
      };
      call.send('first');
    });
    const call = rig.jsClient(port).down('');
    const ended = new Promise<ServiceError>((resolve) => call.on('error', resolve));
    await new Promise((resolve) => call.once('data', resolve));
    server.close();
    assert.equal((await ended).code, status.UNAVAILABLE);
    assert.deepEqual([cancelled, server.calls, server.connections], [1, 0, 0]);
  });

  test('a frame for many is written as it goes, not at the end of an event', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.server();
    const calls: ServerCall<string, string>[] = [];
    server.handle(downMethod, (call) => calls.push(call));
    const readers = Array.from({ length: 100 }, () => new Recorded(rig.client(port), downMethod));
    await untilTurn('all calls', () => calls.length === readers.length);
    const frame = frameMessage(downMethod.response, 'news');
    rig.io.enter();
    const [, before] = rig.io.cells;
    for (const call of calls) call.sendFrame(frame);
    assert.ok(rig.io.cells[1] > before, 'some of it is with the kernel');
    rig.io.leave();
    for (const reader of readers) await reader.until('message news');
  });
});
