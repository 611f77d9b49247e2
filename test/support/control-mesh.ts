/** A control plane, a proxy that watches it through a relay, and load: for drills of outages. */

import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  ask,
  makeFolder,
  type ProxyProcess,
  startHttpOrigin,
  startLoad,
  startProxy as startProxyOn,
  startUp,
} from './process.ts';
import { Relay } from './relay.ts';

export interface ControlMesh {
  readonly relay: Relay;
  readonly proxy: ProxyProcess;
  /** The newest control plane. */
  readonly control: ProxyProcess;
  /** Ports of two origins that say their index. */
  readonly origins: readonly number[];
  /** Starts another control plane with this configuration; the relay leads there from now on. */
  startControl(yaml: string, state?: string): Promise<ProxyProcess>;
  /** Another proxy with the state that the first one left on disk. */
  startProxy(): Promise<ProxyProcess>;
  load(): ReturnType<typeof startLoad>;
}

/** One service `web` with both origins, known to the proxy; and `other`, which it has not met. */
export async function startControlMesh(t: TestContext): Promise<ControlMesh> {
  const origins = await Promise.all([0, 1].map((index) => startIndexed(t, index)));
  const folder = makeFolder(t);
  let states = 0;
  let newest: ProxyProcess;
  const relay = await Relay.start(t, 0);
  async function startControl(yaml: string, state?: string): Promise<ProxyProcess> {
    states += 1;
    const args = ['--state-dir', state ?? join(folder, `control-${states}`)];
    const control = await startUp(t, yaml, { args });
    relay.target = control.port('Control plane');
    newest = control;
    return control;
  }
  async function startProxy(): Promise<ProxyProcess> {
    const settings = { control: `127.0.0.1:${relay.port}`, stateDir: join(folder, 'proxy') };
    const yaml = JSON.stringify({ proxy: { ...settings, ...proxySettings } });
    return startProxyOn(t, yaml);
  }
  await startControl(meshYaml(origins));
  const proxy = await startProxy();
  const outbound = proxy.port('Outbound interface');
  for (let turn = 0; turn < 4; turn++) await ask(outbound, '/', { headers: { host: 'web' } });
  return {
    relay,
    proxy,
    get control() {
      return newest;
    },
    origins,
    startControl,
    startProxy,
    load: () => startLoad(t, outbound, 'web', 4, 2),
  };
}

export function meshYaml(origins: readonly number[]): string {
  const endpoints = origins.map((port) => `127.0.0.1:${port}`);
  const service = { port: 80, endpoints };
  return JSON.stringify({ services: { web: service, other: service } });
}

function startIndexed(t: TestContext, index: number): Promise<number> {
  return startHttpOrigin(t, (incoming, outgoing) => {
    incoming.resume();
    outgoing.end(String(index));
  });
}

/** Limits short enough for a test, in the order that they have to have. */
const proxySettings = {
  outbound: '127.0.0.1:0',
  admin: '127.0.0.1:0',
  workers: 1,
  controlStreamInitialMs: 300,
  controlStreamIdleMs: 1_000,
  controlStreamLifetimeMs: 2_000,
  announceMs: 0,
};
