/**
 * Goal: `heddle init` leaves what was there when it fails, says what to do, and takes the tool that
 * is there. Method: programs that refuse in place of real ones, in a namespace that has rules; a
 * user without rights; folders without programs.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Host, runOn, startHosts } from '../../support/hosts.ts';
import { whyNoPods } from '../../support/pods.ts';
import { makeFolder } from '../../support/process.ts';

const skip = whyNoPods('iptables-nft', 'nft', 'iptables-legacy') ?? false;

test('when IPv6 fails, IPv4 gets back what it had', { skip }, async (t) => {
  const pod = await startPod(t);
  const folder = makeFolder(t);
  for (const name of ['iptables-nft-save', 'iptables-nft-restore', 'ip6tables-nft-save']) {
    symlinkSync('/usr/sbin/xtables-nft-multi', join(folder, name));
  }
  writeProgram(join(folder, 'ip6tables-nft-restore'), 'echo no such target >&2; exit 2');
  const program = ['--firewall-bin-path', join(folder, 'iptables-nft')];

  const empty = save(pod);
  const first = init(pod, [...program, '--proxy-uid', '1']);
  assert.equal(first.status, 1);
  assert.match(first.stderr, /ip6tables-nft-restore --noflush: no such target/);
  assert.equal(save(pod), empty);

  runOn(pod, 'iptables-nft -t nat -A OUTPUT -p tcp --dport 1 -j RETURN');
  assert.equal(init(pod, words('--iptables-mode nft --proxy-uid 1 -p 5143')).status, 0);
  const before = save(pod);
  assert.match(before, /5143/);
  assert.equal(init(pod, [...program, '--proxy-uid', '2']).status, 1);
  assert.equal(save(pod), before);
  assert.equal(init(pod, [...program, '--undo']).status, 1);
  assert.equal(save(pod), before);
});

test('a tool that writes something else is found out', { skip }, async (t) => {
  const pod = await startPod(t);
  const folder = makeFolder(t);
  symlinkSync('/usr/sbin/xtables-nft-multi', join(folder, 'iptables-nft-save'));
  const lying = 'sed s/4143/4999/ | exec /usr/sbin/iptables-nft-restore "$@"';
  writeProgram(join(folder, 'iptables-nft-restore'), lying);
  const before = save(pod);
  const { status, stderr } = init(pod, [
    ...words('--ipv6=false --proxy-uid 1 --firewall-bin-path'),
    join(folder, 'iptables-nft'),
  ]);
  assert.equal(status, 1);
  assert.match(stderr, /it lacks "PROXY_INIT_REDIRECT tcp redirect 4143"/);
  assert.equal(save(pod), before);
});

test('a missing tool is replaced by its sibling, or named with its package', {
  skip,
}, async (t) => {
  const pod = await startPod(t);
  const folder = makeFolder(t);
  for (const name of ['iptables', 'ip6tables']) {
    for (const end of ['-save', '-restore']) {
      symlinkSync('/usr/sbin/xtables-nft-multi', join(folder, `${name}${end}`));
    }
  }
  const other = init(pod, [
    '--proxy-uid=1',
    '--firewall-bin-path',
    join(folder, 'iptables-legacy'),
  ]);
  assert.equal(other.status, 0, other.stderr);
  assert.match(other.stderr, /iptables-legacy-restore is not installed: takes iptables of plain/);
  assert.match(runOn(pod, 'iptables-nft-save -t nat'), /PROXY_INIT_OUTPUT/);

  const none = init(pod, ['--firewall-bin-path', join(makeFolder(t), 'iptables-nft')]);
  assert.equal(none.status, 69);
  assert.match(none.stderr, /Install the package iptables/);
});

test('without the capability it says which one', { skip }, async (t) => {
  const pod = await startPod(t);
  for (const mode of ['legacy', 'nft', 'nftables']) {
    const [program, ...args] = [
      ...pod.inside,
      ...words('setpriv --reuid 65534 --regid 65534 --clear-groups'),
      executable,
      ...words(`init --iptables-mode ${mode} --proxy-uid 2102`),
    ];
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    assert.equal(status, 77, stderr);
    assert.match(stderr, /CAP_NET_ADMIN/);
  }
});

test('a namespace that is none is refused', { skip }, async (t) => {
  const pod = await startPod(t);
  const rows: [file: string, expected: RegExp][] = [
    ['/run/netns/nobody-has-this', /ENOENT/],
    ['/proc/self/status', /setns has failed/],
  ];
  for (const [file, expected] of rows) {
    const { status, stderr } = spawnSync(executable, ['init', '--netns', file, '--proxy-uid=1']);
    assert.notEqual(status, 0);
    assert.match(String(stderr), expected);
  }
  assert.doesNotMatch(save(pod), /PROXY_INIT/);
});

test('--simulate prints and touches nothing, --timeout-close-wait-secs is set', {
  skip,
}, async (t) => {
  const pod = await startPod(t);
  const before = save(pod);
  const { status, stdout } = init(pod, words('--simulate --proxy-uid 2102 --iptables-mode nft'));
  assert.equal(status, 0);
  assert.match(
    stdout,
    /^# iptables-nft-restore[\s\S]*COMMIT\n# ip6tables-nft-restore[\s\S]*COMMIT\n$/,
  );
  assert.equal(save(pod), before);

  assert.equal(init(pod, words('--iptables-mode nft --proxy-uid 1')).status, 0);
  const set = init(pod, words('--iptables-mode nft --proxy-uid 1 --timeout-close-wait-secs 77'));
  assert.equal(set.status, 0, set.stderr);
  assert.equal(
    runOn(pod, 'cat /proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait'),
    '77\n',
  );
});

async function startPod(t: TestContext): Promise<Host> {
  const { hosts } = await startHosts(t, 1);
  return hosts[0];
}

function init({ namespace }: Host, args: readonly string[]) {
  return spawnSync(executable, ['init', '--netns', namespace, ...args], { encoding: 'utf8' });
}

function save(host: Host): string {
  const texts = ['iptables-nft-save', 'ip6tables-nft-save'].map((tool) => {
    return runOn(host, `${tool} -t nat`);
  });
  return texts.join('').replaceAll(/^#.*\n|\[\d+:\d+\]$/gm, '');
}

function writeProgram(file: string, script: string): void {
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

function words(text: string): string[] {
  return text.split(' ');
}

const executable = resolve(import.meta.dirname, '../../../cli/heddle');
