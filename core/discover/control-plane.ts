/** One control plane as it is configured: its addresses, which are followed, and the way there. */

import type { Address } from '../../api/settings.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Io } from '../io/io.ts';
import { ControlChannel, type ControlClient } from './control-channel.ts';

export interface PlaneEnv {
  /** Around what is sent outside of an event of a connection. */
  readonly io: Pick<Io, 'enter' | 'leave'>;
  readonly clock: Clock;
  readonly random: Random;
  /** `anonymous`: it shows no certificate. */
  readonly openClient: (address: Address, anonymous: boolean) => ControlClient;
  /** Whether the control plane there answers us as we are now. */
  readonly isOpenTo: (address: Address) => boolean;
  /** Whether connections there show a certificate. */
  readonly isSecured: (address: Address) => boolean;
  readonly log: {
    warn(message: string, fields?: Readonly<Record<string, string | number>>): void;
  };
  /** Follows the addresses; what was told last stays after an error. */
  readonly followControl: (
    onAddresses: (addresses: readonly Address[]) => void,
    onError: (reason: string) => void,
  ) => () => void;
}

export class ControlPlane {
  /** As it was configured, for texts. */
  readonly text: string;
  readonly channel: ControlChannel;
  /** Why no address of it is known; null when that is not so. */
  error: string | null = null;
  readonly #env: PlaneEnv;
  readonly #stopFollowing: () => void;

  constructor(env: PlaneEnv, text: string) {
    const { clock, random, openClient, isOpenTo, isSecured } = env;
    this.#env = env;
    this.text = text;
    this.channel = new ControlChannel({ clock, random, openClient, isOpenTo, isSecured });
    this.#stopFollowing = env.followControl(
      (addresses) => this.#follow(addresses),
      (reason) => this.#followFailed(reason),
    );
  }

  /** Nobody is there to be asked, as far as is known. */
  get hopeless(): boolean {
    const { state } = this.channel;
    return state === 'failing' || (state === 'none' && this.error !== null);
  }

  /** Hangs up wherever a certificate is shown, for there is another one now. */
  renew(): void {
    this.channel.renew(this.#env.isSecured);
  }

  close(): void {
    this.#stopFollowing();
    this.channel.close();
  }

  #follow(addresses: readonly Address[]): void {
    if (addresses.length > 0) this.error = null;
    this.#env.io.enter();
    this.channel.setAddresses(addresses);
    this.#env.io.leave();
  }

  #followFailed(reason: string): void {
    this.error = reason;
    const message = 'Failed to resolve control-plane component';
    this.#env.log.warn(message, { error: reason, control: this.text });
  }
}

/** Whom a proxy asks about what; all may be one. */
export interface ControlPlanes {
  /** Endpoints and profiles. */
  readonly destination: ControlPlane;
  readonly policy: ControlPlane;
  readonly identity: ControlPlane;
}
