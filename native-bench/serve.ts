/**
 * Starts the origin and every peer as the benchmarks do, says where they are and leaves the load
 * to others: `npm run loadtest` runs it so, and a person may, with any tool.
 */

import { once } from 'node:events';
import { type Bench, startPeers } from './bench.ts';
import { findProgram, requireProgram } from './peer.ts';
import { startOrigin } from './peer-nginx.ts';

/** One line of JSON on stdout; ends when stdin does. */
export async function serve(bench: Bench): Promise<void> {
  const { loadCores, proxyCores } = bench.options;
  const wrk = requireProgram(findProgram('wrk'));
  const origin = await startOrigin(bench.run, loadCores, 1);
  const services = [{ name: 'web', endpoints: origin.endpoints }];
  const plan = { protocol: 'http', services, cores: proxyCores, workers: 1 } as const;
  const { subjects, missing } = await startPeers(bench, plan);
  const served = {
    host: services[0].name,
    loadCores,
    wrk,
    subjects: subjects.map(({ name, pids, port }) => ({ name, pids, port })),
    missing,
  };
  process.stdout.write(`${JSON.stringify(served)}\n`);
  process.stdin.resume();
  await once(process.stdin, 'close');
}
