/**
 * The flags of `heddle proxy` as a table: help is made from it, and a parser that loads nothing,
 * because a sidecar carries what it loads for as long as it runs. What the settings mean and which
 * of them fit together is up to the proxy.
 */

import { parseArgs } from 'node:util';
import type { ProxySettings } from '../api/settings.ts';
import { isDnsName, isHostAndPort, parseAddress } from '../control/model/address.ts';
import { readNamespace } from '../control/model/workload.ts';
import { workersMax } from '../core/base/limits.ts';
import { parseLogFilter } from '../core/telemetry/log-filter.ts';

type Overrides = Partial<ProxySettings>;

interface ProxyFlag {
  readonly name: string;
  readonly value: string;
  readonly help: string;
  /** What `text` sets; null when it is none of `value`. */
  readonly read: (text: string) => Overrides | null;
}

type ParsedFlags =
  | {
      /** Without a file there is a control plane, or the environment is that of a sidecar. */
      readonly configPath: string | null;
      readonly overrides: Overrides;
      readonly isSidecar: boolean;
      readonly preparesIdentity: boolean;
    }
  | { readonly usage: string };

/** `usage` is a sentence for a person; `hasEnvironment`: that of a sidecar is there. */
export function parseProxyFlags(args: readonly string[], hasEnvironment: boolean): ParsedFlags {
  const read = readValues(args);
  if ('usage' in read) return read;
  const { values, preparesIdentity } = read;
  const [configPath = null, ...others] = values.config ?? [];
  const overrides: Overrides = {};
  for (const { name, value, read } of proxyFlags) {
    for (const text of values[name] ?? []) {
      const setting = read(text);
      if (setting === null) return { usage: `--${name} ${text}: expected ${value}` };
      const binds = [...(overrides.binds ?? []), ...(setting.binds ?? [])];
      Object.assign(overrides, setting, binds.length > 0 ? { binds } : {});
    }
  }
  if (others.length > 0) return { usage: 'needs one --config FILE' };
  const isSidecar = configPath === null && (overrides.control ?? '') === '';
  if (isSidecar && !hasEnvironment) {
    return {
      usage:
        'needs --config FILE, --control HOST:PORT, or the environment of a sidecar, variables ' +
        'that begin with LINKERD2_PROXY_',
    };
  }
  if (preparesIdentity && !isSidecar) {
    return { usage: '--prepare-identity is for a sidecar: without --config and --control' };
  }
  return { configPath, overrides, isSidecar, preparesIdentity };
}

type Values = Readonly<Record<string, readonly string[] | undefined>>;

function readValues(
  args: readonly string[],
): { readonly values: Values; readonly preparesIdentity: boolean } | { readonly usage: string } {
  const options = Object.fromEntries(
    ['config', ...proxyFlags.map(({ name }) => name)].map((name) => [
      name,
      { type: 'string', multiple: true, ...(name === 'config' ? { short: 'c' } : {}) } as const,
    ]),
  );
  const word = '--prepare-identity';
  const rest = args.filter((arg) => arg !== word);
  try {
    const { values } = parseArgs({ args: rest, options, strict: true });
    return { values, preparesIdentity: rest.length < args.length };
  } catch (error) {
    return { usage: (error as Error).message };
  }
}

/** The part of the settings whose values are text and can be chosen by name. */
type Choice =
  | 'accept'
  | 'passthrough'
  | 'outboundTransportMode'
  | 'drain'
  | 'logFormat'
  | 'accessLog';

function oneOf<Key extends Choice>(
  key: Key,
  choices: readonly ProxySettings[Key][],
): (text: string) => Overrides | null {
  return (text) => {
    const chosen = choices.find((choice) => choice === text);
    return chosen === undefined ? null : { [key]: chosen };
  };
}

type Listening = 'outbound' | 'inbound' | 'inboundTo' | 'admin';

function address(key: Listening): (text: string) => Overrides | null {
  return (text) => {
    if (text === 'off') return { [key]: null };
    const parsed = parseAddress(text);
    return parsed === null ? null : { [key]: parsed };
  };
}

function path(
  key: 'stateDir' | 'identityToken' | 'identityDir' | 'identityTrustAnchors',
): (text: string) => Overrides | null {
  return (text) => (text === '' || text.includes('\0') ? null : { [key]: text });
}

function duration(key: 'announceMs' | 'graceMs'): (text: string) => Overrides | null {
  return (text) => {
    const match = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m)$/.exec(text);
    if (match === null) return null;
    const unitMs = { ms: 1, s: 1000, m: 60_000 }[match[2]] ?? 1;
    return { [key]: Math.round(Number(match[1]) * unitMs) };
  };
}

function wholeNumber(text: string, max: number): number | null {
  const value = Number(text);
  return /^\d{1,9}$/.test(text) && value <= max ? value : null;
}

/** `127.0.0.1:15432=db:5432`, one more with each flag. */
function readBind(text: string): Overrides | null {
  const [listener, authority, ...rest] = text.split('=');
  const parsed = parseAddress(listener);
  if (parsed === null || rest.length > 0 || !isHostAndPort(authority ?? '')) return null;
  return { binds: [{ address: parsed, authority: authority.toLowerCase() }] };
}

export const proxyFlags: readonly ProxyFlag[] = [
  {
    name: 'control',
    value: 'host:port, or several, comma-separated',
    help: 'control planes, which say what services there are',
    read: (text) => (text.split(',').every(isHostAndPort) ? { control: text } : null),
  },
  {
    name: 'workload',
    value: 'JSON such as {"ns":"demo","pod":"web-1"}',
    help: 'who the proxy is for; ns is its namespace',
    read: (text) => (readNamespace(text) === null ? null : { workload: text }),
  },
  {
    name: 'state-dir',
    value: 'a path or off',
    help: 'where what a control plane said last is kept',
    read: path('stateDir'),
  },
  {
    name: 'identity',
    value: 'a service account such as web.demo',
    help: 'who the proxy proves to be; without it nothing is encrypted',
    read: (text) => (isDnsName(text) ? { identity: text } : null),
  },
  {
    name: 'identity-token',
    value: 'a path',
    help: 'the file with the token for that identity',
    read: path('identityToken'),
  },
  {
    name: 'identity-dir',
    value: 'a path',
    help: 'a folder with key.p8 and csr.der, ready-made',
    read: path('identityDir'),
  },
  {
    name: 'identity-trust-anchors',
    value: 'a path',
    help: 'a PEM file of trust anchors; else those that the token pins',
    read: path('identityTrustAnchors'),
  },
  {
    name: 'require-identity',
    value: 'true or false',
    help: 'whether endpoints without an identity are refused',
    read: (text) =>
      text === 'true' || text === 'false' ? { requireIdentity: text === 'true' } : null,
  },
  {
    name: 'outbound-transport-mode',
    value: 'transport-header or transparent',
    help: "whether peers are dialled at their proxy's port or at their own",
    read: oneOf('outboundTransportMode', ['transport-header', 'transparent']),
  },
  {
    name: 'bind',
    value: 'IP:port=name:port',
    help: 'a port of its own for a service; may be repeated',
    read: readBind,
  },
  {
    name: 'passthrough',
    value: 'refuse or allow',
    help: 'whether a name that no service has goes to where DNS says',
    read: oneOf('passthrough', ['refuse', 'allow']),
  },
  {
    name: 'workers',
    value: `auto or 0 to ${workersMax}`,
    help: 'worker threads; 0 runs all in the main thread',
    read: (text) => {
      const workers = text === 'auto' ? 'auto' : wholeNumber(text, workersMax);
      return workers === null ? null : { workers };
    },
  },
  {
    name: 'accept',
    value: 'transfer or reuseport',
    help: 'who accepts connections: the main thread or each worker',
    read: oneOf('accept', ['transfer', 'reuseport']),
  },
  {
    name: 'max-connections',
    value: '1 to 1000000',
    help: 'client connections; more wait in the backlog',
    read: (text) => {
      const maxConnections = wholeNumber(text, 1_000_000);
      return maxConnections === null || maxConnections === 0 ? null : { maxConnections };
    },
  },
  {
    name: 'outbound',
    value: 'IP:port or off',
    help: 'where applications reach the mesh',
    read: address('outbound'),
  },
  {
    name: 'inbound',
    value: 'IP:port or off',
    help: 'where the mesh reaches the local application',
    read: address('inbound'),
  },
  {
    name: 'inbound-to',
    value: 'IP:port or off',
    help: 'the local application',
    read: address('inboundTo'),
  },
  {
    name: 'admin',
    value: 'IP:port or off',
    help: 'metrics, readiness and inspection',
    read: address('admin'),
  },
  {
    name: 'announce',
    value: 'a time like 5s or 500ms',
    help: 'how long a shutdown is announced before accepting ends',
    read: duration('announceMs'),
  },
  {
    name: 'grace',
    value: 'a time like 30s or 1m',
    help: 'how long a shutdown takes at the most',
    read: duration('graceMs'),
  },
  {
    name: 'drain',
    value: 'patient or strict',
    help: 'whether outbound outlives inbound in a shutdown while it is used',
    read: oneOf('drain', ['patient', 'strict']),
  },
  {
    name: 'log-level',
    value: 'off, error, warn, info, debug or a filter such as warn,heddle::drain=debug',
    help: 'the least important line that is logged',
    read: (text) => (parseLogFilter(text).problems.length === 0 ? { logLevel: text } : null),
  },
  {
    name: 'log-format',
    value: 'plain or json',
    help: 'how log lines look',
    read: oneOf('logFormat', ['plain', 'json']),
  },
  {
    name: 'access-log',
    value: 'off, json, apache or common',
    help: 'one line for each request',
    read: oneOf('accessLog', ['off', 'json', 'apache', 'common']),
  },
];
