/**
 * A whole proxy around echoing workers, for tests of everything but `core/proxy`: real threads,
 * ports of the system's choice, a configuration in a folder that is deleted at the end.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Address, ProxySettings } from '../../api/settings.ts';
import { loadConfig } from '../../control/sources/load-config.ts';
import { type RunningProxy, startProxy } from '../../workers/start.ts';
import { supervisorLimits } from '../../workers/supervisor.ts';
import { runEcho } from './echo-worker.ts';

interface EchoProxy {
  readonly proxy: RunningProxy;
  readonly outbound: Address;
  readonly inbound: Address;
  readonly admin: Address;
  /** Log lines so far; `untilLogged` waits for one. */
  readonly lines: string[];
  untilLogged(part: string): Promise<string>;
  /** Replaces heddle.yaml. */
  configure(yaml: string): void;
  stop(): Promise<void>;
}

const echoEntry = {
  filename: new URL('./echo-worker.ts', import.meta.url).href,
  name: runEcho.name,
};

export const echoYaml = `
services:
  web: { port: 80, endpoints: [127.0.0.1:9] }
proxy:
  outbound: 127.0.0.1:0
  inbound: 127.0.0.1:0
  inboundTo: 127.0.0.1:9
  admin: 127.0.0.1:0
  announceMs: 0
`;

export async function startEchoProxy(changes: Partial<ProxySettings> = {}): Promise<EchoProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-echo-'));
  const path = join(folder, 'heddle.yaml');
  writeFileSync(path, echoYaml);
  const loaded = await loadConfig(path);
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems));
  const lines: string[] = [];
  const waiters: { part: string; resolve: (line: string) => void }[] = [];
  const settings = { ...loaded.config.settings, workers: 1, ...changes };
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const starting = startProxy(loaded.config, settings, {
    entry: echoEntry,
    limits: { ...supervisorLimits, heartbeatMs: 100 },
    writeLog: (bytes, done) => {
      for (const line of Buffer.from(bytes).toString().split('\n')) {
        lines.push(line);
        for (const { part, resolve } of waiters) if (line.includes(part)) resolve(line);
      }
      queueMicrotask(() => done(null, bytes.length));
    },
  });
  starting.catch(remove);
  const proxy = await starting;
  const { outbound, inbound, admin } = proxy.settings;
  if (outbound === null || inbound === null || admin === null) throw new Error('no port');
  return {
    proxy,
    outbound,
    inbound,
    admin,
    lines,
    untilLogged: (part) =>
      new Promise((resolve) => {
        const line = lines.find((one) => one.includes(part));
        if (line !== undefined) resolve(line);
        else waiters.push({ part, resolve });
      }),
    configure: (yaml) => writeFileSync(path, yaml),
    stop: async () => {
      await proxy.stop();
      remove();
    },
  };
}
