/**
 * Goal: `npm test` tells the truth: what failed, what was left behind, what never ended. Method:
 * made-up test files in a temporary folder, run as the runner does it, and its last line.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { findFiles } from './test/leftovers.ts';
import { type FileResult, runFile } from './test/run.ts';

const root = mkdtempSync(join(tmpdir(), 'made-up-'));
after(() => rmSync(root, { recursive: true }));
writeFileSync(join(root, 'package.json'), '{"type":"module"}');

let count = 0;

async function runText(text: string, timeoutMs = 30_000): Promise<FileResult> {
  count += 1;
  const name = `run-${count}`;
  const file = join(root, `${name}.test.ts`);
  const folder = join(root, name);
  mkdirSync(folder);
  writeFileSync(file, `import { describe, test } from 'node:test';\n${text}\n`);
  const { signal } = new AbortController();
  const result = await runFile(file, { folder, cacheFolder: join(root, 'c'), timeoutMs, signal });
  rmSync(file);
  assert.ok(!findFiles(root).includes(name), 'the folder of the run is gone');
  return result;
}

function texts(result: FileResult): string {
  return result.failures.map(({ name, line, text }) => `${name}:${line}: ${text}`).join('\n');
}

describe('a file', { concurrency: 3 }, () => {
  test('passes, fails and is skipped with a reason', async () => {
    const result = await runText(`test('good', () => {});
test('bad', () => { console.log('said'); throw new Error('broken'); });
test('no peer', { skip: 'nginx is not installed' }, () => {});
describe('inside', () => { test('also bad', () => { throw new Error('too'); }); });`);
    assert.equal(result.passed, 1);
    assert.equal(result.failures.length, 2, texts(result));
    assert.match(texts(result), /bad:3: Error: broken/);
    assert.match(texts(result), /also bad:5: Error: too/);
    assert.deepEqual(
      result.skipped.map(({ name, reason }) => `${name}: ${reason}`),
      ['no peer: nginx is not installed'],
    );
    assert.match(result.output, /said/);
  });

  const failing: readonly (readonly [name: string, text: string, says: RegExp])[] = [
    ['has no test', '', /has no test/],
    ['cannot be loaded', "import './gone.ts';", /gone\.ts/],
    ['ends its process', "test('a', () => process.exit(0));", /ended before its tests did/],
    ['is killed', "test('a', () => process.kill(process.pid, 'SIGKILL'));", /ended by SIGKILL/],
    [
      'leaves a file',
      "import fs from 'node:fs'; import os from 'node:os';\n" +
        "test('a', () => fs.writeFileSync(os.tmpdir() + '/left', ''));",
      /left files behind: left/,
    ],
    [
      'leaves a process',
      "import { spawn } from 'node:child_process';\ntest('a', () => {\n" +
        "spawn('sleep', ['300'], { detached: true, stdio: 'ignore' }).unref(); });",
      /left process \d+ behind: sleep 300/,
    ],
    [
      'leaves a listener',
      "import net from 'node:net';\n" +
        "test('a', () => void net.createServer().listen(0, '127.0.0.1'));",
      /left open: TCPServerWrap/,
    ],
  ];
  for (const [name, text, says] of failing) {
    test(`that ${name} fails`, async () => {
      assert.match(texts(await runText(text)), says);
    });
  }

  test('that does not end is ended with all that it started', async () => {
    const result = await runText(
      "import { execFileSync } from 'node:child_process';\n" +
        "test('waits', () => execFileSync('sleep', ['300']));",
      1_500,
    );
    assert.match(texts(result), /the file:0: did not end within 1500 ms/);
    assert.match(texts(result), /waits:3: did not end/);
  });
});

describe('the whole', () => {
  function runAll(args: readonly string[]): Promise<{ code: number | null; lines: string[] }> {
    const folder = join(root, 'whole');
    const runner = join(import.meta.dirname, 'test.ts');
    const child = spawn(process.execPath, [runner, ...args], { cwd: folder });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    return new Promise((resolve) => {
      child.once('close', (code) => resolve({ code, lines: output.trimEnd().split('\n') }));
    });
  }

  test('ends with the sums, and takes paths', async () => {
    const folder = join(root, 'whole');
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    mkdirSync(join(folder, 'deep'));
    const head = "import { test } from 'node:test';\n";
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(join(folder, 'node_modules', 'x.test.ts'), 'throw new Error();');
    writeFileSync(join(folder, 'deep', 'a.test.ts'), `${head}test('a', () => {});`);
    writeFileSync(join(folder, 'b.test.ts'), `${head}test('b', () => { throw new Error(); });`);
    const [all, one, none] = await Promise.all([runAll([]), runAll(['deep']), runAll(['gone'])]);
    assert.deepEqual([all.code, all.lines.at(-1)], [1, '1 passed, 1 failed, 0 skipped']);
    assert.deepEqual([one.code, one.lines.at(-1)], [0, '1 passed, 0 failed, 0 skipped']);
    assert.deepEqual([none.code, none.lines.at(-1)], [1, '0 passed, 0 failed, 0 skipped']);
  });
});
