/**
 * Goal: `heddle proxy` ends with the exit code of its outcome and says why. Method: the executable
 * as a child process, on ports that the system chooses or that the test holds.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const executable = resolve(import.meta.dirname, 'heddle');
const file = 'services:\n  web: { port: 80, endpoints: [127.0.0.1:1] }\n';

/** Runs with a file of its own until it ends; `onText` sees what it has said so far. */
async function runProxy(
  text: string,
  args: string,
  onText: (said: string, child: ChildProcess) => void = () => undefined,
): Promise<{ code: number | null; said: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  try {
    const path = join(folder, 'heddle.yaml');
    writeFileSync(path, text);
    const child = spawn(executable, ['proxy', '--config', path, ...args.split(' ')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      said += part;
      onText(said, child);
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, said };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('ends with 0 after a signal, whatever the number of workers', async () => {
  for (const workers of [0, 1]) {
    let told = false;
    const args = `--workers ${workers} --outbound 127.0.0.1:0 --admin 127.0.0.1:0`;
    const { code, said } = await runProxy(
      file,
      `${args} --announce 0s --grace 2s`,
      (text, child) => {
        if (told || !/\bready\b/.test(text)) return;
        told = true;
        child.kill('SIGTERM');
      },
    );
    assert.equal(code, 0, said);
    assert.ok(told);
  }
});

test('ends with 64 for a wrong file and for flags that contradict it', async () => {
  const wrong = await runProxy('services:\n  web: { prt: 80 }\n', '--workers 0');
  assert.equal(wrong.code, 64, wrong.said);
  assert.match(wrong.said, /heddle\.yaml:2:\d+: services\.web\.prt: unknown key/);
  const open = await runProxy(file, '--workers 0 --outbound 0.0.0.0:0');
  assert.equal(open.code, 64, open.said);
  assert.match(open.said, /allowRemote/);
});

test('ends with 1 when a port is taken, and names it', async () => {
  const holder = createServer();
  holder.listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as { port: number };
  try {
    const args = `--workers 0 --outbound 127.0.0.1:${port} --admin off`;
    const { code, said } = await runProxy(file, args);
    assert.equal(code, 1, said);
    assert.ok(said.includes(String(port)), said);
  } finally {
    holder.close();
  }
});
