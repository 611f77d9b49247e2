/**
 * A client of a control plane that shares no code with it: grpc-js, with messages that protobufjs
 * reads from `api/proto` as a proxy of somebody else's would. Streams keep what they are told.
 */

import { once } from 'node:events';
import { resolve } from 'node:path';
import type { TestContext } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';
import { cleanUp } from './cleanup.ts';

const protoFolder = resolve(import.meta.dirname, '../../api/proto');
const files = [
  'authority',
  'destination',
  'identity',
  'outbound',
  'inbound',
  'registry',
  'view',
].map((name) => `${name}.proto`);
const definitions = loadSync(files, {
  includeDirs: [protoFolder],
  keepCase: true,
  longs: Number,
  defaults: false,
  oneofs: true,
});

type Message = Readonly<Record<string, unknown>>;

export class ControlClient {
  readonly #channel: grpc.Client;

  /** A port is one of 127.0.0.1. */
  constructor(t: TestContext, at: number | string) {
    const address = typeof at === 'string' ? at : `127.0.0.1:${at}`;
    this.#channel = new grpc.Client(address, grpc.credentials.createInsecure());
    cleanUp(t, () => this.#channel.close());
  }

  /** Resolves when the service is known: who is told that it is too early asks again. */
  async untilKnown(path: string): Promise<Watch> {
    const limit = AbortSignal.timeout(waitMs);
    for (;;) {
      const watch = this.get(path);
      const isKnown = await watch.message(1).then(
        () => true,
        () => false,
      );
      if (isKnown) return watch;
      if (limit.aborted) throw new Error(`${path} is not known: ${await watch.end()}`);
    }
  }

  get(path: string, token = ''): Watch {
    const request = { path, context_token: token };
    return this.watch('io.linkerd.proxy.destination.Destination', 'Get', request);
  }

  policy(authority: string, workload = ''): Watch {
    const request = { authority, source_workload: workload };
    return this.watch('io.linkerd.proxy.outbound.OutboundPolicies', 'Watch', request);
  }

  watch(service: string, method: string, request: Message): Watch {
    const { path, requestSerialize, responseDeserialize } = methodOf(service, method);
    const call = this.#channel.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => Message,
      request,
    );
    return new Watch(call);
  }

  /** The answer, or the status that it failed with. */
  ask(service: string, method: string, request: Message): Promise<Message> {
    const { path, requestSerialize, responseDeserialize } = methodOf(service, method);
    return new Promise((answered, failed) => {
      this.#channel.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize as (bytes: Buffer) => Message,
        request,
        (error, answer) => {
          if (error === null) answered(answer ?? {});
          else failed(error);
        },
      );
    });
  }

  join(): Join {
    return new Join(this.#talk('Join'));
  }

  /** Says it first, and then whatever else. */
  trust(said: Message): Trust {
    const trust = new Trust(this.#talk('Trust'));
    trust.say(said);
    return trust;
  }

  #talk(name: string): grpc.ClientDuplexStream<Message, Message> {
    const { path, requestSerialize, responseDeserialize } = methodOf(
      'heddle.registry.v1.Registry',
      name,
    );
    return this.#channel.makeBidiStreamRequest(
      path,
      requestSerialize as (message: Message) => Buffer,
      responseDeserialize as (bytes: Buffer) => Message,
    );
  }
}

/** A stream: its messages, and how it ended. */
class Watch {
  readonly messages: Message[] = [];
  ended: { readonly code: string; readonly details: string } | null = null;
  readonly call: Readonly<Pick<grpc.ClientReadableStream<Message>, 'cancel' | 'pause' | 'resume'>>;

  #news = Promise.withResolvers<void>();

  constructor(call: grpc.ClientReadableStream<Message>) {
    this.call = call;
    call.on('data', (message: Message) => {
      this.messages.push(message);
      this.#tell();
    });
    call.on('error', () => {});
    call.on('status', ({ code, details }: grpc.StatusObject) => {
      this.ended = { code: grpc.status[code], details };
      this.#tell();
    });
  }

  /** Resolves with the message number `count`, from 1. */
  async message(count: number, withinMs = waitMs): Promise<Message> {
    await this.#until(() => this.messages.length >= count, withinMs);
    return this.messages[count - 1];
  }

  async end(): Promise<string> {
    await this.#until(() => this.ended !== null);
    return `${this.ended?.code} ${this.ended?.details}`.trimEnd();
  }

  /** The endpoints that all messages of Destination.Get so far make, as `host:port`. */
  get endpoints(): string[] {
    const set = new Set<string>();
    for (const { add, remove } of this.messages as readonly Updates[]) {
      for (const { addr } of add?.addrs ?? []) set.add(formatAddress(addr));
      for (const addr of remove?.addrs ?? []) set.delete(formatAddress(addr));
    }
    return [...set].toSorted();
  }

  async untilEndpoints(...wanted: readonly string[]): Promise<void> {
    const expected = wanted.toSorted().join(' ');
    await this.#until(() => this.messages.length > 0 && this.endpoints.join(' ') === expected);
  }

  /** Resolves when there are so many endpoints. */
  async untilCount(count: number): Promise<void> {
    await this.#until(() => this.messages.length > 0 && this.endpoints.length === count);
  }

  async #until(done: () => boolean, withinMs = waitMs): Promise<void> {
    const limit = AbortSignal.timeout(withinMs);
    const late = once(limit, 'abort');
    while (!done()) {
      if (limit.aborted || this.ended !== null) throw new Error(`never came: ${this.#describe()}`);
      await Promise.race([this.#news.promise, late]);
    }
  }

  #describe(): string {
    const { code, details } = this.ended ?? { code: 'still open', details: '' };
    return `${code} ${details} after ${JSON.stringify(this.messages.slice(-3)).slice(0, 2_000)}`;
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers<void>();
  }
}

class Join extends Watch {
  readonly #call: grpc.ClientDuplexStream<Message, Message>;

  constructor(call: grpc.ClientDuplexStream<Message, Message>) {
    super(call);
    this.#call = call;
  }

  register(registration: Message): void {
    this.#call.write({ registration });
  }

  say(serving: boolean): void {
    this.#call.write({ state: { serving } });
  }

  close(): void {
    this.#call.end();
  }
}

class Trust extends Watch {
  readonly #call: grpc.ClientDuplexStream<Message, Message>;

  constructor(call: grpc.ClientDuplexStream<Message, Message>) {
    super(call);
    this.#call = call;
  }

  say(message: Message): void {
    this.#call.write(message);
  }
}

const waitMs = 15_000;

interface TcpAddress {
  readonly ip: { readonly ipv4: number };
  readonly port: number;
}

interface Updates {
  readonly add?: { readonly addrs?: readonly { readonly addr: TcpAddress }[] };
  readonly remove?: { readonly addrs?: readonly TcpAddress[] };
}

function formatAddress({ ip: { ipv4 }, port }: TcpAddress): string {
  const octets = [ipv4 >>> 24, (ipv4 >>> 16) & 255, (ipv4 >>> 8) & 255, ipv4 & 255];
  return `${octets.join('.')}:${port}`;
}

function methodOf(service: string, method: string) {
  return (definitions[service] as ServiceDefinition)[method];
}
