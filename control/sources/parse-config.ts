/**
 * From the text of `heddle.yaml` to a configuration or to all of its problems. Runs in the load
 * thread, because of yaml and zod; reading the file and choosing the thread are elsewhere.
 */

import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type { Address, BindSettings, ProxySettings } from '../../api/settings.ts';
import type { Protocol } from '../../api/snapshot.ts';
import { contentDigest } from '../../core/base/content-digest.ts';
import { canonicalIp, parseAddress, splitPort } from '../model/address.ts';
import { environmentSettings } from '../model/default-settings.ts';
import type {
  ConfigProblem,
  ConfigRest,
  LoadedConfig,
  ServiceConfig,
} from '../model/loaded-config.ts';
import { meshedTraits } from '../model/meshed-traits.ts';
import {
  entryOf,
  formatKey,
  type KeyPath,
  type ParsedFile,
  problemsOfShape,
  sortProblems,
} from './config-problem.ts';
import { asRecord, listenerDefaults, problemsOfProxy, problemsOfRules } from './config-rules.ts';
import {
  type ConfigFile,
  configSchema,
  type EndpointEntry,
  endpointList,
} from './config-schema.ts';
import { findRepeats } from './yaml-repeats.ts';

type ParseConfigResult =
  | { readonly config: LoadedConfig }
  | { readonly problems: readonly ConfigProblem[]; readonly rest?: ConfigRest };

/** `path` is absolute: files that the configuration names are relative to its folder. */
export function parseConfig(path: string, text: string): ParseConfigResult {
  const read = readYaml(path, text);
  if (read.file === null) return { problems: read.problems };
  const file = read.file;
  // An empty file is a valid one: everything has a default.
  const parsed = configSchema.safeParse(file.raw ?? {});
  const issues = parsed.success ? [] : parsed.error.issues;
  const problems = [
    ...read.problems,
    ...problemsOfShape(file, issues, configSchema),
    ...problemsOfRules(file),
  ];
  const digest = contentDigest(text);
  const proxyProblems = sortProblems(problemsOfProxy(file));
  if (parsed.success && problems.length === 0) {
    return { config: toLoadedConfig(path, digest, parsed.data, proxyProblems) };
  }
  const wrong = new Set(problems.map(({ entry }) => entry));
  // Not every issue has become a problem.
  for (const issue of issues) wrong.add(entryOf(issue.path));
  const rest = configSchema.safeParse(withoutEntries(file.raw, wrong));
  if (wrong.has('') || !rest.success) return { problems: sortProblems(problems) };
  const others = proxyProblems.filter(({ entry }) => !wrong.has(entry));
  const config = toLoadedConfig(path, digest, rest.data, others);
  const services = Object.keys(asRecord(asRecord(file.raw).services));
  const refused = [
    ...services.filter((name) => wrong.has(`services.${name}`)),
    // By a wrong indentation a service is in another one.
    ...issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : [])),
  ];
  return { problems: sortProblems(problems), rest: { config, refused } };
}

/** An endpoints file that is a YAML or JSON list. */
export function parseEndpointList(
  path: string,
  text: string,
):
  | { readonly endpoints: readonly ResolvedEndpoint[] }
  | { readonly problems: readonly ConfigProblem[] } {
  const { file, problems } = readYaml(path, text);
  if (file === null || problems.length > 0) return { problems };
  const parsed = endpointList.safeParse(file.raw);
  if (parsed.success) return { endpoints: parsed.data.map((entry) => toEndpoint(entry, 'auto')) };
  return { problems: sortProblems(problemsOfShape(file, parsed.error.issues, endpointList)) };
}

/** After a mistake of syntax nothing else can be said; duplicate keys leave a readable document. */
function readYaml(
  path: string,
  text: string,
): { readonly file: ParsedFile | null; readonly problems: readonly ConfigProblem[] } {
  const lines = new LineCounter();
  // The library compares each key with each other: a minute for a megabyte of keys.
  const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: false };
  const document = parseDocument(text, options);
  const problemOf = (offset: number, keys: KeyPath, reason: string, remedy: string) => {
    const { line, col } = lines.linePos(offset);
    const [key, entry] = [formatKey(keys), entryOf(keys)];
    return { path, line, column: col, key, entry, reason, remedy };
  };
  if (document.errors.length > 0) {
    const remedy = 'check indentation, quotes and brackets';
    const problems = document.errors
      .slice(0, problemsMax)
      .map(({ message, pos }) => problemOf(pos[0], [], `not valid YAML: ${message}`, remedy));
    return { file: null, problems: sortProblems(problems) };
  }
  const problems = findRepeats(document).map(({ offset, keys }) =>
    problemOf(offset, keys, 'this key is there twice', 'remove or rename one of the two'),
  );
  try {
    const raw: unknown = document.toJS({ maxAliasCount: aliasesMax });
    return { file: { path, document, lines, raw }, problems };
  } catch (error) {
    const reason = `not valid YAML: ${error instanceof Error ? error.message : String(error)}`;
    const remedy = `use at most ${aliasesMax} aliases, each after its anchor`;
    return { file: null, problems: [problemOf(0, [], reason, remedy)] };
  }
}

function withoutEntries(raw: unknown, wrong: ReadonlySet<string>): unknown {
  const { services, routes, ...others } = asRecord(raw);
  const isRight = (keys: KeyPath): boolean => !wrong.has(formatKey(keys));
  const right = Object.entries(asRecord(services)).filter(([name]) => isRight(['services', name]));
  return {
    ...others,
    services: Object.fromEntries(right),
    routes: Array.isArray(routes) ? routes.filter((_, at) => isRight(['routes', at])) : [],
  };
}

function toLoadedConfig(
  path: string,
  digest: string,
  file: ConfigFile,
  proxyProblems: readonly ConfigProblem[],
): LoadedConfig {
  const clusterDomain = file.mesh.clusterDomain.toLowerCase().replace(/\.$/, '');
  const services = Object.entries(file.services).map(([name, service]): ServiceConfig => {
    const { port, namespace, protocol, clusterIps } = service;
    const source = toSource(path, name, service);
    if (clusterIps === undefined) return { name, namespace, port, protocol, source };
    const canonical = clusterIps.flatMap((text) => canonicalIp(text) ?? []);
    return { name, namespace, port, protocol, clusterIps: canonical, source };
  });
  const binds = Object.entries(file.services).flatMap(([name, service]): BindSettings[] => {
    const address = toAddress(service.bind);
    if (address === null) return [];
    const authority = `${name}.${service.namespace}.svc.${clusterDomain}:${service.port}`;
    return [{ address, authority }];
  });
  return {
    path,
    digest,
    settings: toSettings(file.proxy, binds),
    trustDomain: file.mesh.trustDomain.toLowerCase().replace(/\.$/, ''),
    spiffe: file.mesh.spiffe,
    clusterDomain,
    services,
    manifests: file.manifests === undefined ? null : resolve(dirname(path), file.manifests),
    proxyProblems,
  };
}

function toSettings(proxy: ConfigFile['proxy'], binds: readonly BindSettings[]): ProxySettings {
  const inboundTo = toAddress(proxy.inboundTo);
  const isInbound = inboundTo !== null || proxy.originalDestination !== 'off';
  return {
    ...environmentSettings,
    ...proxy,
    outbound: toAddress(proxy.outbound),
    outboundSecond: toAddress(proxy.outboundSecond),
    inbound: isInbound ? toAddress(proxy.inbound ?? listenerDefault(proxy)) : null,
    inboundTo,
    admin: toAddress(proxy.admin),
    binds,
  };
}

/** `null` turns inbound off, absence does not. */
function listenerDefault(proxy: ConfigFile['proxy']): string | null {
  return proxy.inbound === undefined ? listenerDefaults.inbound : null;
}

function toSource(
  path: string,
  name: string,
  service: ConfigFile['services'][string],
): ServiceConfig['source'] {
  if (service.join === true) {
    return { kind: 'registry', namespace: service.namespace, name, port: service.port };
  }
  if (service.file !== undefined) {
    return { kind: 'file', path: resolve(dirname(path), service.file) };
  }
  if (service.srv !== undefined) return { kind: 'srv', name: service.srv };
  const dns = splitPort(service.dns ?? '');
  if (dns !== null && dns.port !== null) return { kind: 'dns', name: dns.name, port: dns.port };
  const { endpoints = [], protocol } = service;
  return { kind: 'inline', endpoints: endpoints.map((entry) => toEndpoint(entry, protocol)) };
}

function toEndpoint(entry: EndpointEntry, protocol: Protocol): ResolvedEndpoint {
  const { address, weight, zone, identity, inboundPort } =
    typeof entry === 'string'
      ? { address: entry, weight: 1, zone: '', identity: '', inboundPort: 0 }
      : entry;
  const { host, port } = toAddress(address) ?? { host: '', port: 0 };
  if (identity === '') return { host, port, weight, zone };
  return { host, port, weight, zone, traits: meshedTraits(identity, inboundPort, protocol) };
}

function toAddress(value: string | false | null | undefined): Address | null {
  return typeof value === 'string' ? parseAddress(value) : null;
}

const aliasesMax = 100;
/** More broken lines than anybody reads. */
const problemsMax = 20;
