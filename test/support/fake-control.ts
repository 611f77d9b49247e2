/**
 * A control plane for tests: a server of grpc-js or of ours with the codec of `api/gen/control`,
 * which says what a test scripts, by method and by what is asked for, and keeps the open calls.
 */

import { type AddressInfo, createServer, type Socket as NetSocket } from 'node:net';
import { fromBinary, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import * as grpcJs from '@grpc/grpc-js';
import {
  DestinationProfileSchema,
  GetDestinationSchema,
  UpdateSchema,
} from '../../api/gen/control/destination_pb.ts';
import { PortSpecSchema, ServerSchema } from '../../api/gen/control/inbound_pb.ts';
import { OutboundPolicySchema, TrafficSpecSchema } from '../../api/gen/control/outbound_pb.ts';
import { GrpcServer, type GrpcServerOptions } from '../../core/grpc/server.ts';

type FakeApi = 'destination' | 'profile' | 'outbound' | 'inbound';

/** A message as JSON, bytes as they are, or a status code that ends the stream. */
type Said = JsonValue | Buffer;

/** What is asked for: a name with its port, or a port. */
interface FakeCall {
  readonly api: FakeApi;
  readonly asked: string;
  readonly request: unknown;
  send(message: Said): void;
  fail(code: number): void;
}

export class FakeControl {
  /** Of each method and name: the messages that a stream begins with, or a status code. */
  readonly script = new Map<string, readonly Said[] | number>();
  /** Open ones. */
  readonly calls = new Set<FakeCall>();
  /** All that ever came. */
  readonly asked: string[] = [];
  port = 0;
  #stop: () => void = () => undefined;

  /** As a server of grpc-js. */
  async start(port = 0): Promise<this> {
    const server = new grpcJs.Server();
    for (const [api, { service, method }] of Object.entries(methods)) {
      const definition = {
        path: `/io.linkerd.proxy.${service}/${method}`,
        requestStream: false,
        responseStream: true,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      };
      const handle: grpcJs.handleServerStreamingCall<Buffer, Buffer> = (call) => {
        const { open, forget } = this.#open(api as FakeApi, call.request, {
          write: (bytes) => call.write(bytes),
          fail: (code) => call.emit('error', { code, details: 'scripted' }),
        });
        if (open) call.on('cancelled', forget).on('close', forget);
      };
      server.addService({ [method]: definition }, { [method]: handle });
    }
    const insecure = grpcJs.ServerCredentials.createInsecure();
    this.port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, insecure, (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    this.#stop = () => server.forceShutdown();
    return this;
  }

  /** As a server of ours. */
  async startOwn(
    env: ConstructorParameters<typeof GrpcServer>[0],
    attach: (server: GrpcServer) => void = () => undefined,
    { host = '127.0.0.1', apis, ...options }: GrpcServerOptions & OwnOptions = {},
  ): Promise<this> {
    const server = new GrpcServer(env, options);
    attach(server);
    for (const [api, { service, method }] of Object.entries(methods)) {
      if (apis?.includes(api as FakeApi) === false) continue;
      const path = `/io.linkerd.proxy.${service}/${method}`;
      server.handle({ path, request: bytesCodec, response: bytesCodec }, (call) => {
        call.onMessage = (request) => {
          const { forget } = this.#open(api as FakeApi, request, {
            write: (bytes) => call.send(bytes),
            fail: (code) => {
              call.onCancel();
              call.end({ code, message: 'scripted' });
            },
          });
          call.onCancel = forget;
        };
      });
    }
    const accept = (socket: NetSocket): void => server.accept(socket);
    const listener = createServer({ pauseOnConnect: true, allowHalfOpen: true }, accept);
    await new Promise<void>((resolve) => listener.listen(0, host, resolve));
    this.port = (listener.address() as AddressInfo).port;
    this.#stop = () => {
      listener.close();
      server.close();
    };
    return this;
  }

  stop(): void {
    this.#stop();
    this.#stop = () => undefined;
    this.calls.clear();
  }

  open(api: FakeApi, asked: string): FakeCall[] {
    return [...this.calls].filter((call) => call.api === api && call.asked === asked);
  }

  /** To all open streams, and to begin later ones with. */
  say(api: FakeApi, asked: string, message: Said): void {
    this.script.set(`${api} ${asked}`, [message]);
    for (const call of this.open(api, asked)) call.send(message);
  }

  /** A service as Heddle's control plane tells it. */
  service(name: string, ports: readonly number[], protocol: JsonValue = detect(name)): void {
    const [service, namespace] = name.split(/[.:]/);
    const metadata = { resource: { kind: 'Service', name: service, namespace, port: 80 } };
    this.say('outbound', name, { protocol, metadata });
    this.say('profile', name, { fullyQualifiedName: name });
    this.say('destination', name, { add: setOf(ports) });
  }

  /** Begins as scripted; `open` is false when that was its end. */
  #open(api: FakeApi, bytes: Uint8Array, wire: Wire): { open: boolean; forget: () => void } {
    const { schema, reply } = methods[api];
    const request = fromBinary(schema as GenMessage<never>, bytes) as Request;
    const asked = askedOf(request);
    this.asked.push(`${api} ${asked}`);
    const schemaOf = reply as GenMessage<never>;
    const send = (said: Said): void => {
      wire.write(
        Buffer.isBuffer(said) ? said : Buffer.from(toBinary(schemaOf, fromJson(schemaOf, said))),
      );
    };
    const call: FakeCall = { api, asked, request, send, fail: (code) => wire.fail(code) };
    const forget = (): void => {
      this.calls.delete(call);
    };
    const said = this.script.get(`${api} ${asked}`) ?? grpcJs.status.NOT_FOUND;
    if (typeof said === 'number') {
      wire.fail(said);
      return { open: false, forget };
    }
    this.calls.add(call);
    for (const message of said) send(message);
    return { open: true, forget };
  }
}

interface OwnOptions {
  readonly host?: string;
  /** What it answers; all of it by default. */
  readonly apis?: readonly FakeApi[];
}

interface Wire {
  write(bytes: Buffer): void;
  fail(code: number): void;
}

export function encodeOutbound(policy: JsonValue): Uint8Array {
  return toBinary(OutboundPolicySchema, fromJson(OutboundPolicySchema, policy));
}

export function encodeProfile(profile: JsonValue): Uint8Array {
  return toBinary(DestinationProfileSchema, fromJson(DestinationProfileSchema, profile));
}

export function encodeServer(server: JsonValue): Uint8Array {
  return toBinary(ServerSchema, fromJson(ServerSchema, server));
}

/** Addresses 10.0.0.1 with these ports. */
export function setOf(ports: readonly number[]): { addrs: JsonValue[] } {
  return { addrs: ports.map((port) => ({ addr: address(port), weight: 10_000 })) };
}

export function address(port: number): { ip: { ipv4: number }; port: number } {
  return { ip: { ipv4: 0x0a00_0001 }, port };
}

/** What a service without any policy has. */
export function detect(path: string): JsonValue {
  const backend = {
    balancer: { discovery: { dst: { path } }, peakEwma: { defaultRtt: '0.030s', decay: '10s' } },
  };
  const backends = { firstAvailable: { backends: [{ backend }] } };
  const http = {
    routes: [{ rules: [{ matches: [{ path: { prefix: '/' } }], backends }] }],
  };
  const opaque = { routes: [{ rules: [{ backends }] }] };
  return { detect: { timeout: '10s', opaque, http1: http, http2: http } };
}

/** An inbound policy that lets in everyone. */
export function everyone(): { [name: string]: JsonValue } {
  const networks = [
    { net: { ip: { ipv4: 0 }, prefixLen: 0 } },
    { net: { ip: { ipv6: {} }, prefixLen: 0 } },
  ];
  return {
    protocol: {
      detect: {
        timeout: '10s',
        httpRoutes: [{ rules: [{ matches: [{ path: { prefix: '/' } }] }] }],
      },
    },
    authorizations: [{ networks, authentication: { unauthenticated: {} } }],
    labels: { kind: 'default', name: 'all-unauthenticated' },
  };
}

interface Request {
  readonly path?: string;
  readonly port?: number;
  readonly target?: { readonly case: string; readonly value: unknown };
}

function askedOf({ path, port, target }: Request): string {
  if (target?.case === 'authority') return String(target.value);
  if (target?.case === 'addr') return `addr ${(target.value as { port: number }).port}`;
  return path ?? String(port);
}

const bytesCodec = { encode: (bytes: Uint8Array) => bytes, decode: (bytes: Uint8Array) => bytes };
const same = (bytes: Buffer): Buffer => bytes;

const methods = {
  destination: {
    service: 'destination.Destination',
    method: 'Get',
    schema: GetDestinationSchema,
    reply: UpdateSchema,
  },
  profile: {
    service: 'destination.Destination',
    method: 'GetProfile',
    schema: GetDestinationSchema,
    reply: DestinationProfileSchema,
  },
  outbound: {
    service: 'outbound.OutboundPolicies',
    method: 'Watch',
    schema: TrafficSpecSchema,
    reply: OutboundPolicySchema,
  },
  inbound: {
    service: 'inbound.InboundServerPolicies',
    method: 'WatchPort',
    schema: PortSpecSchema,
    reply: ServerSchema,
  },
};
