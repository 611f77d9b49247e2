/**
 * A proxy's side of trust: says at which trust anchors and which issuer all of it is, first and
 * after each change, and hears at which it should be. One stream to any control plane is enough.
 */

import type { TrustRequest, TrustResponse } from '../../api/gen/proxy/registry.ts';
import { trustInitialMs, trustRetryMs } from '../base/limits.ts';
import { Timer, type TimerOwner } from '../base/timers.ts';
import type { CallListener } from '../grpc/client-call.ts';
import type { ControlCall, ControlChannel, ControlStream } from './control-channel.ts';
import { trustMethod } from './identity-methods.ts';
import { type StreamEnv, WatchStream } from './watch-stream.ts';

interface TrustEnv extends Omit<StreamEnv, 'limits' | 'onAnswered'> {
  readonly channel: Pick<ControlChannel, 'open' | 'openStream' | 'whenUsable'>;
  /** Who does not know the method is not asked again. */
  readonly isForGood?: boolean;
  /** Returns why it cannot be followed, or ''. */
  readonly onTrust: (trust: TrustResponse) => string;
}

export class TrustStream implements TimerOwner {
  readonly #env: TrustEnv;
  readonly #retry = new Timer(this);
  #watch: TrustWatch;
  #closed = false;

  constructor(env: TrustEnv, said: TrustRequest) {
    this.#env = env;
    this.#watch = this.#open(said);
  }

  /** Where it stands, for whoever looks. */
  get view(): { readonly phase: string; readonly error: string | null; readonly address: string } {
    const { phase, error, address } = this.#watch;
    return { phase, error, address };
  }

  say(said: TrustRequest): void {
    this.#watch.say(said);
  }

  close(): void {
    this.#closed = true;
    this.#env.timers.cancel(this.#retry);
    this.#watch.close();
  }

  onTimer(): void {
    const { said } = this.#watch;
    this.#watch.close();
    this.#watch = this.#open(said);
  }

  #open(said: TrustRequest): TrustWatch {
    const watch = new TrustWatch(this.#env, said, () => {
      // Linkerd's control plane knows no such thing; ours may take its place.
      if (!this.#closed && this.#env.isForGood !== true)
        this.#env.timers.arm(this.#retry, trustRetryMs);
    });
    watch.start();
    return watch;
  }
}

class TrustWatch extends WatchStream<TrustRequest, TrustResponse> {
  said: TrustRequest;
  readonly #channel: TrustEnv['channel'];
  #stream: ControlStream<TrustRequest> | null = null;

  constructor(env: TrustEnv, said: TrustRequest, onUnsupported: () => void) {
    super({ ...env, limits, onAnswered: () => undefined }, trustMethod, said, {
      onMessage: env.onTrust,
      onAnswer: (answer) => {
        if (answer === 'unsupported') onUnsupported();
        return answer !== 'unsupported';
      },
    });
    this.said = said;
    this.#channel = env.channel;
  }

  say(said: TrustRequest): void {
    this.said = said;
    this.#stream?.send(said);
  }

  protected override openCall(listener: CallListener<TrustResponse>): ControlCall | null {
    this.#stream = this.#channel.openStream(trustMethod, this.said, listener);
    return this.#stream;
  }
}

/**
 * A stream that has ended is one proxy less to those who wait for all of them, so this one is never
 * renewed: PINGs find out that its connection has died.
 */
const yearMs = 365 * 86_400_000;
const limits = { initialMs: trustInitialMs, idleMs: yearMs, lifetimeMs: yearMs };
