/**
 * Goal: what a kubelet runs of an injected pod does its part: rules, validator, probes, hooks, the
 * end of a Job. Method: the image's programs in the order of the manifests, as native sidecar and
 * with hooks; the application is not the image's.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { paths, startContainer, users } from '../support/containers.ts';
import type { Host } from '../support/hosts.ts';
import { injectedInit } from '../support/injected.ts';
import { askPod, servePod, startPodProgram } from '../support/pods.ts';
import { type Sidecar, startSidecars, webIp, webIp6, whyNoSidecars } from '../support/sidecars.ts';

const skip = whyNoSidecars() ?? false;

test('a pod starts, is probed and ends', { skip }, async (t) => {
  const bare = ['nft', 'legacy', 'probed', 'job', 'hooked'];
  const { pods, outside } = await startSidecars(t, { pods: ['web'], bare });
  const [web, byNft, byLegacy, probed, job, hooked] = pods;
  await servePod(t, web.host);
  const run: Run = async (pod, ...words) => {
    const user = words[0] === paths.validator ? users.init : users.proxy;
    return (await startContainer(t, pod.pod, { user, words }).ended).code;
  };
  await testRules(t, run, [byNft, byLegacy]);
  await testProbes(t, run, probed, outside);
  await testJobs(t, run, job, hooked);
});

/** The exit code of a container of a pod. */
type Run = (pod: Sidecar, ...words: readonly string[]) => Promise<number | null>;

async function testRules(t: TestContext, run: Run, pods: readonly Sidecar[]): Promise<void> {
  const validate = async (pod: Sidecar): Promise<(number | null)[]> => {
    const usual = [paths.validator, '--log-format', 'plain', '--log-level', 'debug'];
    const ip = ['--connect-addr', '1.1.1.1:20001', '--listen-addr', '0.0.0.0:4140'];
    const ip6 = ['--connect-addr', '[fd00::1]:20001', '--listen-addr', '[::]:4140'];
    const first = await run(pod, ...usual, ...ip, '--timeout', '10s');
    return [first, await run(pod, ...usual, ...ip6, '--timeout', '10s')];
  };

  for (const [index, mode] of ['nftables', 'legacy'].entries()) {
    const pod = pods[index];
    await t.test(`rules by ${mode} are what the validator asks for`, async () => {
      assert.deepEqual(await validate(pod), [95, 95]);
      await pod.init(['--iptables-mode', mode, ...injectedInit.slice(4)]);
      assert.deepEqual(await validate(pod), [0, 0]);
      await pod.start();
      const answers = await askPod(
        pod.host,
        `http1 ${webIp} 8080 web /`,
        `http1 ${webIp6} 8080 web /`,
      );
      for (const answer of answers) assert.ok(answer.includes(` for ${pod.identity} `), answer);
    });
  }
}

async function testProbes(t: TestContext, run: Run, probed: Sidecar, node: Host): Promise<void> {
  await t.test('probes come from the node, of proxy and application', async () => {
    await probed.init();
    const probe = (port: number, path: string): Promise<readonly string[]> =>
      askPod(
        node,
        ...[probed.host.ip, probed.host.ip6].map((ip) => `http1 ${ip} ${port} probe ${path}`),
      );
    const refused = await probe(4191, '/ready');
    for (const line of refused) assert.match(line, /^failed .*ECONNREFUSED/);
    const proxy = probed.launch();
    assert.equal(await run(probed, paths.await, '--timeout=2m', '--port=4191'), 0, proxy.said);
    assert.deepEqual(await probe(4191, '/ready'), ['200  ready', '200  ready']);
    assert.deepEqual(await probe(4191, '/live'), ['200  live', '200  live']);
    // No application yet.
    for (const line of await probe(8080, '/healthy')) assert.match(line, /^502 /);
    const application = await servePod(t, probed.host);
    for (const line of await probe(8080, '/healthy'))
      assert.match(line, /^200 {2}HTTP\/1\.1 probe /);
    application.signal('SIGKILL');
  });
}

async function testJobs(t: TestContext, run: Run, job: Sidecar, hooked: Sidecar): Promise<void> {
  await t.test(
    'a Job ends with the code of its application, and its sidecar after it',
    async () => {
      await job.init();
      const proxy = await job.start();
      const calls = [`http1 ${webIp} 8080 web /`, 'exit 7'];
      const application = startPodProgram(t, job.host, ...calls);
      assert.equal((await application.ended)[0], 7);
      assert.match(application.events.all[0] ?? '', new RegExp(`^200 .* for ${job.identity} `));
      proxy.signal('SIGTERM');
      assert.equal((await proxy.ended).code, 0);
    },
  );

  await t.test('a Job with linkerd-await ends its proxy by itself', async () => {
    await hooked.init();
    const proxy = hooked.launch({ LINKERD2_PROXY_SHUTDOWN_ENDPOINT_ENABLED: 'true' });
    const exit = ['/usr/bin/node', '-e', 'process.exit(7)'];
    assert.equal(await run(hooked, paths.await, '--shutdown', '--', ...exit), 7);
    const { code, said } = await proxy.ended;
    assert.equal(code, 0);
    assert.match(said, /Received shutdown via admin interface/);
  });
}
