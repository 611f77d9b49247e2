/** The services of the suites on a server of grpc-js. */

import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import {
  type AggregatedSize,
  type HealthRequest,
  type HealthResponse,
  healthService,
  type PayloadMessage,
  payloadOf,
  type SimpleRequest,
  type StreamRequest,
  testService,
} from './grpc-messages.ts';

export interface GrpcServer {
  readonly port: number;
  /** Calls that their client has cancelled, or whose time was up. */
  readonly cancelled: number;
  untilCancelled(count: number): Promise<void>;
  /** Of all services, for whoever asks or watches. */
  setHealth(status: HealthResponse['status']): void;
  /** Lets calls end, and takes no more of them. */
  leave(): Promise<void>;
}

export async function startGrpcServer(t: TestContext, port = 0): Promise<GrpcServer> {
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  const test = new TestService();
  const health = new HealthService();
  server.addService(testService, test.implementation);
  server.addService(healthService, health.implementation);
  const bound = await new Promise<number>((resolve, reject) => {
    const address = `127.0.0.1:${port}`;
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  t.after(() => server.forceShutdown());
  return {
    port: bound,
    get cancelled() {
      return test.cancelled;
    },
    untilCancelled: (count) => test.untilCancelled(count),
    setHealth: (status) => health.set(status),
    leave: () =>
      new Promise((resolve, reject) => {
        server.tryShutdown((error) => (error === undefined ? resolve() : reject(error)));
      }),
  };
}

type Duplex = ServerDuplexStream<StreamRequest, PayloadMessage>;

class TestService {
  cancelled = 0;
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  readonly implementation = {
    EmptyCall: (_call: ServerUnaryCall<object, object>, answer: sendUnaryData<object>) =>
      answer(null, {}),

    UnaryCall: (
      call: ServerUnaryCall<SimpleRequest, PayloadMessage>,
      answer: sendUnaryData<PayloadMessage>,
    ) => {
      const { responseStatus, responseSize = 0 } = call.request;
      const trailing = trailingEcho(call.metadata);
      if (responseStatus != null && responseStatus.code !== 0) {
        const { code, message } = responseStatus;
        answer({ code, details: message, metadata: trailing });
        return;
      }
      call.sendMetadata(initialEcho(call.metadata));
      answer(null, { payload: payloadOf(responseSize) }, trailing);
    },

    StreamingInputCall: (
      call: ServerReadableStream<PayloadMessage, AggregatedSize>,
      answer: sendUnaryData<AggregatedSize>,
    ) => {
      let aggregatedPayloadSize = 0;
      call.on('data', ({ payload }: PayloadMessage) => {
        aggregatedPayloadSize += payload?.body.length ?? 0;
      });
      call.on('end', () => answer(null, { aggregatedPayloadSize }));
      call.on('cancelled', () => this.#onCancelled());
    },

    StreamingOutputCall: async (call: ServerWritableStream<StreamRequest, PayloadMessage>) => {
      call.on('cancelled', () => this.#onCancelled());
      await respond(call, call.request);
      if (!call.cancelled) call.end();
    },

    FullDuplexCall: (call: Duplex) => {
      call.on('cancelled', () => this.#onCancelled());
      call.on('error', () => {});
      call.sendMetadata(initialEcho(call.metadata));
      converse(call).catch((error: unknown) => {
        // Reading fails when the client has left.
        if (!call.destroyed) throw error;
      });
    },
  };

  untilCancelled(count: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.cancelled >= count) resolve();
      else this.#waiting.push({ count, resolve });
    });
  }

  #onCancelled(): void {
    this.cancelled += 1;
    for (const { count, resolve } of this.#waiting) if (this.cancelled >= count) resolve();
  }
}

async function converse(call: Duplex): Promise<void> {
  // The end of the requests is not the end of the call.
  for await (const message of call.iterator({ destroyOnReturn: false })) {
    const request = message as StreamRequest;
    if (request.responseStatus != null && request.responseStatus.code !== 0) {
      const { code, message: details } = request.responseStatus;
      call.emit('error', { code, details });
      return;
    }
    await respond(call, request);
  }
  if (!call.cancelled) call.end(trailingEcho(call.metadata));
}

/** Sends what the request asks for, no faster than it is read. */
async function respond(
  call: ServerWritableStream<StreamRequest, PayloadMessage> | Duplex,
  { responseParameters = [] }: StreamRequest,
): Promise<void> {
  for (const { size, intervalUs = 0 } of responseParameters) {
    if (intervalUs > 0) await waitUnlessCancelled(call, intervalUs / 1000);
    if (call.cancelled) return;
    await new Promise<void>((resolve) => {
      call.once('cancelled', resolve);
      call.write({ payload: payloadOf(size) }, () => {
        call.off('cancelled', resolve);
        resolve();
      });
    });
  }
}

async function waitUnlessCancelled(
  call: { once(event: string, listener: () => void): unknown },
  ms: number,
): Promise<void> {
  const stop = new AbortController();
  call.once('cancelled', () => stop.abort());
  await wait(ms, undefined, { signal: stop.signal }).catch(() => {});
}

class HealthService {
  #status: HealthResponse['status'] = 'SERVING';
  readonly #watchers = new Set<ServerWritableStream<HealthRequest, HealthResponse>>();
  readonly implementation = {
    Check: (
      _call: ServerUnaryCall<HealthRequest, HealthResponse>,
      answer: sendUnaryData<HealthResponse>,
    ) => answer(null, { status: this.#status }),

    Watch: (call: ServerWritableStream<HealthRequest, HealthResponse>) => {
      this.#watchers.add(call);
      call.on('cancelled', () => this.#watchers.delete(call));
      call.write({ status: this.#status });
    },
  };

  set(status: HealthResponse['status']): void {
    this.#status = status;
    for (const watcher of this.#watchers) watcher.write({ status });
  }
}

function initialEcho(metadata: Metadata): Metadata {
  return pick(metadata, 'x-grpc-test-echo-initial');
}

function trailingEcho(metadata: Metadata): Metadata {
  return pick(metadata, 'x-grpc-test-echo-trailing-bin');
}

function pick(metadata: Metadata, name: string): Metadata {
  const picked = new Metadata();
  for (const value of metadata.get(name)) picked.add(name, value);
  return picked;
}
