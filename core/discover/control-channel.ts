/**
 * Calls to a control plane of several instances: one client for each of its addresses, and for
 * each call the less busy of two, drawn among those that have not just failed. One that failed is
 * passed over for a while, then tried with one call at a time, so that it never takes all of them.
 */

import type { Address } from '../../api/settings.ts';
import { backoffMs } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import {
  controlAddressesMax,
  controlCallsPerConnectionMax,
  controlShutMaxMs,
  controlShutMinMs,
} from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { GrpcClient } from '../grpc/client.ts';
import type { CallListener } from '../grpc/client-call.ts';
import type { Method } from '../grpc/method.ts';
import { GrpcCode } from '../http/grpc.ts';
import { formatAddress } from './address-text.ts';

/** What is used of `GrpcClient` of core/grpc. */
export type ControlClient = Pick<GrpcClient, 'call' | 'close'>;

export interface ControlCall {
  /** Whom it was sent to. */
  readonly address: string;
  /** Ends the call. `silent`: because nothing came, which speaks against the address. */
  cancel(silent: boolean): void;
}

/** A call whose requests are not over with the first. */
export interface ControlStream<Request> extends ControlCall {
  send(request: Request): void;
}

interface ChannelEnv {
  readonly clock: Clock;
  readonly random: Random;
  /** `anonymous`: it shows no certificate, also where there is one. */
  readonly openClient: (address: Address, anonymous: boolean) => ControlClient;
  /** Whether it takes watches of somebody like us; everybody does, as a rule. */
  readonly isOpenTo?: (address: Address) => boolean;
  /** Whether connections there show a certificate; none does, as a rule. */
  readonly isSecured?: (address: Address) => boolean;
}

/** A connection; the number of its calls is kept below what servers allow. */
interface Line {
  readonly client: ControlClient;
  /** For one call. */
  readonly single: boolean;
  active: number;
  /** We ourselves hang up: that says nothing against the instance. */
  leaving: boolean;
}

interface Instance {
  readonly address: string;
  readonly target: Address;
  readonly lines: Line[];
  active: number;
  failures: number;
  shutUntilMs: number;
}

export class ControlChannel {
  readonly #env: ChannelEnv;
  readonly #instances = new Map<string, Instance>();
  readonly #waiters = new Set<() => void>();

  constructor(env: ChannelEnv) {
    this.#env = env;
  }

  /** `none`: no address is known; `failing`: all have failed when they were asked last. */
  get state(): 'none' | 'failing' | 'usable' {
    if (this.#instances.size === 0) return 'none';
    for (const { failures } of this.#instances.values()) if (failures === 0) return 'usable';
    return 'failing';
  }

  /** Those that are gone lose their calls. An empty set changes nothing. */
  setAddresses(addresses: readonly Address[]): void {
    if (addresses.length === 0) return;
    const wanted = new Map<string, Address>();
    for (const address of addresses.slice(0, controlAddressesMax)) {
      wanted.set(formatAddress(address), address);
    }
    for (const [address, target] of wanted) {
      if (this.#instances.has(address)) continue;
      const instance = { address, target, lines: [], active: 0, failures: 0, shutUntilMs: 0 };
      this.#instances.set(address, instance);
    }
    const gone = [...this.#instances.values()].filter(({ address }) => !wanted.has(address));
    for (const { address } of gone) this.#instances.delete(address);
    for (const instance of gone) hangUp(instance);
    this.#tellWaiters();
  }

  get addresses(): readonly Address[] {
    return [...this.#instances.values()].map(({ target }) => target);
  }

  /** Hangs up on those that are meant, for they are to be spoken to in another way now. */
  renew(isMeant: (address: Address) => boolean): void {
    const meant = [...this.#instances.values()].filter(({ target }) => isMeant(target));
    for (const instance of meant) hangUp(instance);
    this.#tellWaiters();
  }

  /** Null while nobody is known who would take the call: `whenUsable` tells. */
  open<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    listener: CallListener<Response>,
  ): ControlCall | null {
    const instance = this.#pick((one) => this.#isOpenTo(one));
    if (instance === null) return null;
    return this.#begin(instance, this.#line(instance), method, request, listener, true);
  }

  /**
   * The same for a method that needs no certificate, on a connection that shows none: one that has
   * expired, or whose trust anchor has gone, is refused before a call can be made.
   */
  openAnonymous<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    listener: CallListener<Response>,
  ): ControlCall | null {
    const instance = this.#pick(() => true);
    if (instance === null) return null;
    const isAlone = this.#env.isSecured?.(instance.target) ?? false;
    const line = isAlone ? this.#addLine(instance, true) : this.#line(instance);
    return this.#begin(instance, line, method, request, listener, true);
  }

  /** The same for a method that more requests follow for. */
  openStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    listener: CallListener<Response>,
  ): ControlStream<Request> | null {
    const instance = this.#pick((one) => this.#isOpenTo(one));
    if (instance === null) return null;
    return this.#begin(instance, this.#line(instance), method, request, listener, false);
  }

  /** Calls `waiter` once when there is somebody to ask. */
  whenUsable(waiter: () => void): () => void {
    this.#waiters.add(waiter);
    return () => this.#waiters.delete(waiter);
  }

  close(): void {
    this.#waiters.clear();
    const instances = [...this.#instances.values()];
    this.#instances.clear();
    for (const instance of instances) hangUp(instance);
  }

  #begin<Request, Response>(
    instance: Instance,
    line: Line,
    method: Method<Request, Response>,
    request: Request,
    listener: CallListener<Response>,
    isWhole: boolean,
  ): ControlStream<Request> {
    let over = false;
    const leave = (failed: boolean): void => {
      over = true;
      instance.active -= 1;
      this.#leave(instance, line);
      if (failed && !line.leaving) this.#failed(instance);
    };
    instance.active += 1;
    line.active += 1;
    const call = line.client.call(method, {
      onMessage: (message) => {
        if (over) return;
        instance.failures = 0;
        listener.onMessage(message);
      },
      onEnd: (status) => {
        if (over) return;
        leave(!answerCodes.has(status.code));
        listener.onEnd(status);
      },
    });
    if (!over) {
      call.send(request);
      if (isWhole) call.end();
    }
    return {
      address: instance.address,
      send: (more) => {
        if (!over) call.send(more);
      },
      cancel: (silent) => {
        if (over) return;
        leave(silent);
        call.cancel();
      },
    };
  }

  #tellWaiters(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter();
  }

  #line(instance: Instance): Line {
    const roomy = instance.lines.find(
      ({ active, single }) => !single && active < controlCallsPerConnectionMax,
    );
    return roomy ?? this.#addLine(instance, false);
  }

  #addLine(instance: Instance, single: boolean): Line {
    const client = this.#env.openClient(instance.target, single);
    const line = { client, single, active: 0, leaving: false };
    instance.lines.push(line);
    return line;
  }

  /** The last one stays for the next call. */
  #leave(instance: Instance, line: Line): void {
    line.active -= 1;
    if (line.leaving || line.active > 0) return;
    if (!line.single && instance.lines.length < 2) return;
    instance.lines.splice(instance.lines.indexOf(line), 1);
    line.client.close();
  }

  #failed(instance: Instance): void {
    instance.failures += 1;
    const waitMs = backoffMs(shut, instance.failures, this.#env.random);
    instance.shutUntilMs = this.#env.clock.monotonicMs() + waitMs;
  }

  #isOpenTo({ target }: Instance): boolean {
    return this.#env.isOpenTo?.(target) ?? true;
  }

  #pick(isMeant: (instance: Instance) => boolean): Instance | null {
    const nowMs = this.#env.clock.monotonicMs();
    const all = [...this.#instances.values()].filter(isMeant);
    const usable = all.filter(
      ({ failures, active, shutUntilMs }) =>
        failures === 0 || (active === 0 && shutUntilMs <= nowMs),
    );
    return this.#lessBusy(usable.length > 0 ? usable : all);
  }

  #lessBusy(instances: readonly Instance[]): Instance | null {
    const count = instances.length;
    if (count < 2) return instances[0] ?? null;
    const first = this.#env.random.uint32() % count;
    const second = (first + 1 + (this.#env.random.uint32() % (count - 1))) % count;
    const [a, b] = [instances[first], instances[second]];
    return b.active + b.failures < a.active + a.failures ? b : a;
  }
}

function hangUp({ lines }: Instance): void {
  for (const line of lines.splice(0)) {
    line.leaving = true;
    line.client.close();
  }
}

/** Ends that say nothing against whoever gave the answer. */
const answerCodes = new Set<number>([
  GrpcCode.OK,
  GrpcCode.NOT_FOUND,
  GrpcCode.INVALID_ARGUMENT,
  GrpcCode.FAILED_PRECONDITION,
  GrpcCode.PERMISSION_DENIED,
  GrpcCode.UNAUTHENTICATED,
]);

const shut = { minMs: controlShutMinMs, maxMs: controlShutMaxMs };
