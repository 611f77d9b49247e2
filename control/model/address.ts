/**
 * Addresses and names as text: what a configuration, an endpoints file, a Host header or a DNS
 * answer spells. Nothing here resolves anything.
 */

import type { Address } from '../../api/settings.ts';

/** The one spelling of an IPv4 or IPv6 address; null when `text` is not exactly one. */
export function canonicalIp(text: string): string | null {
  if (ipv4.test(text)) return text;
  if (text.length > 45 || !ipv6Alphabet.test(text)) return null;
  // The URL parser checks and compresses IPv6 literals as RFC 5952 asks.
  const url = URL.parse(`http://[${text}]/`);
  return url === null ? null : url.hostname.slice(1, -1);
}

/** `10.0.0.5:80` or `[::1]:80`; the port may be 0. Names are not addresses. */
export function parseAddress(text: string): Address | null {
  const split = splitPort(text);
  if (split === null || split.port === null) return null;
  const host = canonicalIp(split.name);
  return host === null ? null : { host, port: split.port };
}

export function formatAddress(address: Address): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

interface NameAndPort {
  /** Without brackets. */
  readonly name: string;
  /** Null when there is none. */
  readonly port: number | null;
}

/** Takes a port off the end; null when what should be a port is none. */
export function splitPort(text: string): NameAndPort | null {
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    if (close === -1) return null;
    const name = text.slice(1, close);
    if (close === text.length - 1) return { name, port: null };
    if (text[close + 1] !== ':' || !name.includes(':')) return null;
    const port = parsePort(text.slice(close + 2));
    return port === null ? null : { name, port };
  }
  const colon = text.lastIndexOf(':');
  if (colon === -1) return { name: text, port: null };
  // Two colons without brackets are an IPv6 address, which cannot carry a port so.
  if (text.indexOf(':') !== colon) return { name: text, port: null };
  const port = parsePort(text.slice(colon + 1));
  return port === null ? null : { name: text.slice(0, colon), port };
}

/** Digits only, 0 to 65535. */
export function parsePort(text: string): number | null {
  if (!/^\d{1,5}$/.test(text)) return null;
  const port = Number(text);
  return port <= 65535 ? port : null;
}

/** Labels of letters, digits, `-` and `_`, 253 bytes at most, a dot at the end allowed. */
export function isDnsName(text: string): boolean {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  return name.length <= 253 && dnsName.test(name);
}

/** A DNS name or an address, IPv6 in brackets, and a port above 0. */
export function isHostAndPort(text: string): boolean {
  const split = splitPort(text);
  if (split === null || (split.port ?? 0) === 0) return false;
  return canonicalIp(split.name) !== null || isDnsName(split.name);
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(host: string): boolean {
  return host === '::1' || (host.startsWith('127.') && ipv4.test(host));
}

/** The address that stands for all addresses of its family. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const ipv4 = new RegExp(`^${octet}(?:\\.${octet}){3}$`);
const ipv6Alphabet = /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/;
const dnsLabel = '[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?';
const dnsName = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`);
