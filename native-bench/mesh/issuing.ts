/** How many leaves a second `heddle up` signs, alone on the cores of a proxy. */

import { once } from 'node:events';
import { join } from 'node:path';
import type { Bench, Figure } from '../bench.ts';
import { summarize } from '../statistics.ts';
import { readUsage } from '../usage.ts';
import type { CertifiersFound } from './certifiers.ts';
import { type Control, startControl } from './peer-ours-pair.ts';

export async function measureIssuing(bench: Bench): Promise<Figure[]> {
  const { ours, proxyCores } = bench.options;
  const control = await startControl(bench.run, { command: ours, controlCores: proxyCores });
  const rates: number[] = [];
  const cpuMicros: number[] = [];
  const waits: number[] = [];
  for (let round = 0; round < bench.options.rounds; round++) {
    const before = readUsage(control.pid).cpuMicros;
    const { leaves, seconds, tookMs, total } = await certify(bench, control);
    rates.push(leaves / seconds);
    cpuMicros.push((readUsage(control.pid).cpuMicros - before) / total);
    waits.push(summarize(tookMs)?.median ?? 0);
    bench.say(`  round ${round + 1}: ${Math.round(leaves / seconds)} leaves a second`);
  }
  await control.end();
  return [
    { name: `leaves a second, ${proxies} proxies at once`, unit: '1/s', values: rates },
    { name: 'CPU for each', unit: 'ms', values: cpuMicros.map((micros) => micros / 1000) },
    { name: 'from question to answer, median', unit: 'ms', values: waits },
  ];
}

async function certify({ run, options }: Bench, control: Control): Promise<CertifiersFound> {
  const started = run.start({
    name: 'certifiers',
    command: process.execPath,
    args: [
      join(import.meta.dirname, 'certifiers.ts'),
      ...[control.port, control.tokenFile, proxies, options.seconds].map(String),
    ],
    cores: options.loadCores,
  });
  let output = '';
  started.child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(started.child, 'close');
  if (output === '') throw new Error(started.complaint());
  const found: CertifiersFound = JSON.parse(output);
  if (found.refused > 0) throw new Error(`${found.refused} got no leaf: ${found.reason}`);
  return found;
}

const proxies = 64;
