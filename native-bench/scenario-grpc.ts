/**
 * gRPC through one proxy: real calls by ghz to the server of grpc-go, which are its own limit and
 * leave a proxy mostly idle, and requests of the same shape by h2load to nghttpd, which do not.
 */

import type { Bench, Comparison, Outcome, Scenario } from './bench.ts';
import { comparePeers, planService } from './compare.ts';
import { findGhz, findGrpcServer, type GhzLoad, runGhz, startGrpcServer } from './ghz.ts';
import { contendH2, contendRun } from './measure-h2.ts';
import { startH2Origin } from './origin-nghttpd.ts';

export const grpc: Scenario = {
  name: 'grpc',
  about: 'gRPC: unary and server-streaming calls by ghz, requests of that shape by h2load',
  needs: ['nghttpd', 'h2load'],
  execute: async (bench) => [
    await compareShape(bench),
    await compareCalls(bench, 'gRPC unary, ghz, 64 calls on 4 connections', {
      method: 'UnaryCall',
      message: { response_size: 36, payload: { body: 'YWJj' } },
      connections: 4,
      calls: 64,
    }),
    await compareCalls(bench, 'gRPC, 100 messages of 100 bytes a call, ghz, 16 calls', {
      method: 'StreamingOutputCall',
      message: { response_parameters: Array.from({ length: 100 }, () => ({ size: 100 })) },
      connections: 4,
      calls: 16,
    }),
  ],
};

/** POST with a message of 3 bytes; an answer with one of 36, and its status in trailers. */
async function compareShape(bench: Bench): Promise<Outcome> {
  const path = '/grpc.testing.TestService/UnaryCall.grpc';
  const answer = messageOf('abcdefghijklmnopqrstuvwxyz0123456789');
  const { run, options } = bench;
  const files = [{ name: path, content: answer }];
  const origin = await startH2Origin(run, options.loadCores, files, 'grpc-status: 0');
  const shape = {
    connections: 16,
    streams: 32,
    path,
    fields: ['content-type: application/grpc', 'te: trailers'],
    content: messageOf('abc'),
  };
  const title = 'gRPC unary, h2load, 16 x 32 streams';
  const plan = planService(bench, 'http2', origin.endpoint);
  const outcome = await comparePeers(bench, title, plan, (subject) =>
    contendH2(bench, subject, origin.port, shape),
  );
  await origin.end();
  return outcome;
}

async function compareCalls(bench: Bench, title: string, load: GhzLoad): Promise<Comparison> {
  for (const found of [findGhz(), findGrpcServer()]) {
    if (found.kind === 'found') continue;
    const missing = [{ name: 'all', reason: found.reason }];
    return { kind: 'comparison', title, unit: 'request', ratio: 'peers', measured: [], missing };
  }
  const { run } = bench;
  const { loadCores } = bench.options;
  const { port, started } = await startGrpcServer(run, loadCores);
  const plan = planService(bench, 'http2', `127.0.0.1:${port}`);
  const outcome = await comparePeers(bench, title, plan, (subject) =>
    contendRun(bench, subject, port, (seconds) =>
      runGhz(run, subject.port, load, seconds, loadCores),
    ),
  );
  await run.end(started);
  return outcome;
}

/** Length-prefixed and not compressed, as gRPC puts messages into content. */
function messageOf(text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
}
