/**
 * One reading of the variables: what they set so far, and what is to be said of them. Every mistake
 * is told, not only the first, and each once.
 */

import type { ProxySettings } from '../../api/settings.ts';
import * as limits from '../../core/base/limits.ts';
import { nearestName } from '../../core/base/near-name.ts';
import type { Kind } from './kinds.ts';

export const prefix = 'LINKERD2_PROXY_';

/** What a reader has to know of the machine. */
export interface Machine {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** That this process may use. */
  readonly cpus: () => number;
  /** Why a file cannot be used, as the end of a sentence; '' when it can and is not empty. */
  readonly problemOf: (path: string) => string;
  readonly isWritable: (folder: string) => boolean;
}

type Direction = ProxySettings['inboundOnly'];
export type Patch = Partial<ProxySettings>;

export class Reading {
  readonly machine: Machine;
  readonly problems: string[] = [];
  /** For the log, once it is there. */
  readonly warnings: string[] = [];
  /** For whoever looks at stderr: what concerns the log itself. */
  readonly notes: string[] = [];
  #settings: Patch = {};
  readonly #told = new Set<string>();

  constructor(machine: Machine) {
    this.machine = machine;
  }

  get settings(): Patch {
    return this.#settings;
  }

  /** `name` is without the prefix. */
  text(name: string): string | undefined {
    return this.machine.variables[prefix + name];
  }

  has(name: string): boolean {
    return this.text(name) !== undefined;
  }

  /** Null when it is not set, or wrong, which is told. */
  value<T>(name: string, kind: Kind<T>): T | null {
    const text = this.text(name);
    if (text === undefined) return null;
    const value = kind.parse(text);
    if (value === null) this.refuse(name, `expected ${plain(kind.syntax)}, got ${quote(text)}`);
    return value;
  }

  required<T>(name: string, kind: Kind<T>, why: string): T | null {
    if (!this.has(name)) this.refuse(name, `is missing: ${why}; set it to ${plain(kind.syntax)}`);
    return this.value(name, kind);
  }

  /** Linkerd takes no notice of them: only what looks like a known one deserves a word. */
  warnOfTypos(known: ReadonlySet<string>): void {
    for (const name of Object.keys(this.machine.variables)) {
      if (!name.startsWith(prefix) || known.has(name)) continue;
      const near = nearestName(name, known, typoChangesMax);
      if (near === null || this.warnings.length >= warningsMax) continue;
      this.warn(name.slice(prefix.length), `is not known and has no effect; did you mean ${near}?`);
    }
  }

  refuse(name: string, reason: string): void {
    if (this.#told.has(name)) return;
    this.#told.add(name);
    this.problems.push(sentence(name, reason));
  }

  warn(name: string, reason: string): void {
    this.warnings.push(sentence(name, reason));
  }

  /** What is beyond the bounds of a setting becomes the bound. */
  take(name: string, patch: Patch): void {
    const { inboundOnly, outboundOnly, ...both } = patch;
    const before = this.#settings;
    this.#settings = {
      ...before,
      ...this.#bound(name, both),
      inboundOnly: { ...before.inboundOnly, ...this.#bound(name, inboundOnly ?? {}) },
      outboundOnly: { ...before.outboundOnly, ...this.#bound(name, outboundOnly ?? {}) },
    };
  }

  #bound<Values extends Patch | Direction>(name: string, values: Values): Values {
    const entries = Object.entries(values).map(([key, value]) => {
      const [min, max] = boundsOf(key);
      if (typeof value !== 'number' || (value >= min && value <= max)) return [key, value];
      const nearest = value < min ? min : max;
      this.warn(name, `${value} is beyond what Heddle can do; it uses ${nearest}`);
      return [key, nearest];
    });
    return Object.fromEntries(entries) as Values;
  }
}

function sentence(name: string, reason: string): string {
  const isVerb = /^(is|has|cannot) /.test(reason);
  return `${prefix}${name}${isVerb ? ' ' : ': '}${reason}`;
}

export function quote(text: string): string {
  return JSON.stringify(text.length > quotedCharsMax ? `${text.slice(0, quotedCharsMax)}…` : text);
}

function plain(syntax: string): string {
  return syntax.replaceAll('`', '');
}

function boundsOf(key: string): readonly [min: number, max: number] {
  const own = bounds[key];
  if (own !== undefined) return own;
  if (!key.endsWith('Ms')) return [0, Number.MAX_SAFE_INTEGER];
  return [
    /^(dns|grace|announce|accept|discovery|connect(KeepAlive|UserTimeout))/.test(key) ? 0 : 1,
    dayMs,
  ];
}

const typoChangesMax = 2;
const warningsMax = 100;
const quotedCharsMax = 64;
const dayMs = 86_400_000;
/** As for the keys of `heddle.yaml`. */
const bounds: Readonly<Record<string, readonly [min: number, max: number]>> = {
  queueRequestsMax: [0, 1_000_000],
  inFlightMax: [1, 10_000_000],
  listenBacklog: [1, limits.listenBacklogMax],
  workers: [0, limits.workersMax],
  http2InitialStreamWindowSize: [65_535, limits.http2StreamWindowCeiling],
  http2InitialConnectionWindowSize: [65_535, 2 ** 31 - 1],
  http2MaxConcurrentStreams: [1, limits.http2ConcurrentStreamsMax],
  http2MaxFrameSize: [16_384, limits.http2FrameBytesCeiling],
  http2MaxHeaderListSize: [1024, limits.headBytesMax],
};
