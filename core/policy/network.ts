/** Networks in CIDR notation, compiled so that an address is compared by a few integers. */

import { isIP } from 'node:net';
import type { Network } from '../../api/access.ts';

/** An address as words of 32 bits: one for IPv4, four for IPv6. */
export type Ip = readonly number[];

/** Null when it is none. A zone, which only says by which link it came, is left out. */
export function parseIp(host: string): Ip | null {
  const text = host.split('%', 1)[0];
  switch (isIP(text)) {
    case 4:
      return [ipv4Word(text)];
    case 6:
      return ipv6Words(text);
    default:
      return null;
  }
}

export class CompiledNetwork {
  readonly #net: Prefix;
  readonly #except: readonly Prefix[];

  private constructor(net: Prefix, except: readonly Prefix[]) {
    this.#net = net;
    this.#except = except;
  }

  /** Null when a part of it is no network: nobody knows whom it would let in. */
  static compile({ net, except }: Network): CompiledNetwork | null {
    const whole = parsePrefix(net);
    const parts: Prefix[] = [];
    for (const text of except) {
      const part = parsePrefix(text);
      if (part === null) return null;
      parts.push(part);
    }
    return whole === null ? null : new CompiledNetwork(whole, parts);
  }

  contains(ip: Ip): boolean {
    return covers(this.#net, ip) && !this.#except.some((part) => covers(part, ip));
  }

  /** The words of the addresses that all belong to it: 1 for IPv4, 4 for IPv6; 0 for neither. */
  get wholeFamily(): number {
    const { words, length } = this.#net;
    return length === 0 && this.#except.length === 0 ? words.length : 0;
  }
}

interface Prefix {
  readonly words: readonly number[];
  readonly masks: readonly number[];
  readonly length: number;
}

function parsePrefix(text: string): Prefix | null {
  const match = /^([^/%]+)\/(\d{1,3})$/.exec(text);
  const words = match === null ? null : parseIp(match[1]);
  if (match === null || words === null) return null;
  const length = Number(match[2]);
  if (length > words.length * 32) return null;
  const masks = words.map((_, index) => maskOf(Math.min(32, Math.max(0, length - index * 32))));
  return { words, masks, length };
}

/** The shift of a word counts modulo 32. */
function maskOf(bits: number): number {
  return bits === 0 ? 0 : -1 << (32 - bits);
}

function covers({ words, masks }: Prefix, ip: Ip): boolean {
  if (words.length !== ip.length) return false;
  for (let index = 0; index < words.length; index++) {
    if (((words[index] ^ ip[index]) & masks[index]) !== 0) return false;
  }
  return true;
}

function ipv4Word(text: string): number {
  return text.split('.').reduce((word, byte) => (word << 8) | Number(byte), 0);
}

/** Of a valid address: `::` once at most, and perhaps the last 32 bits as IPv4. */
function ipv6Words(text: string): Ip {
  const [head, tail] = text.split('::').map(groupsOf);
  const rest = tail ?? [];
  const zeros = new Array<number>(8 - head.length - rest.length).fill(0);
  const groups = [...head, ...zeros, ...rest];
  return [0, 2, 4, 6].map((at) => (groups[at] << 16) | groups[at + 1]);
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const word = ipv4Word(group);
    return [word >>> 16, word & 0xffff];
  });
}
