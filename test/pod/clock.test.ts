/**
 * Goal: a clock that jumps breaks nothing that is under way; certificates are judged by the time
 * that it says, and all is well when it is right again. Method: the proxies of both pods with a
 * library that shifts the time of day while they run; their control plane has the right time.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { askPod, servePod, startPodLoad } from '../support/pods.ts';
import { startSidecars, webIp, whyNoSidecars } from '../support/sidecars.ts';

const skip = whyNoSidecars() ?? whyNoCompiler() ?? false;

test('the clock of a pod jumps', { skip }, async (t) => {
  const { pods } = await startSidecars(t, { pods: [], bare: ['web', 'client'] });
  const [web, client] = pods;
  const clocks = pods.map(({ pod }) => createClock(join(pod.folders, 'test')));
  const shift = (seconds: number): void => {
    for (const set of clocks) set(seconds);
  };
  for (const pod of pods) {
    await pod.init();
    await pod.start({ LD_PRELOAD: '/run/test/clock.so' });
  }
  await servePod(t, web.host);
  const load = startPodLoad(t, client.host, webIp, 2);
  const goesOn = async (): Promise<void> => {
    const { answered: before } = await load.until(() => true);
    const { failures } = await load.until(({ answered }) => {
      return (['http1', 'http2', 'bytes'] as const).every(
        (kind) => answered[kind] > before[kind] + 50,
      );
    });
    assert.deepEqual(failures, []);
  };
  /** Anew, and by a connection that there is. */
  const connect = (): Promise<readonly string[]> =>
    askPod(client.host, `login ${webIp} 9001 {new}`, `http1 ${webIp} 8080 web /`);
  await goesOn();
  const good = await connect();

  for (const [seconds, verdict] of [
    [3600, null],
    [-3600, 'CERT_NOT_YET_VALID'],
    [0, null],
    [2 * day, 'CERT_HAS_EXPIRED'],
    [0, null],
  ] as const) {
    shift(seconds);
    await goesOn();
    const answers = await connect();
    if (verdict === null) {
      assert.deepEqual(answers, good);
      continue;
    }
    // Connections that are there go on, among them those that requests share.
    assert.deepEqual(answers, ['failed read ECONNRESET', good[1]]);
    await client.proxy.untilSaid(`its certificate is not good: ${verdict}, at ${web.host.ip}:4143`);
    if (seconds > 0) await web.proxy.untilSaid('the certificate has expired');
  }
});

/** Into the folder of a pod; sets its distance from the right time, in seconds. */
function createClock(folder: string): (seconds: number) => void {
  const source = resolve(import.meta.dirname, '../support/pod-clock.c');
  const words = ['-shared', '-fPIC', '-O1', '-o', join(folder, 'clock.so'), source];
  const { status, stderr } = spawnSync('cc', words, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const path = join(folder, 'clock');
  writeFileSync(path, Buffer.alloc(8));
  return (seconds) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(seconds));
    const file = openSync(path, 'r+');
    writeSync(file, bytes, 0, 8, 0);
    closeSync(file);
  };
}

function whyNoCompiler(): string | null {
  return spawnSync('cc', ['--version']).error === undefined
    ? null
    : 'needs cc: apt-get install gcc';
}

const day = 86_400;
