/**
 * Goal: a pod that calls itself, its own admin port or its loopback gets what it should and never
 * goes round in the proxy. Method: rules that redirect more than they should, real proxies.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPods, whyNoPods } from '../../support/pods.ts';

const skip = whyNoPods('iptables-legacy') ?? false;

test('whatever a pod says to itself is redirected', { skip }, async (t) => {
  const { meshed, proxy, ask } = await startPods(t, 'iptables-legacy', [], ['-o lo']);
  const { ip, ip6 } = meshed;
  const answers = await ask(
    meshed,
    `http1 ${ip} 8080 self`,
    `http1 ${ip6} 8080 self`,
    `listen ${ip} 9001`,
    'http1 127.0.0.1 8080 self',
    'http1 ::1 8080 self',
    `http1 ${ip} 4191 self /live`,
    'http1 127.0.0.1 4140 nobody',
    `http1 ${ip} 4143 self`,
  );
  assert.deepEqual(answers.slice(0, 6), [
    `200  HTTP/1.1 self / for nobody from ::ffff:${ip}`,
    `200  HTTP/1.1 self / for nobody from ${ip6}`,
    `220 ::ffff:${ip} speaks first`,
    '200  HTTP/1.1 self / for nobody from ::ffff:127.0.0.1',
    '200  HTTP/1.1 self / for nobody from ::1',
    '200  live',
  ]);
  assert.match(answers[6], /^404 UNKNOWN_SERVICE/);
  assert.match(answers[7], /^failed /);
  await proxy.untilSaid(new RegExp(`${ip}:4143.*it was going to a port of this proxy`));
});

test('the admin port is reached through the redirect', { skip }, async (t) => {
  const { meshed, plain, ask } = await startPods(t, 'iptables-legacy', [], ['4191']);
  for (const ip of [meshed.ip, meshed.ip6]) {
    assert.deepEqual(await ask(plain, `http1 ${ip} 4191 web /live`), ['200  live']);
    const shut = await ask(plain, `http1 ${ip} 4191 web /proxy-log-level`);
    assert.match(shut[0], /^403 /);
  }
});
