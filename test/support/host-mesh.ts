/** A mesh over three hosts: of the control plane, of service `web`, and of callers. */

import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { type Host, type Hosts, startHosts } from './hosts.ts';
import { makeFolder, type ProxyProcess, startUp } from './process.ts';
import { type RunProcess, runCommand, runProgram, startRun } from './run-process.ts';

interface HostMesh {
  readonly up: ProxyProcess;
  readonly controlHost: Host;
  readonly webHost: Host;
  readonly callerHost: Host;
  /** The control plane as other hosts reach it. */
  readonly control: string;
  readonly watch: Hosts['watch'];
  /** A token for this service as `heddle token create` makes it. */
  createToken(service: string): Promise<string>;
  /** The application of `web`, which listens on the loopback of its host. */
  runWeb(token: string): RunProcess;
  /** `host-program.ts` on the host of callers, with a proxy and this token; returns its lines. */
  call(token: string, ...words: readonly string[]): Promise<readonly string[]>;
  /** The same without a proxy. */
  attack(...words: readonly string[]): Promise<readonly string[]>;
  /** Where the proxy of callers has its certificate, once one of them has run. */
  readonly callerIdentity: string;
}

export const webPort = 7000;

export async function startHostMesh(t: TestContext): Promise<HostMesh> {
  const network = await startHosts(t, 3);
  const [controlHost, webHost, callerHost] = network.hosts;
  const control = `${controlHost.ip}:8086`;
  const args = ['--listen', '0.0.0.0:8086', '--advertise', control];
  const up = await startUp(t, null, { inside: controlHost.inside, args });
  const callerState = makeFolder(t);
  const tokenFolder = makeFolder(t);
  let tokens = 0;
  function joining(token: string): string[] {
    tokens += 1;
    const file = join(tokenFolder, `${tokens}.token`);
    writeFileSync(file, token, { mode: 0o600 });
    return ['--control', control, '--token-file', file];
  }
  return {
    up,
    controlHost,
    webHost,
    callerHost,
    control,
    watch: (...words) => network.watch(...words),
    createToken: async (service) => {
      const state = ['--state-dir', join(up.folder, 'state')];
      return (await runCommand(['token', 'create', '--service', service, ...state])).out;
    },
    runWeb: (token) => {
      const named = ['--service', 'web', '--port', String(webPort), '--advertise', webHost.ip];
      const command = ['--', ...program, 'serve', String(webPort)];
      return startRun(t, [...named, ...joining(token), ...command], { inside: webHost.inside });
    },
    call: async (token, ...words) => {
      const all = [...joining(token), '--wait', '5s', '--', ...program, ...words];
      const options = { inside: callerHost.inside, stateFolder: callerState };
      const { ended, events } = startRun(t, all, options);
      await ended;
      return events.all;
    },
    attack: (...words) => askHost(callerHost, ...words),
    callerIdentity: join(callerState, 'proxy/default/client-node/identity'),
  };
}

/** What `host-program.ts` is asked to do on a host; resolves with its lines. */
export async function askHost(
  host: Pick<Host, 'inside'>,
  ...words: readonly string[]
): Promise<readonly string[]> {
  const { out, err } = await runProgram([...host.inside, ...program, ...words]);
  return `${out}${err}`.trim().split('\n');
}

const program = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  resolve(import.meta.dirname, 'host-program.ts'),
];
