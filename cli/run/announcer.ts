/**
 * Announces one endpoint at every control plane that `--control` names. What an endpoint says is
 * the same everywhere.
 */

import type { Address } from '../../api/settings.ts';
import { isLoopback } from '../../control/model/address.ts';
import type { Clock } from '../../core/base/clock.ts';
import type { Random } from '../../core/base/random.ts';
import { GrpcClient, type GrpcClientEnv } from '../../core/grpc/client.ts';
import { followControls } from '../control-addresses.ts';
import type { ProxyTrust } from './proxy-trust.ts';
import { type Announced, Registration, type RegistrationNews, type Token } from './registration.ts';

interface AnnouncerEnv {
  readonly clock: Clock;
  readonly random: Random;
  readonly grpc: GrpcClientEnv;
  readonly readToken: () => Token;
  /** For control planes on other hosts; null: without an identity nobody can be verified. */
  readonly trust: ProxyTrust | null;
  /** A line for a person. */
  readonly say: (line: string) => void;
  /** After `withdraw` said true: all have confirmed, or cannot. */
  readonly onWithdrawn: () => void;
}

export class Announcer {
  readonly #announced: Announced;
  readonly #env: AnnouncerEnv;
  /** By address. */
  readonly #registrations = new Map<string, Registration>();
  readonly #controls: { close(): void };
  #said = '';
  #serving = false;
  #isWithdrawn = false;
  /** Those that have not heard of the withdrawal. */
  #leaving = 0;

  /** `controls` are `host:port`, each. */
  constructor(controls: readonly string[], announced: Announced, env: AnnouncerEnv) {
    this.#announced = announced;
    this.#env = env;
    const { clock, random, grpc } = env;
    this.#controls = followControls(
      controls,
      { clock, random, timers: grpc.timers },
      {
        onAddresses: (addresses) => this.#found(addresses),
        onError: (reason) => this.#sayOnce(`control plane: ${reason}`),
      },
    );
  }

  setServing(serving: boolean): void {
    if (this.#isWithdrawn || serving === this.#serving) return;
    this.#serving = serving;
    for (const registration of this.#registrations.values()) registration.setServing(serving);
  }

  /** For good. False when there is no endpoint, or nobody who could be told of its end. */
  withdraw(): boolean {
    const wasServing = this.#serving;
    this.#serving = false;
    this.#isWithdrawn = true;
    this.#controls.close();
    for (const registration of this.#registrations.values()) {
      if (registration.leave()) this.#leaving += 1;
    }
    return wasServing && this.#leaving > 0;
  }

  close(): void {
    this.#controls.close();
    for (const registration of this.#registrations.values()) registration.close();
    this.#registrations.clear();
  }

  #found(wanted: ReadonlyMap<string, Address>): void {
    for (const [text, registration] of this.#registrations) {
      if (wanted.has(text)) continue;
      this.#registrations.delete(text);
      registration.close();
    }
    for (const [text, address] of wanted) {
      if (!this.#registrations.has(text)) this.#open(text, address);
    }
  }

  #open(text: string, address: Address): void {
    const { grpc, random, readToken, trust } = this.#env;
    const isHere = isLoopback(address.host);
    const security = isHere ? null : trust;
    const client = new GrpcClient(grpc, address, security === null ? {} : { security });
    const readIfSafe = (): Token => {
      if (isHere) return readToken();
      if (security === null) return unprotected;
      return security.isReady ? readToken() : uncertified;
    };
    const registration = new Registration(client, this.#announced, {
      timers: grpc.timers,
      random,
      readToken: readIfSafe,
      onNews: (news) => this.#tell(text, news),
    });
    this.#registrations.set(text, registration);
    registration.open(this.#serving);
  }

  #tell(control: string, news: RegistrationNews): void {
    const { service, namespace } = this.#announced;
    const { say, onWithdrawn } = this.#env;
    switch (news.kind) {
      case 'joined':
        say(`joined ${control} as ${service} in ${namespace}`);
        if (news.warning !== '') say(`${control} warns: ${news.warning}`);
        break;
      case 'lost':
        say(`no control plane at ${control}, trying on: ${news.reason}`);
        break;
      case 'refused':
        // What holds the proxy up is said when the application has waited for it.
        if (news.reason === uncertified.problem) return;
        say(`${service} in ${namespace} is not announced at ${control}: ${news.reason}`);
        break;
      default:
        this.#leaving -= 1;
        if (this.#leaving === 0) onWithdrawn();
    }
  }

  #sayOnce(line: string): void {
    if (line !== this.#said) this.#env.say(line);
    this.#said = line;
  }
}

/** Whoever hears the token has the right to the name. */
const unprotected = {
  problem:
    'it is on another host, and the token names no trust domain to verify it by: ' +
    'make another with heddle token create',
};
const uncertified = { problem: 'its proxy is not certified yet' };
