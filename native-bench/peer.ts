/**
 * What the benchmarks ask of every proxy that they measure: to be found, and to be started for a
 * plan. One file beside this one for each, all with the same features switched on: keep-alive to
 * the origin, no access log, one worker.
 */

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Reach, Run } from './run.ts';

export interface PlanService {
  readonly name: string;
  readonly endpoints: readonly string[];
}

/** What a proxy is to carry. */
export interface Plan {
  /** What clients speak, and endpoints where that is something else. `http` is HTTP/1.1. */
  readonly protocol: 'http' | 'http2' | 'http1-to-http2' | 'opaque';
  /** The first one is what an opaque plan carries. */
  readonly services: readonly PlanService[];
  /** Cores of the proxy, for taskset. */
  readonly cores: string | null;
  /** Worker threads of ours; the others run one. */
  readonly workers: number;
}

/** A proxy that runs and accepts. */
export interface Subject {
  readonly name: string;
  /** One process and its children, or two: in a pair the client's proxy is the first. */
  readonly pids: readonly number[];
  readonly port: number;
  /** Where the load comes from, when that is not this host. */
  readonly reach?: Reach;
  /** Of an origin of its own. */
  readonly originPort?: number;
  /** Requests that it answered so far, when the origin of all does not see them. */
  readonly count?: () => Promise<number>;
  readonly end: () => Promise<void>;
}

export type Found =
  | { readonly kind: 'found'; readonly program: string }
  | { readonly kind: 'missing'; readonly reason: string };

export interface Peer {
  readonly name: string;
  readonly find: () => Found;
  /** Why this plan is not for it, or `null`. */
  readonly refuse: (plan: Plan) => string | null;
  readonly start: (run: Run, plan: Plan) => Promise<Subject>;
}

/** Whether the proxy speaks HTTP/2 to its endpoints. */
export function endsInHttp2(plan: Plan): boolean {
  return plan.protocol === 'http2' || plan.protocol === 'http1-to-http2';
}

export const projectDir = join(import.meta.dirname, '..');
export const benchDir = join(projectDir, '.bench');

/** Looks for a program at a path of ours first, then where Debian puts programs and daemons. */
export function findProgram(name: string, ours = ''): Found {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const paths = [...folders, '/usr/local/sbin', '/usr/sbin'].map((folder) => join(folder, name));
  const program = [...(ours === '' ? [] : [ours]), ...paths].find((path) => existsSync(path));
  if (program !== undefined) return { kind: 'found', program };
  return { kind: 'missing', reason: `no ${name} here; tools/bench-peers.sh installs it` };
}

/** The program of a peer that was found before. */
export function requireProgram(found: Found): string {
  if (found.kind === 'missing') throw new Error(found.reason);
  return found.program;
}
