/**
 * Starts the demo's applications and their proxies, in the order in which each is needed, and
 * again those that ended. What is shown of it is decided elsewhere.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runAfter } from '../../control/model/delay.ts';
import { systemClock } from '../../core/base/clock.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import { askAdmin } from '../admin-client.ts';
import { type Child, type Children, pathOf } from './children.ts';
import {
  type AppPorts,
  type EdgePorts,
  edgeFile,
  type SidecarPorts,
  sidecarFile,
} from './mesh-files.ts';
import { choosePort } from './ports.ts';

export interface Mesh {
  readonly edge: EdgePorts;
  readonly sidecar: SidecarPorts;
  readonly apps: readonly App[];
  /** What had to be different from what the documents say. */
  readonly remarks: readonly string[];
}

/** An application as it was started, so that it can be started again. */
interface App {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly port: number;
  pid: number;
}

interface MeshOptions {
  /** A private folder for the configurations. */
  readonly folder: string;
  readonly children: Children;
  readonly timers: TimerWheel;
}

export async function startMesh(options: MeshOptions): Promise<Mesh> {
  const remarks: string[] = [];
  const started = await Promise.all(
    plan.map(({ name, file, args }) => startApp(options.children, name, file, args)),
  );
  const [web, users1, users2, greeter1, greeter2, prices, echo] = started;
  const apps: AppPorts = {
    web: web.app.port,
    users: [users1.app.port, users2.app.port],
    greeters: [greeter1.app.port, greeter2.app.port],
    prices: prices.app.port,
    echo: echo.app.port,
  };
  const sidecar = await startProxy(options, 'web-proxy', remarks, async (choose) => {
    const ports = {
      inbound: await choose(4143),
      outbound: await choose(4150),
      admin: await choose(4192),
    };
    return { ports, text: sidecarFile(ports, apps) };
  });
  web.child.process.send({ outboundPort: sidecar.outbound });
  const edge = await startProxy(options, 'edge-proxy', remarks, async (choose) => {
    const ports = {
      outbound: await choose(4140),
      admin: await choose(4191),
      echoBind: await choose(4107),
    };
    return { ports, text: edgeFile(ports, sidecar, apps) };
  });
  return { edge, sidecar, apps: started.map(({ app }) => app), remarks };
}

/** On the port that it had, because the proxies know it by that. */
export async function restartApp(children: Children, mesh: Mesh, app: App): Promise<void> {
  const { child } = await startApp(children, app.name, app.file, app.args, app.port);
  app.pid = child.process.pid ?? 0;
  if (app.name === 'web') child.process.send({ outboundPort: mesh.sidecar.outbound });
}

async function startApp(
  children: Children,
  name: string,
  file: string,
  args: readonly string[],
  wantedPort = 0,
): Promise<{ app: App; child: Child }> {
  const child = children.start(name, [pathOf(file), String(wantedPort), ...args]);
  const port = await child.port();
  if (port === null) throw new Error(`${name} did not start: ${child.lines.join(' ')}`);
  return { app: { name, file, args, port, pid: child.process.pid ?? 0 }, child };
}

interface Draft<Ports> {
  readonly ports: Ports;
  readonly text: string;
}

type Choose = (wanted: number) => Promise<number>;

/** A port may be taken between choosing and binding it, above all when two demos start at once. */
async function startProxy<Ports extends { readonly admin: number }>(
  options: MeshOptions,
  name: string,
  remarks: string[],
  draft: (choose: Choose) => Promise<Draft<Ports>>,
): Promise<Ports> {
  let lines: readonly string[] = [];
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const replaced: string[] = [];
    const { ports, text } = await draft(async (wanted) => {
      const port = await choosePort(attempt === 0 ? wanted : 0);
      if (port !== wanted) replaced.push(`port ${wanted} is taken, ${name} uses ${port}`);
      return port;
    });
    const path = join(options.folder, `${name}.yaml`);
    writeFileSync(path, text, { mode: 0o600 });
    const child = options.children.start(name, [
      '--import',
      pathOf('end-with-parent.ts'),
      pathOf('../main.ts'),
      'proxy',
      '--config',
      path,
    ]);
    if (await isReady(options, child, ports.admin)) {
      remarks.push(...replaced);
      return ports;
    }
    lines = child.lines;
  }
  throw new Error(`${name} did not become ready:\n${lines.join('\n')}`);
}

/**
 * Asks until the proxy is ready, has ended, or has had its time. Another demo may answer on the
 * port that ours finds taken: the configuration's path tells them apart.
 */
async function isReady(options: MeshOptions, child: Child, admin: number): Promise<boolean> {
  const address = `127.0.0.1:${admin}`;
  const untilMs = systemClock.monotonicMs() + readyTimeoutMs;
  while (systemClock.monotonicMs() < untilMs && !child.isEnded) {
    try {
      const { status } = await askAdmin(address, '/ready');
      const { body } = await askAdmin(address, '/config');
      if (status === 200 && body.includes(options.folder)) return true;
    } catch {
      // Not listening yet.
    }
    await new Promise<void>((resume) => {
      runAfter(options.timers, pollMs, resume);
    });
  }
  return false;
}

/** In this order `Mesh.apps` has them. */
const plan: readonly { name: string; file: string; args: readonly string[] }[] = [
  { name: 'web', file: 'web-app.ts', args: [] },
  { name: 'users-1', file: 'users-app.ts', args: ['users-1', 'steady'] },
  { name: 'users-2', file: 'users-app.ts', args: ['users-2', 'slow'] },
  { name: 'greeter-1', file: 'greeter-app.ts', args: ['greeter-1', 'steady'] },
  { name: 'greeter-2', file: 'greeter-app.ts', args: ['greeter-2', 'moody'] },
  { name: 'prices', file: 'prices-app.ts', args: [] },
  { name: 'echo', file: 'echo-app.ts', args: [] },
];

const attemptsMax = 4;
const readyTimeoutMs = 15_000;
const pollMs = 50;
