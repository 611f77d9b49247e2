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
