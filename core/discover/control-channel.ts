/**
 * Calls to a control plane of several instances: one client for each of its addresses, and for
 * each call the less busy of two, drawn among those that have not just failed. One that failed is
 * passed over for a while, then tried with one call at a time, so that it never takes all of them.
 */

import type { Address } from '../../api/settings.ts';
import { backoffMs } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { controlAddressesMax, controlShutMaxMs, controlShutMinMs } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { Method } from '../grpc/method.ts';
import { GrpcCode } from '../http/grpc.ts';
import { formatAddress } from './address-text.ts';

/** As `GrpcClient` of core/grpc does it. */
export interface ControlClient {
  call<Request, Response>(
    method: Method<Request, Response>,
    listener: CallListener<Response>,
  ): ClientCall<Request>;
  close(): void;
}

interface ClientCall<Request> {
  send(message: Request): void;
  end(): void;
  cancel(): void;
}

export interface CallListener<Response> {
  onMessage(message: Response): void;
  /** Once and last; not after the call was given up. */
  onEnd(status: { readonly code: number; readonly message: string }): void;
}

export interface ControlCall {
  /** Whom it was sent to. */
  readonly address: string;
  /** Ends the call. `silent`: because nothing came, which speaks against the address. */
  cancel(silent: boolean): void;
}

interface ChannelEnv {
  readonly clock: Clock;
  readonly random: Random;
  readonly openClient: (address: Address) => ControlClient;
}

interface Instance {
  readonly address: string;
  readonly client: ControlClient;
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

  /** Nobody is there to be asked, as far as is known. */
  get hopeless(): boolean {
    for (const { failures } of this.#instances.values()) if (failures === 0) return false;
    return this.#instances.size > 0;
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
      const client = this.#env.openClient(target);
      const instance = { address, client, active: 0, failures: 0, shutUntilMs: 0 };
      this.#instances.set(address, instance);
    }
    const gone = [...this.#instances.values()].filter(({ address }) => !wanted.has(address));
    for (const { address } of gone) this.#instances.delete(address);
    for (const { client } of gone) client.close();
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter();
  }

  /** Null while no address is known: `whenUsable` tells. */
  open<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    listener: CallListener<Response>,
  ): ControlCall | null {
    const instance = this.#pick();
    if (instance === null) return null;
    let over = false;
    const leave = (failed: boolean): void => {
      over = true;
      instance.active -= 1;
      if (failed) this.#failed(instance);
    };
    instance.active += 1;
    const call = instance.client.call(method, {
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
      call.end();
    }
    return {
      address: instance.address,
      cancel: (silent) => {
        if (over) return;
        leave(silent);
        call.cancel();
      },
    };
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
    for (const { client } of instances) client.close();
  }

  #failed(instance: Instance): void {
    instance.failures += 1;
    const waitMs = backoffMs(shut, instance.failures, this.#env.random);
    instance.shutUntilMs = this.#env.clock.monotonicMs() + waitMs;
  }

  #pick(): Instance | null {
    const nowMs = this.#env.clock.monotonicMs();
    const all = [...this.#instances.values()];
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

/** Ends that say nothing against whoever gave the answer. */
const answerCodes = new Set<number>([
  GrpcCode.OK,
  GrpcCode.NOT_FOUND,
  GrpcCode.INVALID_ARGUMENT,
  GrpcCode.FAILED_PRECONDITION,
]);

const shut = { minMs: controlShutMinMs, maxMs: controlShutMaxMs };
