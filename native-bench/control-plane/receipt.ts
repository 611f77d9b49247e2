/**
 * How long a proxy goes on sending requests to endpoints from the moment when a control plane has
 * sent that they are gone: a control plane of the bench's own with two sets of a thousand, an
 * origin for each under as many addresses of the loopback, and one client that never stops.
 */

import { once } from 'node:events';
import { createServer as createOrigin } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type { GetDestination, Update } from '../../api/gen/control/destination_pb.ts';
import {
  changesBetween,
  type EndpointSet,
  endpointSet,
  wholeSet,
} from '../../control/serve/endpoint-updates.ts';
import { destinationGet, outboundWatch } from '../../control/serve/methods.ts';
import { outboundPolicy } from '../../control/serve/outbound-policy.ts';
import { systemClock as clock } from '../../core/base/clock.ts';
import { Deadlines } from '../../core/base/deadlines.ts';
import { systemRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { GrpcServer } from '../../core/grpc/server.ts';
import type { ServerCall } from '../../core/grpc/server-call.ts';
import { Io } from '../../core/io/io.ts';
import type { Bench } from '../bench.ts';
import { projectDir } from '../peer.ts';
import { findFreePorts } from '../run.ts';

/**
 * Milliseconds until the last answer of an endpoint that was gone, one for each swap: the new set
 * is added first, and when it has long been known the old one is removed.
 */
export async function measureReceipt(bench: Bench): Promise<number[]> {
  const origins = await Promise.all(['A', 'B'].map(startOrigin));
  const sets = origins.map(({ port }) => setOf(port));
  const control = await startControl(sets[0]);
  const [outbound, admin] = await findFreePorts(2);
  const proxy = bench.run.start({
    name: 'proxy',
    command: join(projectDir, 'cli/heddle'),
    args: [
      'proxy',
      '--workers=1',
      '--state-dir=off',
      `--control=127.0.0.1:${control.port}`,
      `--outbound=127.0.0.1:${outbound}`,
      `--admin=127.0.0.1:${admin}`,
    ],
    cores: bench.options.proxyCores,
  });
  await bench.run.waitForPort(proxy, outbound);
  const client = new EndlessClient(connect(outbound, '127.0.0.1'));
  const tookMs: number[] = [];
  for (let swap = 1; swap <= swaps; swap++) {
    const [before, after] = swap % 2 === 1 ? sets : sets.toReversed();
    const both = joinSets(before, after);
    control.change(both);
    await sleep(restMs);
    const sentMs = performance.now();
    control.change(after);
    await sleep(restMs);
    tookMs.push(Math.max(0, client.lastMs(swap % 2 === 1 ? 'A' : 'B') - sentMs));
  }
  client.end();
  await bench.run.end(proxy);
  control.close();
  for (const { close } of origins) close();
  return tookMs;
}

function setOf(port: number): EndpointSet {
  const endpoints = Array.from({ length: endpointsEach }, (_, index): ResolvedEndpoint => {
    const host = `127.2.${index >> 8}.${index & 255}`;
    return { host, port, weight: 1, zone: '' };
  });
  return endpointSet('default', 'web', endpoints);
}

async function startOrigin(name: string): Promise<{ port: number; close: () => void }> {
  const server = createOrigin((_request, response) => response.end(name));
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

async function startControl(first: EndpointSet) {
  const timers = new TimerWheel(clock);
  const io = new Io(clock, new Float64Array(2));
  const server = new GrpcServer({
    io,
    timers,
    deadlines: new Deadlines(timers, io),
    random: systemRandom(),
    meter: { readCell: 0, writeCell: 1 },
  });
  let set = first;
  const calls = new Set<ServerCall<GetDestination, Update>>();
  server.handle(outboundWatch, (call) => {
    call.onMessage = () => call.send(outboundPolicy(subject));
  });
  server.handle(destinationGet, (call) => {
    call.onMessage = () => {
      calls.add(call);
      call.onCancel = () => calls.delete(call);
      for (const frame of wholeSet(set)) call.sendFrame(frame);
    };
  });
  const listener = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    server.accept(socket);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    change(next: EndpointSet): void {
      const frames = changesBetween(set, next);
      set = next;
      for (const call of calls) for (const frame of frames) call.sendFrame(frame);
    },
    close(): void {
      server.close();
      listener.close();
      timers.close();
    },
  };
}

/** Asks again a moment after it has been answered, so that the worker is not busy with it. */
class EndlessClient {
  readonly #socket: Socket;
  readonly #last = new Map<string, number>();

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.#last.set(text.at(-1) ?? '', performance.now());
      setTimeout(() => socket.write(request), pauseMs);
    });
    socket.write(request);
  }

  /** When `origin` answered last. */
  lastMs(origin: string): number {
    return this.#last.get(origin) ?? 0;
  }

  end(): void {
    this.#socket.destroy();
  }
}

function joinSets(before: EndpointSet, after: EndpointSet): EndpointSet {
  return { ...after, endpoints: new Map([...before.endpoints, ...after.endpoints]) };
}

const subject = {
  authority: 'web.default.svc.cluster.local:80',
  namespace: 'default',
  service: 'web',
  port: 80,
  protocol: 'auto',
  refusal: '',
} as const;
const request = 'GET / HTTP/1.1\r\nHost: web\r\n\r\n';
const endpointsEach = 1_000;
const swaps = 20;
const restMs = 150;
const pauseMs = 1;
