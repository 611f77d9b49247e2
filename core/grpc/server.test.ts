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
  type TextClient,
  unaryMethod,
  upMethod,
} from '../../test/support/grpc-rig.ts';
import { untilTurn } from '../../test/support/turns.ts';
import type { GrpcServer } from './server.ts';
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
