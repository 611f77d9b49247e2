/**
 * DNS queries and answers as bytes. `dns-packet` parses; here it is decided which answers belong
 * to a query and which of their records count.
 */

import { createRequire } from 'node:module';
import { canonicalIp, isDnsName } from '../model/address.ts';

export type RecordType = 'A' | 'AAAA' | 'SRV';

export interface ServiceRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  /** Lower-case, without a dot at the end; `.` alone: the service is not available here. */
  readonly target: string;
}

export type DnsReply =
  | {
      readonly kind: 'records';
      readonly addresses: readonly string[];
      readonly services: readonly ServiceRecord[];
      /** Addresses that came along with an SRV answer, by name. */
      readonly additional: ReadonlyMap<string, readonly string[]>;
      readonly ttlMs: number;
      /** There were more records than are used. */
      readonly capped: boolean;
    }
  /** NXDOMAIN. */
  | { readonly kind: 'absent' }
  /** The name exists without such records. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'failed'; readonly reason: string };

/** What one server says: a reply, or that it has to be asked in another way. */
export type DnsAnswer =
  | DnsReply
  | { readonly kind: 'truncated' }
  | { readonly kind: 'format-error' };

/** `edns`: announces that answers up to 1232 bytes fit (RFC 6891; DNS flag day 2020). */
export function encodeQuery(id: number, name: string, type: RecordType, edns: boolean): Uint8Array {
  const opt = { type: 'OPT', name: '.', udpPayloadSize: datagramBytesMax, flags: 0, options: [] };
  return dnsPacket().encode({
    type: 'query',
    id,
    flags: recursionDesired,
    questions: [{ type, name, class: 'IN' }],
    additionals: edns ? [opt] : [],
  });
}

/** Null when the bytes are no answer to this query; whoever sent them is not to be believed. */
export function decodeAnswer(
  bytes: Buffer,
  id: number,
  name: string,
  type: RecordType,
): DnsAnswer | null {
  let packet: Packet;
  try {
    packet = dnsPacket().decode(bytes);
  } catch {
    // A truncated datagram may end within a record: its header alone says enough.
    return isTruncatedAnswer(bytes, id) ? { kind: 'truncated' } : null;
  }
  if (packet.id !== id || packet.type !== 'response' || packet.opcode !== 'QUERY') return null;
  // A server that does not understand the query may leave the question out.
  if (packet.rcode === 'FORMERR' && packet.questions.length === 0) return { kind: 'format-error' };
  const question = packet.questions[0];
  const asked =
    packet.questions.length === 1 &&
    question.type === type &&
    question.class === 'IN' &&
    canonicalName(question.name) === canonicalName(name);
  if (!asked) return null;
  if (packet.flag_tc) return { kind: 'truncated' };
  switch (packet.rcode) {
    case 'NOERROR':
      return collectRecords(packet, canonicalName(name), type);
    case 'NXDOMAIN':
      return { kind: 'absent' };
    case 'FORMERR':
    case 'NOTIMP':
      return { kind: 'format-error' };
    default:
      return { kind: 'failed', reason: `the server answered ${packet.rcode}` };
  }
}

export function canonicalName(name: string): string {
  const lower = name.toLowerCase();
  return lower.length > 1 && lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

interface PacketRecord {
  readonly type: string;
  readonly name: string;
  readonly ttl: number;
  readonly class: string;
  readonly data: unknown;
}

interface Packet {
  readonly type: 'query' | 'response';
  readonly id: number;
  readonly opcode: string;
  readonly rcode: string;
  readonly flag_tc: boolean;
  readonly questions: readonly { type: string; name: string; class: string }[];
  readonly answers: readonly PacketRecord[];
  readonly additionals: readonly PacketRecord[];
}

interface DnsPacket {
  encode(packet: unknown): Uint8Array;
  decode(bytes: Buffer): Packet;
}

let loadedPacket: DnsPacket | null = null;

/** Loaded with the first query: a proxy whose mesh has no DNS names does not carry it. */
function dnsPacket(): DnsPacket {
  loadedPacket ??= createRequire(import.meta.url)('dns-packet') as DnsPacket;
  return loadedPacket;
}

function isTruncatedAnswer(bytes: Buffer, id: number): boolean {
  if (bytes.length < headerBytes || bytes.readUInt16BE(0) !== id) return false;
  const flags = bytes.readUInt16BE(2);
  return (flags & responseFlag) !== 0 && (flags & truncatedFlag) !== 0;
}

/** Records of the name itself or of the names that its aliases lead to, nobody else's. */
function collectRecords(packet: Packet, name: string, type: RecordType): DnsReply {
  let ttlS = Number.POSITIVE_INFINITY;
  let owner = name;
  const aliases = new Map<string, PacketRecord>();
  for (const record of packet.answers) {
    if (record.type === 'CNAME') aliases.set(canonicalName(record.name), record);
  }
  for (let links = 0; links < aliasesMax; links++) {
    const alias = aliases.get(owner);
    if (alias === undefined) break;
    ttlS = Math.min(ttlS, alias.ttl);
    owner = canonicalName(String(alias.data));
  }
  const own = packet.answers.filter(
    (record) => record.type === type && canonicalName(record.name) === owner,
  );
  const used = own.slice(0, recordsMax);
  for (const record of used) ttlS = Math.min(ttlS, record.ttl);
  const addresses = type === 'SRV' ? [] : used.flatMap(addressOf);
  const services = type === 'SRV' ? used.flatMap(serviceOf) : [];
  if (addresses.length + services.length === 0) return { kind: 'empty' };
  const additional = type === 'SRV' ? collectAdditional(packet) : new Map<string, string[]>();
  return {
    kind: 'records',
    addresses,
    services,
    additional,
    ttlMs: ttlS * 1000,
    capped: own.length > recordsMax,
  };
}

function collectAdditional(packet: Packet): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const record of packet.additionals.slice(0, recordsMax)) {
    if (record.type !== 'A' && record.type !== 'AAAA') continue;
    const name = canonicalName(record.name);
    const list = found.get(name);
    if (list === undefined) found.set(name, addressOf(record));
    else list.push(...addressOf(record));
  }
  return found;
}

function addressOf(record: PacketRecord): string[] {
  const address = canonicalIp(String(record.data));
  return address === null ? [] : [address];
}

function serviceOf(record: PacketRecord): ServiceRecord[] {
  const { priority, weight, port, target } = record.data as ServiceRecord;
  const name = canonicalName(target);
  if (name === '.') return [{ priority, weight, port, target: name }];
  // Not every byte that DNS can carry is a name (NUL, spaces).
  return port > 0 && isDnsName(name) ? [{ priority, weight, port, target: name }] : [];
}

const datagramBytesMax = 1232;
const recursionDesired = 1 << 8;
const responseFlag = 1 << 15;
const truncatedFlag = 1 << 9;
const headerBytes = 12;
const aliasesMax = 16;
const recordsMax = 1_000;
