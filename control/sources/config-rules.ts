/**
 * What takes more than one key of `heddle.yaml` to judge: exactly one source for a service, ports
 * that two listeners claim, addresses that other machines reach, endpoints that are ourselves.
 * The rules read the raw data leniently, so that they speak also while other keys are wrong.
 */

import type { Address } from '../../api/settings.ts';
import { formatAddress, isLoopback, isWildcard, parseAddress } from '../model/address.ts';
import type { ConfigProblem } from '../model/loaded-config.ts';
import { type KeyPath, type ParsedFile, problemAt } from './config-problem.ts';

export const listenerDefaults = {
  outbound: '127.0.0.1:4140',
  inbound: '0.0.0.0:4143',
  admin: '127.0.0.1:4191',
} as const;

export function problemsOfRules(file: ParsedFile): ConfigProblem[] {
  const root = asRecord(file.raw);
  const proxy = asRecord(root.proxy);
  const services = Object.entries(asRecord(root.services)).flatMap(([name, value]) =>
    isRecord(value) ? [[name, value] as const] : [],
  );
  const listeners = collectListeners(proxy, services);
  return [
    ...services.flatMap(([name, service]) => problemsOfSource(file, name, service)),
    ...problemsOfExposure(file, listeners, proxy.allowRemote === true),
    ...problemsOfSharing(file, listeners),
    ...problemsOfLoops(file, listeners, proxy, services),
    ...problemsOfInbound(file, proxy),
    ...problemsOfDrain(file, proxy),
  ];
}

/** What a proxy that has nothing but its file cannot do. */
export function problemsOfProxy(file: ParsedFile): ConfigProblem[] {
  const root = asRecord(file.raw);
  const remedy = 'start heddle up with this file, and the proxy with --control';
  const needs = 'needs a control plane: a proxy by itself cannot';
  const joined = Object.entries(asRecord(root.services))
    .filter(([, service]) => asRecord(service).join === true)
    .map(([name]) => {
      const keys = ['services', name, 'join'];
      return problemAt(file, keys, `${needs} take processes that join`, remedy, 'key');
    });
  if (root.manifests === undefined) return joined;
  const reason = `${needs} follow a folder of manifests`;
  return [...joined, problemAt(file, ['manifests'], reason, remedy, 'key')];
}

type Fields = Readonly<Record<string, unknown>>;
type Services = readonly (readonly [name: string, service: Fields])[];

interface Listener {
  readonly keys: KeyPath;
  readonly address: Address;
  /** Whether applications send requests into the mesh through it. */
  readonly outbound: boolean;
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asRecord(value: unknown): Fields {
  return isRecord(value) ? value : {};
}

function asAddress(value: unknown): Address | null {
  return typeof value === 'string' ? parseAddress(value) : null;
}

function collectListeners(proxy: Fields, services: Services): Listener[] {
  const listeners: Listener[] = [];
  const add = (keys: KeyPath, value: unknown, outbound: boolean): void => {
    const address = asAddress(value);
    if (address !== null) listeners.push({ keys, address, outbound });
  };
  const standard = (key: 'outbound' | 'inbound' | 'admin'): unknown =>
    proxy[key] === undefined ? listenerDefaults[key] : proxy[key];
  add(['proxy', 'outbound'], standard('outbound'), true);
  add(['proxy', 'outboundSecond'], proxy.outboundSecond, true);
  const { originalDestination = 'off' } = proxy;
  const isInbound = asAddress(proxy.inboundTo) !== null || originalDestination !== 'off';
  if (isInbound) add(['proxy', 'inbound'], standard('inbound'), false);
  add(['proxy', 'admin'], standard('admin'), false);
  for (const [name, service] of services) add(['services', name, 'bind'], service.bind, true);
  return listeners;
}

function problemsOfSource(file: ParsedFile, name: string, service: Fields): ConfigProblem[] {
  const kinds = sourceKeys.filter((kind) => service[kind] !== undefined);
  if (kinds.length === 1) return [];
  const keys = ['services', name];
  if (kinds.length === 0) {
    const reason = 'expected one of endpoints, file, dns, srv, join, but there is none';
    return [problemAt(file, keys, reason, 'for example endpoints: [10.0.0.5:8080]', 'key')];
  }
  const reason = `expected one of endpoints, file, dns, srv, join, got ${kinds.join(' and ')}`;
  return [problemAt(file, [...keys, kinds[1]], reason, `remove all but one of them`, 'key')];
}

function problemsOfExposure(
  file: ParsedFile,
  listeners: readonly Listener[],
  allowRemote: boolean,
): ConfigProblem[] {
  if (allowRemote) return [];
  return listeners
    .filter(({ address, outbound }) => outbound && !isLoopback(address.host))
    .map(({ keys, address }) =>
      problemAt(
        file,
        keys,
        `${formatAddress(address)} lets other machines send through this proxy`,
        'listen on 127.0.0.1, or say proxy.allowRemote: true if that is meant',
      ),
    );
}

function problemsOfSharing(file: ParsedFile, listeners: readonly Listener[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const [index, listener] of listeners.entries()) {
    const other = listeners.slice(0, index).find((earlier) => overlaps(earlier, listener));
    if (other === undefined) continue;
    const reason = `${formatAddress(listener.address)} is taken by ${other.keys.join('.')}`;
    problems.push(problemAt(file, listener.keys, reason, 'choose another port'));
  }
  return problems;
}

function overlaps(a: Listener, b: Listener): boolean {
  return a.address.port !== 0 && covers(a.address, b.address);
}

function covers(a: Address, b: Address): boolean {
  if (a.port !== b.port) return false;
  return a.host === b.host || isWildcard(a.host) || isWildcard(b.host);
}

function problemsOfLoops(
  file: ParsedFile,
  listeners: readonly Listener[],
  proxy: Fields,
  services: Services,
): ConfigProblem[] {
  const destinations: { keys: KeyPath; address: Address }[] = [];
  const add = (keys: KeyPath, value: unknown): void => {
    const address = asAddress(typeof value === 'string' ? value : asRecord(value).address);
    if (address !== null) destinations.push({ keys, address });
  };
  add(['proxy', 'inboundTo'], proxy.inboundTo);
  for (const [name, { endpoints }] of services) {
    if (!Array.isArray(endpoints)) continue;
    for (const [index, entry] of endpoints.entries()) {
      add(['services', name, 'endpoints', index], entry);
    }
  }
  return destinations.flatMap(({ keys, address }) => {
    // A wildcard listener owns the loopback; which other addresses are ours is not known here.
    const own = listeners.find(
      (listener) =>
        address.port !== 0 &&
        listener.address.port === address.port &&
        (listener.address.host === address.host ||
          (isWildcard(listener.address.host) && isLoopback(address.host))),
    );
    if (own === undefined) return [];
    const reason = `${formatAddress(address)} is this proxy itself (${own.keys.join('.')})`;
    return [problemAt(file, keys, reason, 'name the port of the application')];
  });
}

function problemsOfInbound(file: ParsedFile, proxy: Fields): ConfigProblem[] {
  const { inbound, inboundTo, originalDestination = 'off' } = proxy;
  const to = asAddress(inboundTo);
  if (to !== null && (to.port === 0 || isWildcard(to.host))) {
    const reason = `expected the address of the application, got ${formatAddress(to)}`;
    const remedy = 'for example inboundTo: 127.0.0.1:8080';
    return [problemAt(file, ['proxy', 'inboundTo'], reason, remedy)];
  }
  const off = inboundTo === undefined || inboundTo === null || inboundTo === false;
  if (!off || originalDestination !== 'off' || asAddress(inbound) === null) return [];
  const reason = 'inbound needs to know where its traffic goes';
  return [
    problemAt(file, ['proxy', 'inbound'], reason, 'add proxy.inboundTo, such as 127.0.0.1:8080'),
  ];
}

function problemsOfDrain(file: ParsedFile, proxy: Fields): ConfigProblem[] {
  const { announceMs = 5_000, graceMs = 30_000 } = proxy;
  if (typeof announceMs !== 'number' || typeof graceMs !== 'number') return [];
  if (announceMs <= graceMs) return [];
  const key = proxy.announceMs === undefined ? 'graceMs' : 'announceMs';
  const reason = `announceMs (${announceMs}) is part of graceMs (${graceMs}) but exceeds it`;
  return [problemAt(file, ['proxy', key], reason, 'raise graceMs or lower announceMs')];
}

const sourceKeys = ['endpoints', 'file', 'dns', 'srv', 'join'];
