/**
 * A process that is a thousand proxies: each a connection of its own with watches of
 * Destination.Get, through the client and the codec that a proxy uses. Takes its orders from the
 * channel, and ends with it.
 */

import {
  decodeUpdate,
  encodeGetDestination,
  type Update,
} from '../../api/gen/proxy/destination.ts';
import { GrpcClient } from '../../core/grpc/client.ts';
import type { Status } from '../../core/grpc/status.ts';
import { clientMethod, createClientEnv } from '../grpc-calls.ts';
import { joinAll } from './joiners.ts';
import { type FromWatchers, sharedNowMs, type ToWatchers } from './messages.ts';

const env = createClientEnv();
const get = clientMethod(
  '/io.linkerd.proxy.destination.Destination/Get',
  encodeGetDestination,
  decodeUpdate,
);

/** A thousand that come at once wait for each other. */
const connectTimeoutMs = 30_000;
let clients: GrpcClient[] = [];
let plan: Extract<ToWatchers, { kind: 'open' }> | null = null;
let startedMs = 0;
let missing = 0;
/** Watches that ended although nobody cut them. */
let endedEarly = 0;
let expected: { path: string; endpointPort: number; left: number; seen: number } | null = null;

function tell(message: FromWatchers): void {
  process.send?.(message);
}

/** Watches of an older opening are over and count for nothing. */
let opening = 0;

function open(): void {
  if (plan === null) return;
  opening += 1;
  startedMs = sharedNowMs();
  missing = plan.proxies * plan.paths.length;
  for (let index = 0; index < plan.proxies; index++) {
    const client = new GrpcClient(
      env,
      { host: '127.0.0.1', port: plan.port },
      { connectTimeoutMs },
    );
    clients.push(client);
    for (const path of plan.paths) watch(client, path, opening);
  }
}

function watch(client: GrpcClient, path: string, own: number): void {
  let first = true;
  const call = client.call(get, {
    onMessage(update) {
      if (own !== opening) return;
      if (first) {
        first = false;
        missing -= 1;
        if (missing === 0) {
          tell({ kind: 'complete', tookMs: sharedNowMs() - startedMs, endedEarly });
        }
        return;
      }
      look(path, update);
    },
    onEnd(status: Status) {
      if (own !== opening) return;
      endedEarly += 1;
      if (endedEarly === 1) {
        tell({ kind: 'failed', reason: `a watch ended: ${status.code} ${status.message}` });
      }
    },
  });
  call.send({ scheme: '', path, contextToken: '{"ns":"default","pod":"bench"}' });
  call.end();
}

function look(path: string, { update }: Update): void {
  if (expected === null || expected.path !== path || update?.kind !== 'add') return;
  const wanted = expected.endpointPort;
  if (!update.value.addrs.some(({ addr }) => addr?.port === wanted)) return;
  expected.left -= 1;
  expected.seen += 1;
  if (expected.left > 0) return;
  tell({ kind: 'seen', watchers: expected.seen, atMs: sharedNowMs() });
  expected = null;
}

process.on('message', (order: ToWatchers) => {
  switch (order.kind) {
    case 'open':
      plan = order;
      open();
      break;
    case 'expect':
      expected = { ...order, left: plan?.proxies ?? 0, seen: 0 };
      tell({ kind: 'armed' });
      break;
    case 'storm': {
      const before = clients;
      clients = [];
      opening += 1;
      for (const client of before) client.close();
      open();
      break;
    }
    case 'join':
      joinAll(env, order, tell);
      break;
  }
});
process.once('disconnect', () => process.exit(0));
