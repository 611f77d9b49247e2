/** Goal: `auto` follows the container's CPU limit. Method: contents of cgroup files as tables. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countAutoWorkers } from './size.ts';

function count(cores: number, cgroup: string, files: Record<string, string> = {}): number {
  return countAutoWorkers({ cores, cgroup, read: (path) => files[path] ?? null });
}

test('without a limit it is the cores, at most four', () => {
  assert.equal(count(1, ''), 1);
  assert.equal(count(3, ''), 3);
  assert.equal(count(64, ''), 4);
});

test('cgroup v2: quota over period, rounded up', () => {
  const cgroup = '0::/kubepods/pod1\n';
  const at = (content: string) => ({ '/sys/fs/cgroup/kubepods/pod1/cpu.max': content });
  assert.equal(count(8, cgroup, at('150000 100000\n')), 2);
  assert.equal(count(8, cgroup, at('50000 100000\n')), 1);
  assert.equal(count(8, cgroup, at('max 100000\n')), 4);
  assert.equal(count(2, cgroup, at('300000 100000\n')), 2);
});

test('cgroup v2: the smallest limit of all ancestors counts', () => {
  const files = {
    '/sys/fs/cgroup/a/cpu.max': '100000 100000',
    '/sys/fs/cgroup/a/b/cpu.max': '300000 100000',
  };
  assert.equal(count(8, '0::/a/b', files), 1);
});

test('cgroup v2: inside a namespace the root has the limit', () => {
  assert.equal(count(8, '0::/', { '/sys/fs/cgroup/cpu.max': '200000 100000' }), 2);
});

test('cgroup v1, mounted under either name; -1 is no limit', () => {
  const cgroup = '4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n';
  const at = (mount: string, quota: string) => ({
    [`/sys/fs/cgroup/${mount}/docker/x/cpu.cfs_quota_us`]: quota,
    [`/sys/fs/cgroup/${mount}/docker/x/cpu.cfs_period_us`]: '100000\n',
  });
  assert.equal(count(8, cgroup, at('cpu', '250000\n')), 3);
  assert.equal(count(8, cgroup, at('cpu,cpuacct', '100000\n')), 1);
  assert.equal(count(8, cgroup, at('cpu', '-1\n')), 4);
});

test('unreadable content is no limit', () => {
  assert.equal(count(2, 'nonsense', {}), 2);
  assert.equal(count(2, '0::/', { '/sys/fs/cgroup/cpu.max': 'x y' }), 2);
});
