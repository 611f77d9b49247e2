/**
 * A mesh that joins: control planes at addresses that outlive them, members that `heddle run` joins
 * with, and the proxy of a caller, which knows their service as `web`.
 */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { cleanUp } from './cleanup.ts';
import { Events } from './events.ts';
import {
  ask,
  makeFolder,
  ownHost,
  type ProxyProcess,
  startLoad,
  startProxy,
  startUp,
} from './process.ts';
import { Relay } from './relay.ts';
import { appCommand, freePort, isThere, type RunProcess, startRun } from './run-process.ts';

/** The place of a control plane: its address and state stay when the process is another one. */
export interface Seat {
  readonly address: string;
  readonly port: number;
  readonly stateFolder: string;
  /** The newest. */
  readonly process: ProxyProcess;
  start(): Promise<ProxyProcess>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  forget(): void;
}

export interface Member extends RunProcess {
  /** Of its application, which is what it answers. */
  readonly application: number;
  /** Where it listens. */
  readonly port: number;
}

interface JoinedMesh {
  readonly seats: readonly Seat[];
  readonly caller: ProxyProcess;
  /** What members have between them and the first control plane. */
  readonly relay: Relay;
  /** Resolves when it serves. */
  join(): Promise<Member>;
  /** Resolves when the caller's endpoints of `web` are as many, and answered for by these. */
  untilServedBy(...members: readonly Member[]): Promise<void>;
  /** Resolves when all watches of the caller are live, and at none but these. */
  untilWatched(...seats: readonly Seat[]): Promise<void>;
  load(): ReturnType<typeof startLoad>;
}

export async function startJoinedMesh(t: TestContext, controls = 1): Promise<JoinedMesh> {
  const folder = makeFolder(t);
  const shared = [
    '--join-key',
    join(folder, 'join.key'),
    '--identity-dir',
    join(folder, 'identity'),
  ];
  const seats: Seat[] = [];
  for (let index = 0; index < controls; index++) {
    const args = controls === 1 ? [] : shared;
    seats.push(await takeSeat(t, join(folder, `control-${index}`), args));
  }
  const control = seats.map(({ address }) => address).join(',');
  const tokenFile = join(seats[0].stateFolder, 'local.token');
  const own = { stateDir: join(folder, 'caller'), identityToken: tokenFile };
  const settings = { control, ...own, ...callerSettings };
  const caller = await startProxy(t, JSON.stringify({ proxy: settings }));
  const outbound = caller.port('Outbound interface');
  const admin = caller.port('Admin interface');
  const relay = await Relay.start(t, seats[0].port, ownHost);
  const joined = [`127.0.0.1:${relay.port}`, ...seats.slice(1).map(({ address }) => address)];
  const members: RunProcess[] = [];
  // As a person ends them: what is killed leaves its application to a guard, for a moment.
  cleanUp(t, () => Promise.all(members.map(endGently)));
  return {
    seats,
    caller,
    relay,
    join: () => startMember(t, ['--control', joined.join(','), '--token-file', tokenFile], members),
    untilServedBy: (...members) => untilServedBy(t, { outbound, admin }, members),
    untilWatched: (...watched) => untilWatched(t, admin, watched),
    load: () => startLoad(t, outbound, 'web', clients, 2),
  };
}

async function takeSeat(
  t: TestContext,
  stateFolder: string,
  more: readonly string[],
): Promise<Seat> {
  const port = await freePort();
  const address = `${ownHost}:${port}`;
  const args = ['--listen', address, '--state-dir', stateFolder, ...more];
  let newest: ProxyProcess;
  async function start(): Promise<ProxyProcess> {
    newest = await startUp(t, null, { args });
    return newest;
  }
  await start();
  return {
    address,
    port,
    stateFolder,
    start,
    get process() {
      return newest;
    },
    async kill() {
      newest.signal('SIGKILL');
      await newest.ended;
    },
    forget: () => rmSync(stateFolder, { recursive: true }),
  };
}

async function startMember(
  t: TestContext,
  joining: readonly string[],
  members: RunProcess[],
): Promise<Member> {
  const events = new Events();
  const port = await freePort();
  const args = ['--service', 'web', '--port', String(port), ...joining];
  const run = startRun(t, [...args, ...appCommand(`delay=${answerMs}`, `listen=${port}`)], {
    events,
  });
  members.push(run);
  const line = await events.until(/^running /);
  await events.until(/^heddle: joined /);
  return { ...run, port, application: Number(line.slice('running '.length)) };
}

async function endGently({ pid, ended }: RunProcess): Promise<void> {
  if (!isThere(pid)) return;
  process.kill(pid, 'SIGTERM');
  await ended;
}

interface Ports {
  readonly outbound: number;
  readonly admin: number;
}

async function untilServedBy(
  t: TestContext,
  { outbound, admin }: Ports,
  members: readonly Member[],
): Promise<void> {
  const missing = new Set(members.map(({ application }) => String(application)));
  for (;;) {
    if (t.signal.aborted) throw new Error(`not served by ${[...missing].join(', ')}`);
    const { status, body } = await ask(outbound, '/', { headers: { host: 'web' } });
    if (status === 200) missing.delete(body);
    if (missing.size === 0 && (await countEndpoints(admin)) === members.length) return;
  }
}

async function countEndpoints(admin: number): Promise<number> {
  const { body } = await ask(admin, '/endpoints');
  const { targets } = JSON.parse(body) as { readonly targets: readonly Target[] };
  return targets.find(({ authority }) => authority?.startsWith('web'))?.endpoints.length ?? 0;
}

async function untilWatched(t: TestContext, admin: number, seats: readonly Seat[]): Promise<void> {
  const addresses = new Set(seats.map(({ address }) => address));
  for (;;) {
    const { body } = await ask(admin, '/watches');
    const { watches } = JSON.parse(body) as { readonly watches: readonly WatchRow[] };
    if (watches.every((row) => row.phase === 'live' && addresses.has(row.address))) return;
    if (t.signal.aborted) throw new Error(`watches in time: ${body}`);
  }
}

interface WatchRow {
  readonly phase: string;
  readonly address: string;
}

interface Target {
  readonly authority: string | null;
  readonly endpoints: readonly unknown[];
}

/** What is under way in an application that ends, is lost. */
const answerMs = 20;
/** Requests that can be under way when a member dies. */
export const clients = 4;

const callerSettings = {
  identity: 'caller.default',
  outbound: '127.0.0.1:0',
  admin: '127.0.0.1:0',
  workers: 1,
  announceMs: 0,
};
