/** One load on all peers in turn, and the plans of HTTP/2. */

import { type Bench, type Comparison, startPeers } from './bench.ts';
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
  const measured = await measureRounds(bench, subjects.map(contend));
  for (const subject of subjects) await subject.end();
  return { kind: 'comparison', title, unit, ratio: 'peers', measured, missing };
}

/** One service with one endpoint. */
export function planService(
  bench: Bench,
  protocol: Plan['protocol'],
  endpoint: string,
  workers = 1,
): Plan {
  const services = [{ name: 'web', endpoints: [endpoint] }];
  return { protocol, services, cores: bench.options.proxyCores, workers };
}
