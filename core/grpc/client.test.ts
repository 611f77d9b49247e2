/**
 * Goal: our client makes calls of all four kinds to a server that is not ours, grpc-js, and hears
 * how they end. Method: both over real sockets; what a listener is told is kept as lines.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type * as grpcJs from '@grpc/grpc-js';
import {
  bothMethod,
  downMethod,
  GrpcRig,
  Recorded,
  unaryMethod,
  upMethod,
} from '../../test/support/grpc-rig.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { Code } from './status.ts';

const handlers: grpcJs.UntypedServiceImplementation = {
  unary: ((call, done) => done(null, `re: ${call.request}`)) satisfies grpcJs.handleUnaryCall<
    string,
    string
  >,
  down: ((call) => {
    for (const part of call.request.split(' ')) call.write(part);
    call.end();
  }) satisfies grpcJs.handleServerStreamingCall<string, string>,
  up: ((call, done) => {
    const parts: string[] = [];
    call.on('data', (part: string) => parts.push(part));
    call.on('end', () => done(null, parts.join('+')));
  }) satisfies grpcJs.handleClientStreamingCall<string, string>,
  both: ((call) => {
    call.on('data', (message: string) => call.write(`re: ${message}`));
    call.on('end', () => call.emit('error', { code: Code.ABORTED, details: 'bye' }));
  }) satisfies grpcJs.handleBidiStreamingCall<string, string>,
};

describe('calls to a server of grpc-js', () => {
  test('of one message each way', async () => {
    await using rig = new GrpcRig();
    const { port } = await rig.jsServer(handlers);
    const client = rig.client(port);
    assert.equal(client.state, 'idle');
    const { message, status } = await client.unary(unaryMethod, 'ä');
    assert.deepEqual([message, status], ['re: ä', { code: Code.OK, message: 'OK' }]);
    assert.equal(client.state, 'ready');
    assert.equal(client.activeCalls, 0);
  });

  test('with streams down, up and both ways', async () => {
    await using rig = new GrpcRig();
    const { port } = await rig.jsServer(handlers);
    const client = rig.client(port);
    const down = new Recorded(client, downMethod);
    down.call.send('a b');
    down.call.end();
    assert.deepEqual(await down.ended(), ['headers', 'message a', 'message b', 'end OK OK']);
    const up = new Recorded(client, upMethod);
    for (const part of ['1', '2', '3']) up.call.send(part);
    up.call.end();
    assert.deepEqual(await up.ended(), ['headers', 'message 1+2+3', 'end OK OK']);
    const both = new Recorded(client, bothMethod);
    both.call.send('0');
    await both.until('message re: 0');
    both.call.send('1');
    await both.until('message re: 1');
    both.call.end();
    assert.equal((await both.ended()).at(-1), 'end ABORTED bye');
  });
});

describe('how calls to a server of grpc-js end', () => {
  test('with its status, in UTF-8, and metadata that it was sent', async () => {
    await using rig = new GrpcRig();
    const { port } = await rig.jsServer({
      ...handlers,
      unary: ((call, done) => {
        const details = `größe ${call.metadata.get('x-a').join()} 10 %\n`;
        done({ code: Code.NOT_FOUND, details });
      }) satisfies grpcJs.handleUnaryCall<string, string>,
    });
    const { message, status } = await rig
      .client(port)
      .unary(unaryMethod, 'a', { metadata: { 'x-a': 'one two' } });
    assert.equal(message, null);
    assert.deepEqual(status, { code: Code.NOT_FOUND, message: 'größe one two 10 %\n' });
  });

  test('when there is no such method', async () => {
    await using rig = new GrpcRig();
    const { port } = await rig.jsServer(handlers);
    const method = { ...unaryMethod, path: '/test.Text/Other' };
    const { status } = await rig.client(port).unary(method, 'a');
    assert.equal(status.code, Code.UNIMPLEMENTED);
  });

  test('by the deadline, which the server knows', async () => {
    await using rig = new GrpcRig();
    let deadline: grpcJs.Deadline = 0;
    let cancelled = false;
    const { port } = await rig.jsServer({
      ...handlers,
      both: ((call) => {
        deadline = call.getDeadline();
        call.on('cancelled', () => {
          cancelled = true;
        });
        call.write('first');
      }) satisfies grpcJs.handleBidiStreamingCall<string, string>,
    });
    const client = rig.client(port);
    const call = new Recorded(client, bothMethod, { deadlineMs: 500 });
    const events = await call.ended();
    // Whoever is first, the server or we.
    assert.match(events.at(-1) ?? '', /^end DEADLINE_EXCEEDED /);
    assert.ok(deadline !== Number.POSITIVE_INFINITY);
    await untilTurn('cancel', () => cancelled);
    assert.equal(client.activeCalls, 0);
  });

  test('by our cancelling it', async () => {
    await using rig = new GrpcRig();
    let cancelled = false;
    const { port } = await rig.jsServer({
      ...handlers,
      both: ((call) => {
        call.on('cancelled', () => {
          cancelled = true;
        });
        call.write('first');
      }) satisfies grpcJs.handleBidiStreamingCall<string, string>,
    });
    const call = new Recorded(rig.client(port), bothMethod);
    await call.until('message first');
    call.call.cancel();
    assert.match(call.events.at(-1) ?? '', /^end CANCELLED .*cancelled by the caller$/);
    call.call.send('never');
    await untilTurn('cancel', () => cancelled);
  });

  test('messages of exactly the limit are taken, those above it end the call', async () => {
    await using rig = new GrpcRig();
    const { port } = await rig.jsServer({
      ...handlers,
      down: ((call) => {
        call.write('x'.repeat(100_000));
        call.write('x'.repeat(100_001));
      }) satisfies grpcJs.handleServerStreamingCall<string, string>,
    });
    const client = rig.client(port, { messageBytesMax: 100_000 });
    const down = new Recorded(client, downMethod);
    down.call.send('a');
    down.call.end();
    const [headers, message, end] = await down.ended();
    assert.deepEqual([headers, message], ['headers', 'message 100000 characters']);
    assert.match(end, /^end RESOURCE_EXHAUSTED .*more than 100000 bytes$/);
    const up = new Recorded(client, upMethod);
    up.call.send('x'.repeat(100_000));
    up.call.send('x'.repeat(100_001));
    assert.match((await up.ended()).at(-1) ?? '', /^end RESOURCE_EXHAUSTED .*larger than 100000/);
  });

  test('large messages go through windows, and what waits is counted', async () => {
    await using rig = new GrpcRig();
    const { port } = await rig.jsServer({
      ...handlers,
      up: ((call, done) => {
        let size = 0;
        call.on('data', (part: string) => {
          size += part.length;
        });
        call.on('end', () => done(null, `${size}`));
      }) satisfies grpcJs.handleClientStreamingCall<string, string>,
    });
    const up = new Recorded(rig.client(port), upMethod);
    for (let count = 0; count < 2; count++) up.call.send('x'.repeat(3_000_000));
    assert.equal(up.call.queuedBytes, 6_000_010);
    await up.until('drain');
    assert.equal(up.call.queuedBytes, 0);
    up.call.end();
    await up.until('message 6000000');
    assert.equal((await up.ended()).at(-1), 'end OK OK');
  });

  test('a server that goes away lets the call end, and the next one dials anew', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.jsServer(handlers);
    const client = rig.client(port);
    const first = new Recorded(client, bothMethod);
    first.call.send('0');
    await first.until('message re: 0');
    // It sends GOAWAY and waits for what is under way.
    const gone = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    await untilTurn('goaway', () => client.state === 'idle');
    first.call.send('1');
    await first.until('message re: 1');
    const { status } = await client.unary(unaryMethod, 'a');
    assert.equal(status.code, Code.UNAVAILABLE);
    assert.match(status.message, /^127\.0\.0\.1:\d+: ECONNREFUSED$/);
    first.call.end();
    assert.equal((await first.ended()).at(-1), 'end ABORTED bye');
    await gone;
  });

  test('a server that is gone in the middle of a stream', async () => {
    await using rig = new GrpcRig();
    const { server, port } = await rig.jsServer(handlers);
    const client = rig.client(port);
    const call = new Recorded(client, bothMethod);
    call.call.send('0');
    await call.until('message re: 0');
    server.forceShutdown();
    const events = await call.ended();
    assert.match(events.at(-1) ?? '', /^end (UNAVAILABLE|CANCELLED) 127\.0\.0\.1:\d+: /);
    await untilTurn('no connection', () => client.state === 'idle');
  });

  test('closing the client cancels its calls', async () => {
    await using rig = new GrpcRig();
    const { port } = await rig.jsServer(handlers);
    const client = rig.client(port);
    const call = new Recorded(client, bothMethod);
    call.call.send('0');
    await call.until('message re: 0');
    client.close();
    assert.match(call.events.at(-1) ?? '', /^end CANCELLED/);
    const late = new Recorded(client, bothMethod);
    assert.deepEqual(late.events, []);
    assert.match((await late.ended()).join(), /^end UNAVAILABLE .*the client was closed$/);
    assert.deepEqual([client.state, client.activeCalls], ['closed', 0]);
  });
});
