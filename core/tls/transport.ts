/**
 * How connections to an endpoint come about: in plaintext, or with TLS to the identity that it
 * has to prove, and then perhaps by its proxy's inbound port with a transport header. All that
 * decides it is fixed for the life of an endpoint, so that its pools never hold a connection that
 * another destination, identity or protocol asked for.
 */

import { distrustedConnectionMs, distrustSpreadMs } from '../base/limits.ts';
import { Dial, type DialOwner } from '../io/dial.ts';
import type { Meter } from '../io/socket.ts';
import {
  type Dialling,
  SecureDial,
  type SecureDialContext,
  type TransportTraits,
} from './secure-dial.ts';
import type { Session } from './transport-header.ts';

export class Transport {
  readonly traits: TransportTraits;
  readonly #context: SecureDialContext;
  readonly #meter: Meter;

  constructor(context: SecureDialContext, traits: TransportTraits, meter: Meter) {
    this.#context = context;
    this.traits = traits;
    this.#meter = meter;
  }

  get secure(): boolean {
    return this.traits.identity !== '';
  }

  /** How often a trust anchor has left; what was verified before may have been by that one. */
  get distrusts(): number {
    return this.secure ? this.#context.tls.distrusts : 0;
  }

  /**
   * When a connection that was verified at `distrusts` is to be replaced: each at its own moment,
   * by its `jitter` from 0 to 1, so that not all handshakes come at once.
   */
  replaceAtMs(distrusts: number, jitter: number): number {
    if (!this.secure) return Number.POSITIVE_INFINITY;
    return this.#context.tls.distrustedSinceMs(distrusts) + jitter * distrustSpreadMs;
  }

  /** When it ends whatever is under way on it: in the last tenth of the time that all have. */
  endAtMs(distrusts: number, jitter: number): number {
    if (!this.secure) return Number.POSITIVE_INFINITY;
    const lastMs = distrustedConnectionMs * (0.9 + jitter / 10);
    return this.#context.tls.distrustedSinceMs(distrusts) + lastMs;
  }

  /** `session`: what will be spoken on the connection; null where nobody knows. */
  dial(owner: DialOwner, session: Session): Dialling {
    const { traits } = this;
    if (!this.secure) return new Dial(this.#context, owner, traits.address, this.#meter);
    return new SecureDial(this.#context, owner, traits, session, this.#meter);
  }
}
