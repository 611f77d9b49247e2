/**
 * Announces one endpoint at every control plane that `--control` names: addresses as they are, and
 * all that a name has, followed as its records live. What an endpoint says is the same everywhere.
 */

import type { Address } from '../../api/settings.ts';
import { canonicalIp, formatAddress, splitPort } from '../../control/model/address.ts';
import { createSourceOpener } from '../../control/sources/open-source.ts';
import { systemResolverPaths } from '../../control/sources/resolver-files.ts';
import type { Clock } from '../../core/base/clock.ts';
import { controlPlanesMax } from '../../core/base/limits.ts';
import type { Random } from '../../core/base/random.ts';
import { GrpcClient, type GrpcClientEnv } from '../../core/grpc/client.ts';
import { type Announced, Registration, type RegistrationNews, type Token } from './registration.ts';

export interface AnnouncerEnv {
  readonly clock: Clock;
  readonly random: Random;
  readonly grpc: GrpcClientEnv;
  readonly readToken: () => Token;
  /** A line for a person. */
  readonly say: (line: string) => void;
  /** After `withdraw` said true: all have confirmed, or cannot. */
  readonly onWithdrawn: () => void;
}

export class Announcer {
  readonly #announced: Announced;
  readonly #env: AnnouncerEnv;
  readonly #opener: ReturnType<typeof createSourceOpener>;
  /** By address, with how many of the parts of `--control` have it. */
  readonly #registrations = new Map<string, Registration>();
  readonly #foundBy = new Map<string, ReadonlySet<string>>();
  readonly #sources: { close: () => void }[] = [];
  #serving = false;
  #isWithdrawn = false;
  #isClosed = false;

  /** `controls` are `host:port`, each. */
  constructor(controls: readonly string[], announced: Announced, env: AnnouncerEnv) {
    this.#announced = announced;
    this.#env = env;
    const { clock, random, grpc } = env;
    const log = { info: () => undefined, warn: () => undefined };
    const resolver = { paths: systemResolverPaths, port: 53 };
    this.#opener = createSourceOpener({ clock, timers: grpc.timers, random, log, resolver });
    for (const control of controls) this.#follow(control);
  }

  setServing(serving: boolean): void {
    if (this.#isWithdrawn || serving === this.#serving) return;
    this.#serving = serving;
    for (const registration of this.#registrations.values()) registration.setServing(serving);
  }

  /** For good. False when nobody has been told of the endpoint who could be told otherwise. */
  withdraw(): boolean {
    const wasServing = this.#serving;
    this.setServing(false);
    this.#isWithdrawn = true;
    return wasServing && this.#isWaiting();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const source of this.#sources) source.close();
    this.#opener.close();
    for (const registration of this.#registrations.values()) registration.close();
  }

  #follow(control: string): void {
    const split = splitPort(control);
    if (split === null || split.port === null) return;
    const { name, port } = split;
    const host = canonicalIp(name);
    if (host !== null) {
      this.#found(control, [{ host, port }]);
      return;
    }
    let isFirst = true;
    const source = this.#opener.open(
      { kind: 'dns', name, port },
      {
        onEndpoints: (endpoints) => this.#found(control, endpoints),
        onError: (reason) => {
          if (isFirst) this.#env.say(`control plane ${control}: ${reason}`);
          isFirst = false;
        },
      },
    );
    this.#sources.push(source);
  }

  /** What `control` stands for now. */
  #found(control: string, addresses: readonly Address[]): void {
    const wanted = new Map(addresses.map((one) => [formatAddress(one), one]));
    this.#foundBy.set(control, new Set(wanted.keys()));
    for (const [text, registration] of this.#registrations) {
      if ([...this.#foundBy.values()].some((found) => found.has(text))) continue;
      this.#registrations.delete(text);
      registration.close();
    }
    for (const [text, { host, port }] of wanted) {
      if (!this.#registrations.has(text)) this.#open(text, { host, port });
    }
  }

  #open(text: string, address: Address): void {
    if (this.#registrations.size >= controlPlanesMax) return;
    const { grpc, random, readToken } = this.#env;
    const registration = new Registration(new GrpcClient(grpc, address), this.#announced, {
      timers: grpc.timers,
      random,
      readToken,
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
        if (!this.#isWithdrawn) say(`no control plane at ${control}, trying on: ${news.reason}`);
        break;
      case 'refused':
        say(`${service} in ${namespace} is not announced at ${control}: ${news.reason}`);
        break;
      default:
        if (this.#isWithdrawn && !this.#isWaiting()) onWithdrawn();
    }
  }

  #isWaiting(): boolean {
    return [...this.#registrations.values()].some((registration) => registration.isWaiting);
  }
}
