/**
 * Goal: `heddle validate-network` passes where the rules are and ends with 95 where they are not,
 * are of another port, or somebody has the port. Method: a pod with and without rules.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { startAgent } from '../../support/host-agents.ts';
import { type Host, startHosts } from '../../support/hosts.ts';
import { whyNoPods } from '../../support/pods.ts';

const skip = whyNoPods('iptables-nft') ?? false;

/** As the manifests of Linkerd have them. */
const asked = {
  ipv4: '--connect-addr 1.1.1.1:20001 --listen-addr 0.0.0.0:4140',
  ipv6: '--connect-addr [fd00::1]:20001 --listen-addr [::]:4140',
};
const log = '--log-format plain --log-level debug';

test('without rules it ends with 95, with them with 0', { skip }, async (t) => {
  const { hosts } = await startHosts(t, 1);
  const [pod] = hosts;
  for (const addresses of Object.values(asked)) {
    const { status, stderr } = run(pod, `validate-network ${log} ${addresses} --timeout 300ms`);
    assert.equal(status, 95, stderr);
    assert.match(stderr, /(?:no answer within 300ms|cannot connect: E[A-Z]+)$/m);
    assert.match(stderr, /Look whether heddle init/);
  }
  assert.equal(run(pod, 'init --iptables-mode nft --proxy-uid 2102').status, 0);
  for (const addresses of Object.values(asked)) {
    const { status, stderr } = run(pod, `validate-network ${log} ${addresses} --timeout 10s`);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /validated$/m);
  }
});

test('another port, or one that somebody has, ends with 95', { skip }, async (t) => {
  const { hosts } = await startHosts(t, 1);
  const [pod] = hosts;
  assert.equal(run(pod, 'init --iptables-mode nft --proxy-uid 2102 -o 4999').status, 0);
  const refused = run(pod, `validate-network ${asked.ipv4} --timeout 10s`);
  assert.equal(refused.status, 95);
  assert.match(refused.stderr, /cannot connect: ECONNREFUSED$/m);

  const proxy = await startAgent(t, pod);
  await proxy.listen(4999, 'x'.repeat(100));
  const foreign = run(pod, `validate-network ${asked.ipv6} --timeout 10s`);
  assert.equal(foreign.status, 95);
  assert.match(foreign.stderr, /somebody else has answered$/m);

  const taken = run(pod, 'validate-network --listen-addr [::]:4999');
  assert.equal(taken.status, 95);
  assert.match(taken.stderr, /--listen-addr: cannot listen on \[::\]:4999: .*EADDRINUSE/);
  assert.doesNotMatch(taken.stderr, /heddle init/, 'nothing has been found out about the rules');
});

function run({ inside }: Host, words: string) {
  const [program, ...args] = [...inside, executable, ...words.split(' ')];
  return spawnSync(program, args, { encoding: 'utf8' });
}

const executable = resolve(import.meta.dirname, '../../../cli/heddle');
