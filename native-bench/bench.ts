/** What every scenario is given and what it hands back. */

import type { Found, Peer, Plan, Subject } from './peer.ts';
import type { Run } from './run.ts';

export interface Options {
  readonly scenarios: readonly string[];
  readonly peers: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly warmRequests: number;
  readonly proxyCores: string;
  readonly loadCores: string;
  readonly ours: string;
  readonly writeDocs: boolean;
  readonly results: string;
  /** Where Node writes CPU profiles of pairs of ours; '' for none. */
  readonly profile: string;
}

export interface Missing {
  readonly name: string;
  readonly reason: string;
}

/** One subject in one round. */
export interface Sample {
  /** CPU microseconds for each unit: a request, a GB of an opaque transfer, a handshake. */
  readonly cpuMicros: number;
  readonly unitsPerSecond: number;
  /** Share of one core that the proxy used; the more below 1, the less it could batch. */
  readonly busy: number;
  /** 0 where the load is one transfer. */
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly rssBytes: number;
  readonly anonBytes: number;
  readonly errors: number;
  /** Connections to the origin, where streams share them. */
  readonly originConnections?: number;
}

/** What a load generator that logs no requests tells of all of its run. */
export interface RunFound {
  readonly requests: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly errors: number;
}

export interface Measured {
  readonly subject: string;
  readonly samples: readonly Sample[];
}

/** A table of what was measured in turn. */
export interface Comparison {
  readonly kind: 'comparison';
  readonly title: string;
  /** What `cpuMicros` is per. */
  readonly unit: 'request' | 'GB' | 'handshake';
  /** `peers`: the first divided by each other; `growth`: each other divided by the first. */
  readonly ratio: 'peers' | 'growth';
  readonly measured: readonly Measured[];
  readonly missing: readonly Missing[];
}

/** Single figures, each with what it is compared to where there is a goal. */
export interface Figures {
  readonly kind: 'figures';
  readonly title: string;
  readonly figures: readonly Figure[];
  readonly missing: readonly Missing[];
}

export interface Figure {
  readonly name: string;
  readonly unit: 'MB' | 'ms' | 'ns' | 'count' | '1/s';
  readonly values: readonly number[];
}

export type Outcome = Comparison | Figures;

export interface Bench {
  readonly run: Run;
  readonly options: Options;
  /** Load generators, for the scenarios that need them. */
  readonly wrk: string;
  readonly h2load: string;
  readonly say: (line: string) => void;
  readonly peers: readonly Peer[];
}

/** A scenario gives one outcome, or one for each size that it grows through. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** Programs without which it cannot run: load generators and origins. */
  readonly needs: readonly string[];
  readonly execute: (bench: Bench) => Promise<Outcome[]>;
}

/** Starts all peers that can carry `plan`; the others are named with their reason, always. */
export async function startPeers(
  bench: Bench,
  plan: Plan,
): Promise<{ subjects: Subject[]; missing: Missing[] }> {
  const subjects: Subject[] = [];
  const missing: Missing[] = [];
  for (const peer of bench.peers) {
    let reason = explainAbsence(peer.find(), peer.refuse(plan));
    if (reason === null) {
      try {
        subjects.push(await peer.start(bench.run, plan));
      } catch (error) {
        reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
      }
    }
    if (reason !== null) missing.push({ name: peer.name, reason });
  }
  return { subjects, missing };
}

/** Why a peer is not measured, or `null`. */
export function explainAbsence(found: Found, refusal: string | null): string | null {
  return found.kind === 'missing' ? found.reason : refusal;
}
