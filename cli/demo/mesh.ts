/**
 * Starts the demo's control plane, its edge proxy and its applications, each joined by
 * `heddle run`, and again those that ended. What is shown of it is decided elsewhere.
 */

import { join } from 'node:path';
import { runAfter } from '../../control/model/delay.ts';
import { assert } from '../../core/base/assert.ts';
import { systemClock } from '../../core/base/clock.ts';
import { systemWaitAtMost, type TimerWheel } from '../../core/base/timers.ts';
import { askAdmin } from '../admin-client.ts';
import { createViewClient, type ViewClient } from '../view-client.ts';
import { type Child, type Children, nodeFlags, pathOf } from './children.ts';
import { choosePort } from './ports.ts';

export interface Mesh {
  readonly control: Control;
  readonly view: ViewClient;
  readonly edge: EdgePorts;
  readonly apps: readonly App[];
  /** Of the proxy of web, which has another one after each start. */
  webAdmin: string;
  /** What had to be different from what the documents say. */
  readonly remarks: readonly string[];
}

/** The control plane as it runs now. */
interface Control {
  readonly port: number;
  readonly admin: number;
  pid: number;
}

interface EdgePorts {
  readonly outbound: number;
  readonly admin: number;
  readonly echoBind: number;
}

/** An application as it runs now. */
interface App {
  readonly name: string;
  pid: number;
}

export interface MeshOptions {
  /** A private folder for keys, tokens and states. */
  readonly folder: string;
  /** The control plane, which ends behind all others. */
  readonly planes: Children;
  readonly children: Children;
  readonly timers: TimerWheel;
}

export async function startMesh(options: MeshOptions): Promise<Mesh> {
  const remarks: string[] = [];
  const control = await startControl(options, remarks);
  const view = createViewClient({ host: '127.0.0.1', port: control.port });
  const [edge, ...apps] = await Promise.all([
    startEdge(options, control, remarks),
    ...plan.map((app) => startApp(options, control, app)),
  ]);
  await untilAllServe(options, view);
  return { control, view, edge, apps, webAdmin: '', remarks };
}

/** On another port than before, which nobody has to be told: it joins by its name. */
export async function restartApp(options: MeshOptions, mesh: Mesh, app: App): Promise<number> {
  const again = plan.find(({ name }) => name === app.name);
  assert(again !== undefined, 'what runs was planned');
  app.pid = (await startApp(options, mesh.control, again)).pid;
  return app.pid;
}

/** On the ports that it had: everybody knows it by them, and goes on meanwhile. */
export async function restartControl(options: MeshOptions, { control }: Mesh): Promise<number> {
  const child = startPlane(options, control);
  if (!(await isUp(child)))
    throw new Error(`${planeName} did not start:\n${child.lines.join('\n')}`);
  control.pid = child.process.pid ?? 0;
  return control.pid;
}

/** Where the proxies are whose table is shown; the control plane knows it, if it can be asked. */
export async function findProxies(mesh: Mesh): Promise<[name: string, admin: string][]> {
  const asking = mesh.view.status();
  const status = (await systemWaitAtMost(asking, findTimeoutMs)) ? await asking : { reason: '' };
  const instances = 'value' in status ? status.value.instances : [];
  mesh.webAdmin = instances.find(({ service }) => service === 'web')?.admin ?? mesh.webAdmin;
  return [
    ['edge', `127.0.0.1:${mesh.edge.admin}`],
    ['web', mesh.webAdmin],
  ];
}

type Choose = (wanted: number) => Promise<number>;

async function startControl(options: MeshOptions, remarks: string[]): Promise<Control> {
  return startUntil(planeName, remarks, async (choose) => {
    const ports = { port: await choose(8086), admin: await choose(9996) };
    const child = startPlane(options, ports);
    const started = (await isUp(child)) ? { ...ports, pid: child.process.pid ?? 0 } : null;
    return { started, child };
  });
}

function startPlane(options: MeshOptions, { port, admin }: Omit<Control, 'pid'>): Child {
  const flags = flagsOf({
    listen: `127.0.0.1:${port}`,
    admin: `127.0.0.1:${admin}`,
    'state-dir': join(options.folder, 'up'),
  });
  return options.planes.start(planeName, ['up', ...flags]);
}

/** False when it has ended. */
async function isUp(child: Child): Promise<boolean> {
  return (await child.until((line) => (line.includes('heddle: ready') ? line : null))) !== null;
}

/** The proxy of whoever has none: you, and the load. */
async function startEdge(
  options: MeshOptions,
  control: Control,
  remarks: string[],
): Promise<EdgePorts> {
  return startUntil('edge proxy', remarks, async (choose) => {
    const ports = {
      outbound: await choose(4140),
      admin: await choose(4191),
      echoBind: await choose(4107),
    };
    const flags = flagsOf({
      control: `127.0.0.1:${control.port}`,
      workload: JSON.stringify({ ns: 'default', pod: 'edge' }),
      identity: 'edge.default',
      'identity-token': join(options.folder, 'up', 'local.token'),
      outbound: `127.0.0.1:${ports.outbound}`,
      admin: `127.0.0.1:${ports.admin}`,
      bind: `127.0.0.1:${ports.echoBind}=echo:7`,
      workers: '1',
      'state-dir': join(options.folder, 'edge'),
      announce: '0ms',
      grace: '1s',
    });
    const child = options.children.start('edge proxy', ['proxy', ...flags]);
    return { started: (await isReady(options, child, ports.admin)) ? ports : null, child };
  });
}

interface Attempt<Ports> {
  /** Null when it has ended. */
  readonly started: Ports | null;
  readonly child: Child;
}

/** A port may be taken between choosing and binding it, above all when two demos start at once. */
async function startUntil<Ports>(
  name: string,
  remarks: string[],
  start: (choose: Choose) => Promise<Attempt<Ports>>,
): Promise<Ports> {
  let lines: readonly string[] = [];
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const replaced: string[] = [];
    const { started, child } = await start(async (wanted) => {
      const port = await choosePort(attempt === 0 ? wanted : 0);
      if (port !== wanted) replaced.push(`port ${wanted} is taken, the ${name} uses ${port}`);
      return port;
    });
    if (started !== null) {
      remarks.push(...replaced);
      return started;
    }
    lines = child.lines;
  }
  throw new Error(`the ${name} did not become ready:\n${lines.join('\n')}`);
}

/**
 * Asks until the proxy is ready, has ended, or has had its time. Another demo may answer on the
 * port that ours finds taken: the state's folder tells them apart.
 */
async function isReady(options: MeshOptions, child: Child, admin: number): Promise<boolean> {
  const address = `127.0.0.1:${admin}`;
  const isOurs = async (): Promise<boolean> => {
    const { status } = await askAdmin(address, '/ready');
    const { body } = await askAdmin(address, '/config');
    return status === 200 && body.includes(options.folder);
  };
  // Where it does not listen yet nobody answers.
  return poll(
    options.timers,
    async () => child.isEnded || (await isOurs().catch(() => false)),
  ).then(() => !child.isEnded);
}

async function startApp(
  options: MeshOptions,
  control: Control,
  { name, service, file, protocol, mood }: PlannedApp,
): Promise<App> {
  let lines: readonly string[] = [];
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const port = String(await choosePort(0));
    const flags = flagsOf({
      service,
      port,
      protocol,
      'service-port': protocol === 'opaque' ? '7' : '80',
      control: `127.0.0.1:${control.port}`,
      'token-file': join(options.folder, 'up', 'local.token'),
      'state-dir': join(options.folder, 'state'),
      grace: '1s',
    });
    const command = [process.execPath, ...nodeFlags, pathOf(file), port, name, mood];
    const child = options.children.start(name, ['run', ...flags, '--', ...command]);
    const pid = await child.until(readPid);
    if (pid !== null) return { name, pid };
    lines = child.lines;
    // Nothing but a port that was taken meanwhile is worth another attempt.
    if (!lines.some((line) => line.includes('EADDRINUSE'))) break;
  }
  throw new Error(`${name} did not start:\n${lines.join('\n')}`);
}

function flagsOf(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);
}

/** What an application says when it serves, of all that it and its proxy say. */
function readPid(line: string): number | null {
  const [, pid] = /^\{"pid":(\d+),"port":\d+\}$/.exec(line) ?? [];
  return pid === undefined ? null : Number(pid);
}

/** A name that has no endpoint yet would fail in the first table. */
async function untilAllServe({ timers }: MeshOptions, view: ViewClient): Promise<void> {
  await poll(timers, async () => {
    const status = await view.status();
    const instances = 'value' in status ? status.value.instances : [];
    return instances.filter(({ serving }) => serving).length >= plan.length;
  });
}

/** Until it is so, or there is no more time; what was waited for is then seen to fail. */
async function poll(timers: TimerWheel, isSo: () => Promise<boolean>): Promise<void> {
  const untilMs = systemClock.monotonicMs() + readyTimeoutMs;
  while (!(await isSo()) && systemClock.monotonicMs() < untilMs) {
    await new Promise<void>((resume) => {
      runAfter(timers, pollMs, resume);
    });
  }
}

interface PlannedApp {
  readonly name: string;
  readonly service: string;
  readonly file: string;
  readonly mood: string;
  readonly protocol: string;
}

const plan: readonly PlannedApp[] = [
  planned('web', 'web-app.ts', 'http1'),
  planned('users-1', 'users-app.ts', 'http1'),
  planned('users-2', 'users-app.ts', 'http1', 'slow'),
  planned('greeter-1', 'greeter-app.ts', 'grpc'),
  planned('greeter-2', 'greeter-app.ts', 'grpc', 'moody'),
  planned('prices', 'prices-app.ts', 'http2'),
  planned('echo', 'echo-app.ts', 'opaque'),
];

function planned(name: string, file: string, protocol: string, mood = 'steady'): PlannedApp {
  return { name, service: name.replace(/-\d$/, ''), file, protocol, mood };
}

export const planeName = 'control plane';
const attemptsMax = 4;
const readyTimeoutMs = 30_000;
const findTimeoutMs = 500;
const pollMs = 50;
