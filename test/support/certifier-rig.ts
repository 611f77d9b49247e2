/** A certifier on a clock of the test's, and an issuer that answers what a test wants. */

import { createHash } from 'node:crypto';
import { seededRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { type Beginning, Certifier, type IdentitySources } from '../../core/identity/certifier.ts';
import { createKey } from '../../core/identity/csr.ts';
import type { Certificate as Made } from './certificates.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeIssuer } from './fake-issuer.ts';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** Time passes on the wall alone while a machine sleeps. */
class SleepyClock extends FakeClock {
  sleptMs = 0;

  override wallMs(): number {
    return super.wallMs() + this.sleptMs;
  }
}

export const printOf = ({ der }: Made) => createHash('sha256').update(der).digest('hex');

export function tokenOf(pins: readonly Made[], td = 'mesh.local'): string {
  const claims = JSON.stringify({ td, pin: pins.map(printOf) });
  return `e30.${Buffer.from(claims).toString('base64url')}.c2ln`;
}

export class CertifierRig {
  readonly clock = new SleepyClock();
  readonly timers = new TimerWheel(this.clock, this.clock.wakeSource);
  readonly issuer = new FakeIssuer(() => this.clock.wallMs());
  readonly log: string[] = [];
  readonly results: string[] = [];
  /** Answers come when it resolves. */
  held: Promise<void> = Promise.resolve();
  changes = 0;
  sources: IdentitySources = { token: tokenOf([this.issuer.root]), anchors: null, problem: '' };
  certifier: Certifier;

  constructor() {
    this.certifier = this.create();
  }

  create(beginning: Partial<Beginning> = {}, identity = 'web.demo'): Certifier {
    const write = (message: string, fields: object = {}): void => {
      this.log.push(`${message} ${JSON.stringify(fields)}`);
    };
    this.certifier = new Certifier(
      {
        clock: this.clock,
        timers: this.timers,
        random: seededRandom(1),
        log: { info: write, warn: write, error: write },
        readSources: () => Promise.resolve(this.sources),
        certify: (request) => this.held.then(() => this.issuer.answer(request)),
        onChange: () => {
          this.changes += 1;
        },
        onAnswer: (result) => this.results.push(result),
      },
      { identity, minMs: 10_000, maxMs: dayMs },
      { key: createKey(), request: null, leaf: null, bundle: null, name: null, ...beginning },
    );
    return this.certifier;
  }

  async start(): Promise<Certifier> {
    this.certifier.start(this.sources);
    await turns();
    return this.certifier;
  }

  /** In steps, because an answer comes between two of them. */
  async pass(ms: number, stepMs = ms): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left));
      await turns();
    }
  }

  get asked(): number {
    return this.issuer.requests.length;
  }

  logged(part: string): number {
    return this.log.filter((line) => line.startsWith(part)).length;
  }
}

export async function turns(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}
