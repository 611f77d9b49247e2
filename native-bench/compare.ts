/** One load on all peers in turn, or on several plans of some; and the plans of one service. */

import { type Bench, type Comparison, type Missing, startPeers } from './bench.ts';
import { type Contender, measureRounds } from './measure.ts';
import type { Plan, Subject } from './peer.ts';

export async function comparePeers(
  bench: Bench,
  title: string,
  plan: Plan,
  contend: (subject: Subject) => Contender,
  unit: Comparison['unit'] = 'request',
): Promise<Comparison> {
  const { subjects, missing } = await startPeers(bench, plan);
  for (const { name, pids } of subjects) bench.say(`  ${name}: process ${pids.join(', ')}`);
  const measured = await measureRounds(bench, subjects.map(contend));
  for (const subject of subjects) await subject.end();
  return { kind: 'comparison', title, unit, ratio: 'peers', measured, missing };
}

/** One plan of several that are compared. */
export interface Variant {
  readonly plan: Plan;
  readonly contend: (subject: Subject) => Contender;
}

/** All variants run side by side; each is set beside the first: growth. */
export async function compareVariants(
  bench: Bench,
  title: string,
  variants: readonly Variant[],
): Promise<Comparison> {
  const subjects: Subject[] = [];
  const contenders: Contender[] = [];
  let missing: readonly Missing[] = [];
  for (const { plan, contend } of variants) {
    const started = await startPeers(bench, plan);
    // Each variant misses the same peers.
    missing = started.missing;
    subjects.push(...started.subjects);
    contenders.push(...started.subjects.map(contend));
  }
  const measured = await measureRounds(bench, contenders);
  for (const subject of subjects) await subject.end();
  return { kind: 'comparison', title, unit: 'request', ratio: 'growth', measured, missing };
}

/** Ours alone, with 0 and with 2 workers beside one. */
export function compareWorkers(
  bench: Bench,
  title: string,
  plan: Plan,
  contend: (subject: Subject) => Contender,
): Promise<Comparison> {
  const only = { ...bench, peers: bench.peers.filter(({ name }) => name === 'ours') };
  const variants = [1, 0, 2].map((workers) => ({ plan: { ...plan, workers }, contend }));
  return compareVariants(only, title, variants);
}

/** One service with one endpoint. */
export function planService(bench: Bench, protocol: Plan['protocol'], endpoint: string): Plan {
  const services = [{ name: 'web', endpoints: [endpoint] }];
  return { protocol, services, cores: bench.options.proxyCores, workers: 1 };
}
