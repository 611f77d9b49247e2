/** The compared server on connect-node, whose handlers yield messages that it encodes for each. */

import { createServer } from 'node:http2';
import type { ConnectRouter, HandlerContext } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import {
  Destination,
  type GetDestination,
  type Update,
} from '../../api/gen/control/destination_pb.ts';
import { changeUpdate, firstUpdate, serveBench } from './served.ts';

class Watcher {
  readonly #waiting: Update[] = [];
  #wake: (() => void) | null = null;

  push(update: Update): void {
    this.#waiting.push(update);
    this.#wake?.();
  }

  async *updates(signal: AbortSignal): AsyncGenerator<Update> {
    signal.addEventListener('abort', () => this.#wake?.());
    while (!signal.aborted) {
      const update = this.#waiting.shift();
      if (update !== undefined) yield update;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

const watchers = new Map<string, Set<Watcher>>();
const first = firstUpdate();

async function* get({ path }: GetDestination, context: HandlerContext): AsyncGenerator<Update> {
  const all = watchers.get(path) ?? new Set();
  const watcher = new Watcher();
  watchers.set(path, all.add(watcher));
  try {
    watcher.push(first);
    yield* watcher.updates(context.signal);
  } finally {
    all.delete(watcher);
  }
}

const routes = (router: ConnectRouter): ConnectRouter => router.service(Destination, { get });
const server = createServer(
  { settings: { maxConcurrentStreams: 1000 } },
  connectNodeAdapter({ routes }),
);
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  const address = server.address();
  serveBench(typeof address === 'object' ? (address?.port ?? 0) : 0, (path, endpointPort) => {
    const update = changeUpdate(endpointPort);
    for (const watcher of watchers.get(path) ?? []) watcher.push(update);
  });
});
