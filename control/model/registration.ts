/** What a process says of itself when it joins, and what of it is not taken. */

import type { Protocol } from '../../api/snapshot.ts';
import { canonicalIp, formatAddress, splitPort } from './address.ts';

export interface Registration {
  /** Of this run of the process; the same in every stream. */
  readonly instance: string;
  readonly namespace: string;
  readonly service: string;
  /** The port that the service is asked for by. */
  readonly servicePort: number;
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  /** 1 is usual. */
  readonly weight: number;
  readonly zone: string;
  /** `host:port` of its proxy's admin port, or empty. */
  readonly admin: string;
  readonly version: string;
  /**
   * Where its proxy takes mutual TLS for it, on the same host; 0 or absent: nowhere, and then it is
   * spoken to in plaintext at its address.
   */
  readonly inboundPort?: number;
}

/** A sentence about the first field that is wrong; null when all are right. */
export function refuseRegistration(registration: Registration): string | null {
  for (const [field, check] of Object.entries(checks)) {
    const value = registration[field as keyof Registration];
    const reason = check(value);
    if (reason !== undefined) return `${field}: ${reason}, got ${show(value)}`;
  }
  return null;
}

export function addressOf(registration: Registration): string {
  return formatAddress(registration);
}

type Check = (value: unknown) => string | undefined;

function expect(accept: (value: unknown) => boolean, expected: string): Check {
  return (value) => (accept(value) ? undefined : `expected ${expected}`);
}

function matches(pattern: RegExp, expected: string): Check {
  return expect((value) => typeof value === 'string' && pattern.test(value), expected);
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) <= 65_535;
}

function isPortOrNone(value: unknown): boolean {
  return value === undefined || value === 0 || isPort(value);
}

function isWeight(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value <= 10_000;
}

function isAdmin(value: unknown): boolean {
  if (value === '') return true;
  const split = typeof value === 'string' ? splitPort(value) : null;
  return split !== null && isPort(split.port) && canonicalIp(split.name) !== null;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const labelWords = 'a lower-case DNS label: letters, digits and inner hyphens, at most 63';
const protocols = ['auto', 'http', 'http1', 'http2', 'grpc', 'opaque'];

const checks: Readonly<Record<keyof Registration, Check>> = {
  instance: matches(/^[\w-]{1,64}$/, 'letters, digits, _ and -, at most 64'),
  namespace: matches(label, labelWords),
  service: matches(label, labelWords),
  servicePort: expect(isPort, 'a port from 1 to 65535'),
  protocol: expect((value) => protocols.includes(String(value)), `one of ${protocols.join(', ')}`),
  host: expect((value) => typeof value === 'string' && canonicalIp(value) === value, 'an IP'),
  port: expect(isPort, 'a port from 1 to 65535'),
  weight: expect(isWeight, 'a number above 0, at most 10000'),
  zone: matches(/^[^\p{Cc}]{0,253}$/u, 'a text of at most 253 characters'),
  admin: expect(isAdmin, 'IP:port, or nothing'),
  version: matches(/^[^\p{Cc}]{0,64}$/u, 'a text of at most 64 characters'),
  inboundPort: expect(isPortOrNone, 'a port from 1 to 65535, or 0 for none'),
};
