/**
 * Goal: the rules of `heddle init` bring TCP to the proxy and leave the rest alone, by every tool
 * and in both families, twice the same, and gone without a trace. Method: a pod and an outside,
 * which are hosts of their own; listeners that say their name; dials in both directions before,
 * between and after.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Agent, startAgent } from '../../support/host-agents.ts';
import { type Host, runOn, startHosts } from '../../support/hosts.ts';
import { whyNoPods } from '../../support/pods.ts';

const tools = [
  { mode: 'legacy', kind: 'iptables-legacy' },
  { mode: 'nft', kind: 'iptables-nft' },
  { mode: 'nftables', kind: 'nft' },
] as const;

for (const { mode, kind } of tools) {
  const skip = whyNoPods(kind) ?? false;

  test(`${mode}: what is redirected, and what passes`, { skip }, async (t) => {
    const rig = await createRig(t);
    await checkWithoutRules(rig);
    const before = saveRules(rig.pod, mode);

    init(rig.pod, ['--iptables-mode', mode, ...flags]);
    await checkOutbound(rig);
    await checkInbound(rig);

    const once = saveRules(rig.pod, mode);
    assert.match(once, /PROXY_INIT_REDIRECT/);
    init(rig.pod, ['--iptables-mode', mode, ...flags]);
    assert.equal(saveRules(rig.pod, mode), once);

    init(rig.pod, ['--iptables-mode', mode, '--undo']);
    assert.equal(saveRules(rig.pod, mode), before);
    await checkWithoutRules(rig);
    init(rig.pod, ['--iptables-mode', mode, '--undo']);
    assert.equal(saveRules(rig.pod, mode), before);
  });

  test(`${mode}: without IPv6, only listed ports`, { skip }, async (t) => {
    const { pod, outside, inPod, outsider } = await createRig(t);
    init(pod, ['--iptables-mode', mode, '--ipv6=false', '-r', '8080', '--proxy-uid=2102']);
    assert.equal(await inPod.dial(outside.ip, 80), 'outbound');
    assert.equal(await inPod.dial(outside.ip6, 80), 'outside');
    assert.equal(await outsider.dial(pod.ip, 8080), 'inbound');
    assert.equal(await outsider.dial(pod.ip, 9001), 'application');
    assert.equal(await outsider.dial(pod.ip6, 8080), 'application');
  });
}

interface RigHost extends Host {
  /** A second address of each family. */
  readonly other: string;
  readonly other6: string;
}

interface Rig {
  readonly pod: RigHost;
  readonly outside: RigHost;
  readonly inPod: Agent;
  readonly proxy: Agent;
  readonly outsider: Agent;
}

async function createRig(t: TestContext): Promise<Rig> {
  const { hosts } = await startHosts(t, 2);
  const [pod, outside] = hosts.map(addAddresses);
  const [inPod, proxy, outsider] = await Promise.all([
    startAgent(t, pod, 1000),
    startAgent(t, pod, 2102),
    startAgent(t, outside),
  ]);
  await Promise.all([
    proxy.listen(4140, 'outbound'),
    proxy.listen(4143, 'inbound'),
    Promise.all([4190, 8080, 9001, 9003].map((port) => inPod.listen(port, 'application'))),
    Promise.all([80, 4567].map((port) => outsider.listen(port, 'outside'))),
    outsider.receive(5353, 'outside by UDP'),
    inPod.receive(5353, 'application by UDP'),
  ]);
  return { pod, outside, inPod, proxy, outsider };
}

function addAddresses(host: Host): RigHost {
  const other = host.ip.replace(/\d+$/, '130');
  const other6 = `${host.ip6}:130`;
  runOn(host, `ip addr add ${other}/24 dev eth0 && ip addr add ${other6}/64 dev eth0`);
  return { ...host, other, other6 };
}

/** The second addresses of both. */
const ignored = '10.77.1.128/25,10.77.2.128/25,fd77:1::2:0/112,fd77:2::2:0/112';
const flags = `--incoming-proxy-port 4143 --outgoing-proxy-port 4140 --proxy-uid 2102
  --inbound-ports-to-ignore 4190,4191,9000-9002 --outbound-ports-to-ignore 4567,4568
  --subnets-to-ignore ${ignored}`.split(/\s+/);

async function checkWithoutRules({ pod, outside, inPod, outsider }: Rig): Promise<void> {
  for (const family of ['ip', 'ip6'] as const) {
    assert.equal(await inPod.dial(outside[family], 80), 'outside');
    assert.equal(await outsider.dial(pod[family], 8080), 'application');
  }
}

async function checkOutbound({ pod, outside, inPod, proxy }: Rig): Promise<void> {
  for (const family of ['ip', 'ip6'] as const) {
    const loopback = family === 'ip' ? '127.0.0.1' : '::1';
    const nobody = family === 'ip' ? '192.0.2.1' : '2001:db8::1';
    const rows: [agent: Agent, host: string, port: number, expected: string][] = [
      [inPod, outside[family], 80, 'outbound'],
      // Nobody has this address: only the redirect can have answered.
      [inPod, nobody, 12_345, 'outbound'],
      [inPod, outside[family], 4567, 'outside'],
      [proxy, outside[family], 80, 'outside'],
      [inPod, loopback, 8080, 'application'],
      // A pod that calls itself by its own address does so by the loopback.
      [inPod, pod[family], 8080, 'application'],
      [inPod, pod[family], 4190, 'application'],
    ];
    for (const [agent, host, port, expected] of rows) {
      assert.equal(await agent.dial(host, port), expected, `${host} ${port}`);
    }
    assert.equal(await inPod.ask(outside[family], 5353), 'outside by UDP');
  }
}

async function checkInbound({ pod, outside, outsider }: Rig): Promise<void> {
  for (const family of ['ip', 'ip6'] as const) {
    const other = family === 'ip' ? 'other' : 'other6';
    const rows: [host: string, port: number, from: string, expected: string][] = [
      [pod[family], 8080, outside[family], 'inbound'],
      // Behind the redirect every port answers.
      [pod[family], 7777, outside[family], 'inbound'],
      [pod[family], 9003, outside[family], 'inbound'],
      [pod[family], 9001, outside[family], 'application'],
      [pod[family], 4190, outside[family], 'application'],
      [pod[other], 8080, outside[other], 'application'],
      [pod[other], 8080, outside[family], 'inbound'],
    ];
    for (const [host, port, from, expected] of rows) {
      assert.equal(await outsider.dial(host, port, from), expected, `${from} to ${host} ${port}`);
    }
    assert.equal(await outsider.ask(pod[family], 5353), 'application by UDP');
  }
}

function init({ namespace }: Host, args: readonly string[]): void {
  const words = ['init', '--netns', namespace, ...args];
  const { status, stderr } = spawnSync(executable, words, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

/** All that the tool has, without counters and comments of its own. */
function saveRules(host: Host, mode: (typeof tools)[number]['mode']): string {
  if (mode === 'nftables') return runOn(host, 'nft list ruleset');
  const texts = ['iptables', 'ip6tables'].map((tool) => {
    return runOn(host, `${tool}-${mode}-save -t nat`);
  });
  return texts.join('').replaceAll(/^#.*\n|\[\d+:\d+\]$/gm, '');
}

const executable = resolve(import.meta.dirname, '../../../cli/heddle');
