/**
 * Goal: whatever becomes of the control plane, no request for a target that the proxy knows fails;
 * what changes afterwards reaches it; and a proxy that starts meanwhile serves from its disk.
 * Method: real processes under load, and a relay between them that is as bad as a network can be.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ControlMesh, meshYaml, startControlMesh } from '../../support/control-mesh.ts';
import { ask, type ProxyProcess } from '../../support/process.ts';

interface Outage {
  readonly name: string;
  begin(mesh: ControlMesh, control: ProxyProcess): void | Promise<void>;
  /** Brings a control plane back that knows `yaml`. */
  end(mesh: ControlMesh, control: ProxyProcess, yaml: string): Promise<void>;
}

async function replace(mesh: ControlMesh, control: ProxyProcess, yaml: string): Promise<void> {
  control.signal('SIGKILL');
  await mesh.startControl(yaml);
  mesh.relay.mode = 'pass';
  mesh.relay.cut();
}

const outages: readonly Outage[] = [
  {
    name: 'stopped',
    async begin(_mesh, control) {
      control.signal('SIGTERM');
      await control.ended;
    },
    end: replace,
  },
  {
    name: 'killed',
    async begin(_mesh, control) {
      control.signal('SIGKILL');
      await control.ended;
    },
    end: replace,
  },
  {
    name: 'frozen',
    begin: (_mesh, control) => control.signal('SIGSTOP'),
    async end(_mesh, control, yaml) {
      control.write(yaml);
      control.signal('SIGCONT');
      await control.untilSaid('is applied');
    },
  },
  {
    name: 'unreachable by network',
    begin(mesh) {
      mesh.relay.mode = 'hold';
    },
    end: replace,
  },
  {
    name: 'refusing connections',
    begin(mesh) {
      mesh.relay.mode = 'absent';
    },
    end: replace,
  },
  {
    name: 'answering garbage',
    begin(mesh) {
      mesh.relay.mode = 'garbage';
    },
    end: replace,
  },
  {
    name: 'answering slowly',
    begin(mesh) {
      mesh.relay.mode = 'late';
      mesh.relay.cut();
    },
    end: replace,
  },
  {
    name: 'restarted empty',
    begin: (mesh, control) => replace(mesh, control, '{}'),
    end: replace,
  },
  {
    name: 'restarted older',
    begin: (mesh, control) => replace(mesh, control, meshYaml(mesh.origins.slice(0, 1))),
    end: replace,
  },
];

for (const outage of outages) {
  test(`a control plane that is ${outage.name} costs no request`, async (t) => {
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
  });
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
