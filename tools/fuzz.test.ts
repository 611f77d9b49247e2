/**
 * Goal: a failure of a fuzzer is seen, with the seed and the input that show it again. Method:
 * made-up fuzzers in a temporary folder, run by the real command.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs the command in a folder with these fuzzers. */
async function fuzz(fuzzers: Readonly<Record<string, string>>, args: string[]): Promise<Ended> {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-fuzz-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    for (const [name, text] of Object.entries(fuzzers)) {
      writeFileSync(join(folder, `${name}.fuzz.ts`), `export const name = '${name}';\n${text}\n`);
    }
    const child = spawn(process.execPath, [join(import.meta.dirname, 'fuzz.ts'), ...args], {
      cwd: folder,
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    return await new Promise((resolve) => {
      child.once('close', (code) => resolve({ code, output }));
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const good = 'export function fuzz(): number { return 7; }';
const bad = `export function fuzz(random): void {
  const input = Buffer.from([random.uint32() & 255, 2]);
  if (input[0] === 66) throw Object.assign(new Error('found it'), { input });
}`;

test('a failure is shown with seed and input, and found again by its seed', async () => {
  const first = await fuzz({ bad, good }, ['--seconds', '0.4', '--seed', '1']);
  assert.equal(first.code, 1, first.output);
  assert.match(first.output, /found it/);
  assert.match(first.output, /input: 4202\n/);
  assert.match(first.output, /good: seed 1, \d+ executions/);
  assert.match(first.output, /1 fuzzers found nothing, 1 failed/);
  const seed = /failed with seed (\d+)/.exec(first.output)?.[1] ?? '';
  const again = await fuzz({ bad }, ['--seconds', '0.1', '--seed', seed]);
  assert.match(again.output, /bad: seed \d+, 0 slices\nfailed with seed/);
});

test('what finds nothing is counted, and wrong arguments are refused', async () => {
  const [fine, none, wrong] = await Promise.all([
    fuzz({ good }, ['--seconds', '0.1']),
    fuzz({}, ['--seconds', '0.1']),
    fuzz({ good }, ['--seconds', 'x']),
  ]);
  assert.equal(fine.code, 0, fine.output);
  assert.equal(none.code, 1, none.output);
  assert.equal(wrong.code, 2, wrong.output);
});
