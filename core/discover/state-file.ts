/**
 * The last good state of a target as a file: a line `heddle-state 1 DIGEST BYTES`, then JSON. It
 * keeps the messages as they came, so that what they mean is decided by whoever reads it. Nothing
 * in it is believed that does not have the form that is written here. The digest finds what a disk
 * or a full one has broken; whoever may write to the folder is trusted.
 */

import { isIP } from 'node:net';
import type { ResolvedEndpoint } from '../../api/discovery.ts';
import type { Http2ClientParams } from '../../api/gen/proxy/destination.ts';
import type { EndpointTraits } from '../../api/snapshot.ts';
import { contentDigest } from '../base/content-digest.ts';
import { endpointsMax } from '../base/limits.ts';
import type { KnownSet } from './assemble.ts';
import type { Parts } from './assembly.ts';

export interface StoredState {
  readonly key: string;
  readonly workload: string;
  readonly confirmedWallMs: number;
  readonly parts: Parts;
}

export function writeState(state: StoredState): Buffer {
  const { key, workload, confirmedWallMs, parts } = state;
  const { outbound, profile, inbound, set } = parts;
  const body = {
    key,
    workload,
    confirmedWallMs,
    outbound: toBase64(outbound),
    profile: toBase64(profile),
    inbound: toBase64(inbound),
    set,
  };
  const text = JSON.stringify(body, (_, value) => asJson(value));
  const length = Buffer.byteLength(text);
  return Buffer.from(`${magic} ${contentDigest(text)} ${length}\n${text}`);
}

/** A string is why the file is not used. `wanted` null: whatever it is about. */
export function readState(
  bytes: Buffer,
  wanted: string | null,
  workload: string,
): StoredState | string {
  const lineEnd = bytes.subarray(0, lineBytesMax).indexOf(0x0a);
  const header = headerForm.exec(bytes.toString('latin1', 0, Math.max(lineEnd, 0)));
  if (header === null) return 'it does not begin like a state of this version';
  const json = bytes.subarray(lineEnd + 1);
  if (json.length !== Number(header[2])) return 'it is cut off or has something behind it';
  const text = json.toString('utf8');
  if (contentDigest(text) !== header[1]) return 'its checksum differs';
  const body = parse(text);
  if (!isObject(body)) return 'it has another form';
  const { key } = body;
  if (typeof key !== 'string') return 'it has another form';
  if (wanted !== null && key !== wanted) return 'it is about something else';
  if (body.workload !== workload) return 'it belongs to another workload';
  const { confirmedWallMs } = body;
  const parts = readParts(body);
  if (!isCount(confirmedWallMs, Number.MAX_SAFE_INTEGER) || parts === null) {
    return 'it has another form';
  }
  return { key, workload, confirmedWallMs, parts };
}

/** A name that cannot lead anywhere. Targets of the same name, if there are, share their place. */
export function stateFileName(key: string): string {
  return contentDigest(key) + contentDigest(`${key} `);
}

function readParts(body: Body): Parts | null {
  const [outbound, profile, inbound] = ['outbound', 'profile', 'inbound'].map((name) =>
    fromBase64(body[name]),
  );
  const set = readSet(body.set);
  if (outbound === undefined || profile === undefined || inbound === undefined) return null;
  return set === undefined ? null : { outbound, profile, inbound, set };
}

/** Here and below: `undefined` is another form. */
function readSet(value: unknown): KnownSet | null | undefined {
  if (value === null) return null;
  if (!isObject(value) || !Array.isArray(value.endpoints)) return undefined;
  const { namespace, service } = value;
  if (typeof namespace !== 'string' || typeof service !== 'string') return undefined;
  if (value.endpoints.length > endpointsMax) return undefined;
  const endpoints: ResolvedEndpoint[] = [];
  for (const one of value.endpoints) {
    const endpoint = readOne(one);
    if (endpoint === undefined) return undefined;
    endpoints.push(endpoint);
  }
  return { endpoints, namespace, service };
}

function readOne(value: unknown): ResolvedEndpoint | undefined {
  if (!isObject(value)) return undefined;
  const { host, port, weight, zone, traits } = value;
  if (typeof host !== 'string' || isIP(host) === 0 || typeof zone !== 'string') return undefined;
  if (!isCount(port, 65_535) || port === 0) return undefined;
  if (typeof weight !== 'number' || !(weight > 0)) return undefined;
  if (traits === undefined) return { host, port, weight, zone };
  const read = readTraits(traits);
  return read === undefined ? undefined : { host, port, weight, zone, traits: read };
}

function readTraits(value: unknown): EndpointTraits | undefined {
  if (!isObject(value)) return undefined;
  const { identity, serverName, protocolHint, opaqueTransportPort, authorityOverride } = value;
  if (typeof identity !== 'string' || typeof serverName !== 'string') return undefined;
  if (protocolHint !== '' && protocolHint !== 'h2' && protocolHint !== 'opaque') return undefined;
  if (!isCount(opaqueTransportPort, uint32Max)) return undefined;
  if (typeof authorityOverride !== 'string') return undefined;
  const http2 = readHttp2(value.http2);
  const labels = value.labels;
  if (http2 === undefined || !isTextMap(labels)) return undefined;
  return {
    identity,
    serverName,
    protocolHint,
    opaqueTransportPort,
    authorityOverride,
    http2,
    labels,
  };
}

function readHttp2(value: unknown): Http2ClientParams | null | undefined {
  if (value === null) return null;
  if (!isObject(value)) return undefined;
  const { flowControl, keepAlive, internals } = value;
  const known = { flowControl, keepAlive, internals };
  for (const [part, form] of Object.entries(http2Forms)) {
    const told = known[part as keyof typeof known];
    if (told !== null && !hasForm(told, form)) return undefined;
  }
  return revive(known) as Http2ClientParams;
}

type Form = Readonly<Record<string, 'count' | 'flag' | 'duration'>>;

const http2Forms: Readonly<Record<string, Form>> = {
  flowControl: {
    initialConnectionWindowSize: 'count',
    initialStreamWindowSize: 'count',
    adaptiveFlowControl: 'flag',
  },
  keepAlive: { interval: 'duration', timeout: 'duration', whileIdle: 'flag' },
  internals: {
    maxConcurrentResetStreams: 'count',
    maxFrameSize: 'count',
    maxSendBufSize: 'count',
  },
};

function hasForm(value: unknown, form: Form): boolean {
  if (!isObject(value) || Object.keys(value).length !== Object.keys(form).length) return false;
  return Object.entries(form).every(([name, kind]) => {
    const field = value[name];
    if (kind === 'count') return isCount(field, uint32Max);
    if (kind === 'flag') return typeof field === 'boolean';
    return field === null || isDuration(field);
  });
}

function isDuration(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { seconds, nanos } = value;
  return typeof seconds === 'string' && /^-?\d{1,18}$/.test(seconds) && Number.isInteger(nanos);
}

/** Only durations have `seconds`, and they are written as text. */
function revive(value: unknown): unknown {
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([name, field]) => [
    name,
    name === 'seconds' ? BigInt(String(field)) : revive(field),
  ]);
  return Object.fromEntries(entries);
}

type Body = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTextMap(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

function isCount(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

function toBase64(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('base64');
}

function fromBase64(value: unknown): Uint8Array | null | undefined {
  if (value === null) return null;
  return typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'base64')) : undefined;
}

function asJson(value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const magic = 'heddle-state 1';
const headerForm = /^heddle-state 1 ([0-9a-f]{16}) (\d{1,9})$/;
const lineBytesMax = 128;
const uint32Max = 2 ** 32 - 1;
