/**
 * Goal: clients of a pod get in by its own addresses, are known by theirs, and are served by workers
 * with listeners of their own too. Method: real rules, real proxies, two pods.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPods, whyNoPods } from '../../support/pods.ts';

const skip = whyNoPods('iptables-legacy') ?? false;

test('by an address that is not ours nobody comes in', { skip }, async (t) => {
  const settings = ['inboundIps: [10.77.1.2]'];
  const { meshed, plain, proxy, ask } = await startPods(t, 'iptables-legacy', settings);
  const answers = await ask(
    plain,
    `http1 ${meshed.ip} 8080 web`,
    `http1 ${meshed.ip6} 8080 web`,
    `raw ${meshed.ip6} 9000 {hi}`,
  );
  assert.match(answers[0], /^200 /);
  assert.match(answers[1], /^failed /);
  assert.match(answers[2], /^failed /);
  await proxy.untilSaid('inboundIps');
});

test('clients are shown by their plain address', { skip }, async (t) => {
  const settings = ['accessLog: json'];
  const { meshed, plain, proxy, ask } = await startPods(t, 'iptables-legacy', settings);
  await ask(plain, `http1 ${meshed.ip} 8080 web`);
  await proxy.untilSaid(`"client.addr":"${plain.ip}:`);
});

test('workers with listeners of their own', { skip }, async (t) => {
  const settings = ['accept: reuseport'];
  const { meshed, plain, ask } = await startPods(t, 'iptables-legacy', settings);
  for (const [from, to] of [
    [meshed, plain],
    [plain, meshed],
  ]) {
    const answers = await ask(from, `http1 ${to.ip} 8080 a`, `listen ${to.ip6} 9001`);
    assert.match(answers[0], /^200 /);
    assert.match(answers[1], /^220 .* speaks first$/);
  }
});
