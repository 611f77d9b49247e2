/**
 * Goal: what a kubelet runs of an injected pod does its part: rules, validator, probes, hooks, the
 * end of a Job. Method: the image's programs in the order of the manifests, native sidecar and
 * hooks; the application is not the image's.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paths, startContainer, users } from '../support/containers.ts';
import { injectedInit } from '../support/injected.ts';
import { askPod, servePod, startPodProgram } from '../support/pods.ts';
import { startSidecars, webIp, whyNoSidecars } from '../support/sidecars.ts';

const skip = whyNoSidecars() ?? false;

test('a pod starts, is probed and ends', { skip }, async (t) => {
  const bare = ['nft', 'legacy', 'probed', 'job', 'job'];
  const { pods, outside } = await startSidecars(t, { pods: ['web'], bare });
  const [web, byNft, byLegacy, probed, job, jobWithHook] = pods;
  await servePod(t, web.host);

  for (const [pod, mode, rules] of [
    [byNft, 'nft', injectedInit.slice(4)],
    [byLegacy, 'legacy', injectedInit.slice(4)],
  ] as const) {
    await t.test(`the validator says whether there are rules, ${mode}`, async () => {
      const validate = async (): Promise<number | null> => {
        const runs = ['1.1.1.1:20001 0.0.0.0:4140', '[fd00::1]:20001 [::]:4140'].map((pair) => {
          const [to, at] = pair.split(' ');
          const words = [paths.validator, '--log-format', 'plain', '--log-level', 'debug'];
          const more = ['--connect-addr', to, '--listen-addr', at, '--timeout', '2s'];
          const container = { user: users.init, words: [...words, ...more] };
          return async () => (await startContainer(t, pod.pod, container).ended).code;
        });
        const codes = new Set([await runs[0]?.(), await runs[1]?.()]);
        assert.equal(codes.size, 1);
        return [...codes][0] ?? null;
      };
      assert.equal(await validate(), 95);
      await pod.init(['--iptables-mode', mode, ...rules]);
      assert.equal(await validate(), 0);
      await pod.start();
      const [said] = await askPod(pod.host, `http1 ${webIp} 8080 web /`);
      assert.match(said, new RegExp(`for ${pod.identity} from`));
    });
  }
});
