/**
 * Goal: CPU and memory are read from /proc as proc(5) says. Method: recorded lines, and this very
 * process with a child.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import {
  countConnections,
  listTree,
  parseConnections,
  parseMemory,
  parseStat,
  readUsage,
} from './usage.ts';

test('a name with spaces and brackets does not shift the fields of stat', () => {
  const rest = 'S 4 42 42 0 -1 4194560 1 0 0 0 130 57 11 12 20 0 9 0 8812 1 2 3';
  for (const name of ['nginx', 'nginx: worker', 'a) b (c)', ')']) {
    assert.deepEqual(parseStat(`42 (${name}) ${rest}`), {
      pid: 42,
      parent: 4,
      cpuTicks: 187,
      startTicks: 8812,
    });
  }
});

test('memory is in KiB, and absent for a process that has none', () => {
  const text = 'Name:\tnode\nVmRSS:\t   70000 kB\nRssAnon:\t   24000 kB\nRssFile:\t 46000 kB\n';
  assert.deepEqual(parseMemory(text), { rssBytes: 70_000 * 1024, anonBytes: 24_000 * 1024 });
  assert.deepEqual(parseMemory('Name:\tgone\nState:\tZ\n'), { rssBytes: 0, anonBytes: 0 });
});

test('a tree begins with its root, holds its descendants and is empty when it ended', async () => {
  const child = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], { stdio: 'pipe' });
  const [line]: Buffer[] = await once(child.stdout, 'data');
  const pids = listTree(child.pid ?? 0).map(({ pid }) => pid);
  assert.deepEqual(pids, [child.pid, Number(line.toString())]);
  assert.ok(listTree(process.pid).some(({ pid }) => pid === child.pid));
  const used = readUsage(process.pid);
  assert.ok(used.cpuMicros > 0 && used.rssBytes > used.anonBytes && used.anonBytes > 0);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await once(child, 'exit');
  assert.deepEqual(readUsage(child.pid ?? 0), { cpuMicros: 0, rssBytes: 0, anonBytes: 0 });
});

test('connections to a port are counted, those of others and the ended are not', async () => {
  const row = (remote: string, state: string, inode: string): string =>
    ` 1: 0100007F:BEEF ${remote} ${state} 00000000:00000000 00:00000000 00000000 0 0 ${inode} 1`;
  const rows = [row('0100007F:1F90', '01', '7'), row('0100007F:1F90', '06', '8')];
  const text = [
    '  sl  local_address rem_address   st',
    ...rows,
    row('1F900000:0050', '01', '9'),
    '',
  ];
  assert.deepEqual(parseConnections(text.join('\n'), 0x1f90), ['7']);

  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  assert.equal(countConnections(address.port, process.pid), 0);
  const client = connect(address.port, '127.0.0.1');
  await Promise.all([once(client, 'connect'), once(server, 'connection')]);
  assert.equal(countConnections(address.port, process.pid), 1);
  client.end();
  server.close();
  await once(server, 'close');
});
