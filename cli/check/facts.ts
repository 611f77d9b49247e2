/** Gathers what `heddle check` judges. Whatever cannot be asked is a fact too, as a sentence. */

import { existsSync } from 'node:fs';
import { isLoopback } from '../../control/model/address.ts';
import { formatProblem, loadConfig } from '../../control/sources/load-config.ts';
import { systemClock } from '../../core/base/clock.ts';
import { version } from '../../core/base/version.ts';
import { readDescriptorFacts } from '../../workers/descriptors.ts';
import { askAdmin, scrape } from '../admin-client.ts';
import { askMany } from '../ask-many.ts';
import type { AuthorityView } from '../authority-messages.ts';
import type { Sample } from '../exposition.ts';
import { type KnownProxy, listProxies, unknownProxy } from '../known-proxies.ts';
import { type ProxyIdentity, readProxyIdentity } from '../proxy-identity.ts';
import {
  type ProxyTarget,
  type ProxyWatch,
  readProxyTargets,
  readProxyWatches,
} from '../proxy-targets.ts';
import type { ViewAnswer, ViewClient } from '../view-client.ts';
import type { ControlStatus, ServiceView } from '../view-messages.ts';

export interface CheckFacts {
  /** Null where no configuration is known. */
  readonly config: ConfigFacts | null;
  readonly controls: readonly ControlFacts[];
  readonly proxies: readonly ProxyFacts[];
  readonly own: OwnFacts;
}

export interface ConfigFacts {
  readonly path: string;
  readonly problems: readonly string[];
}

export interface ControlFacts {
  readonly address: string;
  readonly status: ViewAnswer<ControlStatus>;
  readonly services: ViewAnswer<readonly ServiceView[]>;
  /** Null where it does not certify: it is of an earlier version. */
  readonly authority: ViewAnswer<AuthorityView> | null;
  /** Our wall clock before the question and after the answer. */
  readonly askedMs: number;
  readonly answeredMs: number;
}

export interface ProxyFacts extends KnownProxy {
  /** Why its admin port does not answer; empty when it does. */
  readonly silence: string;
  /** What it says while it is not ready; empty when it is. */
  readonly unready: string;
  /** Null where it does not show them: to its own host alone. */
  readonly targets: readonly ProxyTarget[] | null;
  readonly watches: readonly ProxyWatch[];
  /** As configured; null where that is not known or left to the proxy. */
  readonly workers: number | null;
  /** Why it refuses its configuration file, or entries of it. */
  readonly problems: readonly string[];
  readonly samples: readonly Sample[];
  /** What it says of its certificate; null where it does not. */
  readonly certificate: ProxyIdentity | null;
  /** Our wall clock before the questions and after the answers. */
  readonly askedMs: number;
  readonly answeredMs: number;
}

export interface OwnFacts {
  readonly version: string;
  readonly node: string;
  readonly descriptorLimit: number;
}

interface FactsRequest {
  readonly clients: readonly ViewClient[];
  /** Admin addresses beside those that control planes know. */
  readonly admins: readonly string[];
  /** Empty for the file of a control plane on this host. */
  readonly configPath: string;
}

export async function gatherFacts(request: FactsRequest): Promise<CheckFacts> {
  const controls = await askMany(request.clients, askControl);
  const statuses = controls.flatMap(({ status }) => ('value' in status ? [status.value] : []));
  const known = listProxies(statuses);
  const others = request.admins
    .filter((admin) => known.every((proxy) => proxy.admin !== admin))
    .map(unknownProxy);
  const proxies = [...known, ...others].filter(({ admin }) => admin !== '');
  const path =
    request.configPath === '' ? findConfig(request.clients, controls) : request.configPath;
  return {
    config: path === '' ? null : await readConfig(path),
    controls,
    proxies: await askMany(proxies, askProxy),
    own: {
      version,
      node: process.versions.node,
      descriptorLimit: readDescriptorFacts().limit,
    },
  };
}

async function askControl(client: ViewClient): Promise<ControlFacts> {
  const askedMs = systemClock.wallMs();
  const status = await client.status();
  const answeredMs = systemClock.wallMs();
  // Nobody waits twice for who does not answer.
  const services = 'reason' in status ? status : await client.endpoints('', '');
  const asked = 'reason' in status ? status : await client.authority();
  const isOld = 'reason' in asked && asked.reason.startsWith('UNIMPLEMENTED');
  const authority = isOld ? null : asked;
  return { address: client.address, status, services, authority, askedMs, answeredMs };
}

/** Of a control plane elsewhere the path means another file. */
function findConfig(clients: readonly ViewClient[], controls: readonly ControlFacts[]): string {
  for (const [index, { status }] of controls.entries()) {
    if ('reason' in status || !isLoopback(clients[index].host)) continue;
    const source = status.value.sources.find(({ kind }) => kind === 'config');
    if (source !== undefined && existsSync(source.location)) return source.location;
  }
  return '';
}

async function readConfig(path: string): Promise<ConfigFacts> {
  const result = await loadConfig(path);
  const problems = 'problems' in result ? result.problems : [];
  return { path, problems: problems.map((one) => formatProblem({ ...one, path })) };
}

async function askProxy(proxy: KnownProxy): Promise<ProxyFacts> {
  const { admin } = proxy;
  const askedMs = systemClock.wallMs();
  const unasked = {
    ...proxy,
    unready: '',
    targets: null,
    watches: [],
    workers: null,
    problems: [],
  };
  try {
    const { status, body } = await askAdmin(admin, '/ready');
    const unready = status === 200 ? '' : body.trim() || `answered ${status}`;
    const [targets, watches, config, samples, certificate] = await Promise.all([
      readProxyTargets(admin).catch(() => null),
      readProxyWatches(admin).catch(() => []),
      readProxyConfig(admin).catch(() => unknownConfig),
      scrape(admin),
      readProxyIdentity(admin),
    ]);
    const answeredMs = systemClock.wallMs();
    const shown = { targets, watches, samples, certificate, askedMs, answeredMs };
    return { ...proxy, silence: '', unready, ...config, ...shown };
  } catch (error) {
    const silence = (error as Error).message;
    const times = { askedMs, answeredMs: systemClock.wallMs() };
    return { ...unasked, samples: [], certificate: null, silence, ...times };
  }
}

async function readProxyConfig(admin: string): Promise<Pick<ProxyFacts, 'workers' | 'problems'>> {
  const { body } = await askAdmin(admin, '/config');
  const { proxy, problems } = JSON.parse(body) as {
    proxy?: { workers?: unknown };
    problems?: unknown;
  };
  return {
    workers: typeof proxy?.workers === 'number' ? proxy.workers : null,
    problems: Array.isArray(problems) ? problems.map(String) : [],
  };
}

const unknownConfig = { workers: null, problems: [] };
