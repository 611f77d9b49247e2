/** What redirected traffic of two pods (`pods.ts`) has to come to, whatever sends it to the proxy. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RuleKind, startPods, whyNoPods } from './pods.ts';

export function testRedirects(kind: RuleKind): void {
  test(`${kind}: out of the pod and into it`, { skip: whyNoPods(kind) ?? false }, async (t) => {
    const { meshed, plain, ask } = await startPods(t, kind);
    for (const [own, other] of [
      [meshed.ip, plain.ip],
      [meshed.ip6, plain.ip6],
    ]) {
      const [ours, theirs] = [inSocket(own), inSocket(other)];
      assert.deepEqual(await ask(meshed, ...tasksAt(other)), [
        `200  HTTP/1.1 away.example /x?y for nobody from ${ours}`,
        `200 HTTP/2 away.example from ${ours}`,
        `{ping} from ${ours} at ${theirs}`,
        `220 ${theirs} speaks first`,
      ]);
      // The application hears from the proxy, which dials it where the client meant it.
      assert.deepEqual(await ask(plain, ...tasksAt(own)), [
        `200  HTTP/1.1 away.example /x?y for nobody from ${ours}`,
        `200 HTTP/2 away.example from ${ours}`,
        `{ping} from ${ours} at ${ours}`,
        `220 ${ours} speaks first`,
      ]);
    }
    const metrics = (await ask(plain, `http1 ${meshed.ip} 4191 web /metrics`)).join('\n');
    for (const host of [plain.ip, plain.ip6]) {
      assert.match(metrics, openTotal('outbound', host, 9000));
      assert.match(metrics, openTotal('outbound', host, 9001));
    }
    for (const host of [meshed.ip, meshed.ip6]) {
      assert.match(metrics, openTotal('inbound', host, 8080));
      assert.match(metrics, openTotal('inbound', host, 9000));
    }
  });
}

function tasksAt(host: string): string[] {
  return [
    `http1 ${host} 8080 away.example /x?y`,
    `http2 ${host} 8081 away.example`,
    `raw ${host} 9000 {ping}`,
    `listen ${host} 9001`,
  ];
}

/** As a socket for both versions of IP says it. */
function inSocket(host: string): string {
  return host.includes(':') ? host : `::ffff:${host}`;
}

/** One connection that the proxy has opened there. */
function openTotal(direction: string, host: string, port: number): RegExp {
  const labels = `direction="${direction}"[^}]*target_ip="${host}",target_port="${port}"`;
  return new RegExp(`tcp_open_total{${labels}[^}]*} 1\n`);
}
