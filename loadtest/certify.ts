/**
 * `npm run loadtest -- certify`: starts a control plane, has 10 000 proxies ask it for a
 * certificate at once, and says how long that took and what memory it needed.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { certifyAll } from './certify-storm.ts';

export async function loadCertify(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      proxies: { type: 'string', default: '10000' },
      connections: { type: 'string', default: '200' },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), 'heddle-certify-'));
  const listen = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
  const command = join(import.meta.dirname, '../cli/heddle');
  const up = spawn(command, ['up', '--state-dir', folder, ...listen]);
  try {
    const control = await untilListening(up.stderr);
    const token = readFileSync(join(folder, 'local.token'), 'utf8').trim();
    const quietBytes = readMemory(up.pid ?? 0);
    const [proxies, connections] = [Number(values.proxies), Number(values.connections)];
    const storm = await certifyAll({ control, token, proxies, connections });
    const peakBytes = readMemory(up.pid ?? 0);
    const rate = storm.certified / storm.seconds;
    process.stdout.write(
      `${storm.certified} of ${proxies} certified over ${connections} connections, at most ` +
        `${storm.outstandingMax} requests at a time\n` +
        `${storm.seconds.toFixed(1)} s to the last, ${storm.medianSeconds.toFixed(1)} s to half, ` +
        `${Math.round(rate)} a second; ${storm.refused} times told to come back\n` +
        `memory of heddle up: ${quietBytes} MB before, ${peakBytes} MB at its highest\n`,
    );
    for (const failure of new Set(storm.failures)) process.stdout.write(`failed: ${failure}\n`);
    if (storm.certified < proxies) process.exitCode = 1;
  } finally {
    const ended = once(up, 'exit');
    up.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

async function untilListening(stderr: NodeJS.ReadableStream): Promise<string> {
  let control = '';
  for await (const line of createInterface({ input: stderr })) {
    control = /Control plane.*?(127\.0\.0\.1:\d+)/.exec(line)?.[1] ?? control;
    if (line.includes('heddle: ready') && control !== '') break;
  }
  stderr.resume();
  return control;
}

/** The highest that it has been so far, in MB. */
function readMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}
