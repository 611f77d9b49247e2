/**
 * The drill of an outage: whatever becomes of the control plane, no request for a target that the
 * proxy knows fails; what changes afterwards reaches it; and a proxy that starts meanwhile serves
 * from its disk.
 */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ControlMesh, meshYaml, startControlMesh } from './control-mesh.ts';
import { ask, type ProxyProcess } from './process.ts';

interface Outage {
  /** What the control plane is, as the end of a sentence. */
  readonly name: string;
  begin(mesh: ControlMesh, control: ProxyProcess): void | Promise<void>;
  /** Brings a control plane back that knows `yaml`. */
  end(mesh: ControlMesh, control: ProxyProcess, yaml: string): Promise<void>;
}

/** Two at a time: most of each is waiting. */
export function drillOutages(outages: readonly Outage[]): void {
  describe('a control plane that is', { concurrency: 2 }, () => {
    for (const outage of outages) {
      test(`${outage.name} costs no request`, (t) => drill(t, outage));
    }
  });
}

/** Another control plane in the place of this one. */
export async function replaceControl(
  mesh: ControlMesh,
  control: ProxyProcess,
  yaml: string,
): Promise<void> {
  control.signal('SIGKILL');
  await mesh.startControl(yaml);
  mesh.relay.mode = 'pass';
  mesh.relay.cut();
}

async function drill(t: TestContext, outage: Outage): Promise<void> {
  const mesh = await startControlMesh(t);
  const load = mesh.load();
  await outage.begin(mesh, mesh.control);
  // Longer than a watch may be silent, and than it may live.
  await sleep(outageMs);
  await startsFromDisk(mesh);
  await outage.end(mesh, mesh.control, meshYaml(mesh.origins.slice(1)));
  await untilOnly(t, mesh, '1');
  await load.stop();
  assert.ok(load.answered > 100, `${load.answered} requests`);
  assert.deepEqual(load.failures, []);
}

async function startsFromDisk(mesh: ControlMesh): Promise<void> {
  const other = await mesh.startProxy();
  const answer = await ask(other.port('Outbound interface'), '/', { headers: { host: 'web' } });
  assert.equal(answer.status, 200, answer.body);
  other.signal('SIGKILL');
}

/** The change that came with the end of the outage has reached the proxy. */
async function untilOnly(t: TestContext, mesh: ControlMesh, body: string): Promise<void> {
  const port = mesh.proxy.port('Outbound interface');
  for (let same = 0; same < 20; ) {
    assert.ok(!t.signal.aborted, 'the change came in time');
    const answer = await ask(port, '/', { headers: { host: 'web' } });
    same = answer.body === body ? same + 1 : 0;
  }
}

const outageMs = 3_000;
