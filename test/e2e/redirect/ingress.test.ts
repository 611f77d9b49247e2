/**
 * Goal: in ingress mode a redirected request goes by `l5d-dst-override`, and whatever has none goes
 * where it was going. Method: a pod with real rules and a real proxy.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPods, whyNoPods } from '../../support/pods.ts';

test('an ingress is redirected', { skip: whyNoPods('nft') ?? false }, async (t) => {
  const settings = ['ingressMode: true', 'passthrough: allow'];
  const { meshed, plain, ask } = await startPods(t, 'nft', settings);
  const from = `::ffff:${meshed.ip}`;
  // Nobody listens on the port that this was going to.
  assert.deepEqual(
    await ask(
      meshed,
      `http1 ${plain.ip} 7777 web /x l5d-dst-override=${plain.ip}:8080`,
      `http1 ${plain.ip} 8080 nobody.example /y`,
      `raw ${plain.ip} 9000 {ping}`,
    ),
    [
      `200  HTTP/1.1 web /x for nobody from ${from}`,
      `200  HTTP/1.1 nobody.example /y for nobody from ${from}`,
      `{ping} from ${from} at ::ffff:${plain.ip}`,
    ],
  );
});
