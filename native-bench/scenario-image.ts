/**
 * The image's sidecar as a pod starts it: from exec of its entry point, by chroot as 2102 with what
 * Linkerd's injector writes, until its admin port answers 200 to /ready.
 */

import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createOwner } from '../test/support/cleanup.ts';
import { type Sidecar, startSidecars } from '../test/support/sidecars.ts';
import type { Bench, Figure, Scenario } from './bench.ts';
import { whyNoPods } from './pods.ts';
import type { Started } from './run.ts';

export const imageStart: Scenario = {
  name: 'image-start',
  about: 'the same for the sidecar of the image in a pod, with and without state at hand',
  needs: [],
  execute: async (bench) => {
    const reason = whyNoPods();
    const missing = reason === null ? [] : [{ name: 'ours', reason }];
    const figures = reason === null ? await measureStarts(bench) : [];
    const title = "start of the image's sidecar: exec to ready (ms)";
    return [{ kind: 'figures', title, figures, missing }];
  },
};

/** In turn, so that what else the machine does falls on all of them. */
async function measureStarts(bench: Bench): Promise<Figure[]> {
  const owner = createOwner();
  try {
    const { control, pods } = await startSidecars(owner, { pods: ['web'] });
    const [pod] = pods;
    const watcher = startWatcher(bench, pod);
    const kept: number[] = [];
    const alone: number[] = [];
    const first: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await untilKept(pod);
      await end(pod);
      kept.push(await measureStart(pod, watcher));
      await end(pod);
      control.signal('SIGSTOP');
      alone.push(await measureStart(pod, watcher));
      control.signal('SIGCONT');
      await end(pod);
      forget(pod);
      first.push(await measureStart(pod, watcher));
    }
    await bench.run.end(watcher);
    return [
      { name: 'state at hand', unit: 'ms', values: kept },
      { name: 'state at hand, no control plane answers', unit: 'ms', values: alone },
      { name: 'first start, certified by the control plane', unit: 'ms', values: first },
    ];
  } finally {
    await owner.end();
  }
}

function startWatcher(bench: Bench, { host }: Sidecar): Started {
  const file = join(import.meta.dirname, 'ready-watcher.ts');
  const args = ['--disable-warning=ExperimentalWarning', file, '4191'];
  const command = process.execPath;
  const at = { inside: host.inside, channel: true, cores: null };
  return bench.run.start({ name: 'ready-watcher', command, args, ...at });
}

async function measureStart(pod: Sidecar, { child }: Started): Promise<number> {
  const heard = once(child, 'message', { signal: AbortSignal.timeout(startTimeoutMs) });
  child.send('watch');
  const proxy = pod.launch();
  const [readyAtMs] = (await heard.catch(() => {
    throw new Error(`the sidecar is not ready:\n${proxy.said}`);
  })) as [number];
  const line = await proxy.untilSaid('entered at ');
  return readyAtMs - Number(line.slice(line.lastIndexOf(' ') + 1)) / 1e6;
}

/** Until then the next start would be certified again. */
async function untilKept({ pod }: Sidecar): Promise<void> {
  const giveUpAt = performance.now() + startTimeoutMs;
  while (!existsSync(join(pod.folders, 'end-entity/heddle/identity/leaf.crt'))) {
    if (performance.now() > giveUpAt) throw new Error('the sidecar keeps no certificate');
    await sleep(10);
  }
}

async function end({ proxy }: Sidecar): Promise<void> {
  proxy.signal('SIGKILL');
  await proxy.ended;
}

/** As when the pod is new. */
function forget({ pod }: Sidecar): void {
  for (const name of ['heddle', 'key.p8', 'csr.der']) {
    rmSync(join(pod.folders, 'end-entity', name), { recursive: true, force: true });
  }
}

const rounds = 10;
const startTimeoutMs = 20_000;
