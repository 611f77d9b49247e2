/**
 * How values of Linkerd's variables are written: a parser for each kind, as strict or as lenient as
 * Linkerd's own. The empty text is a value like any other: lists take it, the rest refuses it.
 */

import { isIP } from 'node:net';
import type { Address, ProxySettings } from '../../api/settings.ts';
import {
  canonicalIp,
  isDnsName,
  isHostAndPort,
  isLoopback,
  parseAddress,
  splitPort,
} from '../../control/model/address.ts';
import { readPemBundle } from '../../core/identity/certificate.ts';
import { isDnsIdentity } from '../../core/identity/names.ts';

export interface Kind<T> {
  /** What is expected, for a message and for the page. */
  readonly syntax: string;
  /** Null for what is none of it. */
  readonly parse: (text: string) => T | null;
}

/** Digits and a unit; 0 needs none. In milliseconds. */
export const duration: Kind<number> = {
  syntax: 'a time such as 500ms, 10s, 5m, 1h or 1d',
  parse(text) {
    const match = /^\s*(\d{1,15})(ms|s|m|h|d)?\s*$/.exec(text);
    if (match === null) return null;
    const count = Number(match[1]);
    if (match[2] === undefined) return count === 0 ? 0 : null;
    const ms = count * unitsMs[match[2]];
    return Number.isSafeInteger(ms) ? ms : null;
  },
};

export const flag: Kind<boolean> = {
  syntax: '`true` or `false`',
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : null),
};

export const count: Kind<number> = {
  syntax: 'a whole number',
  parse(text) {
    const value = Number(text);
    return /^\+?\d{1,15}$/.test(text) ? value : null;
  },
};

/** For the jitter of a backoff. */
export const fraction: Kind<number> = {
  syntax: 'a number from 0 to 100',
  parse(text) {
    const value = Number(text);
    return /^\+?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(text) && value <= 100 ? value : null;
  },
};

export const listener: Kind<Address> = { syntax: '`IP:port`', parse: parseAddress };

/** One of each version of IP, most of the time. */
export const listeners: Kind<readonly Address[]> = {
  syntax: 'one or two `IP:port`, comma-separated',
  parse(text) {
    const found = text.split(',').map((part) => parseAddress(part.trim()));
    return found.length <= 2 && found.every((one) => one !== null) ? found : null;
  },
};

export const controller: Kind<string> = {
  syntax: '`host:port` or `IP:port`',
  parse: (text) => (isHostAndPort(text) ? text.toLowerCase() : null),
};

/** Whether a controller is on this machine, and so needs no TLS. */
export function isLocalController(address: string): boolean {
  const name = splitPort(address)?.name ?? '';
  return isLoopback(canonicalIp(name) ?? '') || name === 'localhost.';
}

/** A name that a certificate can prove and a handshake can ask for. */
export const identityName: Kind<string> = {
  syntax: 'a DNS name',
  parse: (text) => (isDnsIdentity(text) ? text : null),
};

export const portSet: Kind<ProxySettings['inboundPorts']> = {
  syntax: 'ports and ranges, such as `25,3306,8000-8010`',
  parse(text) {
    const ranges: (readonly [number, number])[] = [];
    for (const part of listOf(text)) {
      const match = /^(\d{1,5})(?:\s*-\s*(\d{1,5}))?$/.exec(part);
      const from = Number(match?.[1]);
      const to = Number(match?.[2] ?? match?.[1]);
      if (match === null || from > to || to > 65_535) return null;
      ranges.push([from, to]);
    }
    return ranges;
  },
};

export const networks: Kind<readonly string[]> = {
  syntax: 'networks such as `10.0.0.0/8,fd00::/8`',
  parse(text) {
    const found: string[] = [];
    for (const part of listOf(text)) {
      const [ip, bits, ...rest] = part.split('/');
      const address = canonicalIp(ip);
      if (address === null || !/^\d{1,3}$/.test(bits ?? '') || rest.length > 0) return null;
      if (Number(bits) > (isIP(address) === 4 ? 32 : 128)) return null;
      found.push(`${address}/${Number(bits)}`);
    }
    return found;
  },
};

export const suffixes: Kind<readonly string[]> = {
  syntax: 'ends of names, such as `svc.cluster.local.`; `.` is all',
  parse(text) {
    const parts = listOf(text).map((part) => part.toLowerCase());
    if (!parts.every((part) => part === '.' || isDnsName(part))) return null;
    return parts.map((part) => (part.endsWith('.') ? part : `${part}.`));
  },
};

/** Without blanks, and never empty. */
export const addresses: Kind<readonly string[]> = {
  syntax: 'IP addresses, comma-separated, without blanks',
  parse(text) {
    const found = text.split(',').map(canonicalIp);
    return found.every((one) => one !== null) ? found : null;
  },
};

export const policy: Kind<ProxySettings['inboundDefaultPolicy']> = {
  syntax: 'the name of a default policy, such as `all-authenticated`',
  parse: (text) => policies.find((name) => name === text) ?? null,
};

/** Whatever it is. */
export const text: Kind<string> = { syntax: 'text', parse: (value) => value };

export const path: Kind<string> = {
  syntax: 'a path',
  parse: (value) => (value === '' || value.includes('\0') ? null : value),
};

export const anchors: Kind<string> = {
  syntax: 'trust anchors in PEM, the text itself',
  parse: (value) => (typeof readPemBundle(value) === 'string' ? null : value),
};

/** `unsafe` is Linkerd's word for it: names of clients' making become labels. */
export const unsafe: Kind<boolean> = {
  syntax: '`unsafe`',
  parse: (value) => (value === '' ? false : value.toLowerCase() === 'unsafe' || null),
};

/** Where the empty text is as good as none. */
export function orEmpty<T>({ syntax, parse }: Kind<T>): Kind<T | ''> {
  return { syntax, parse: (value) => (value === '' ? '' : parse(value)) };
}

/** Empty entries do not count. */
function listOf(value: string): string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const policies = [
  'all-unauthenticated',
  'all-authenticated',
  'all-tls-unauthenticated',
  'cluster-unauthenticated',
  'cluster-authenticated',
  'cluster-tls-unauthenticated',
  'audit',
  'deny',
] as const;
