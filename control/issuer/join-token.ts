/**
 * What gives a process the right to announce a name: a JSON web token (RFC 7519) with one fixed
 * header, signed by Ed25519 (RFC 8037). Pure: the key is made and kept by `join-key.ts`.
 */

import { type KeyObject, sign, verify } from 'node:crypto';
import { joinTokenCharsMax, nameCharsMax, trustAnchorsMax } from '../../core/base/limits.ts';

export interface JoinClaims {
  /** `*` is any. */
  readonly namespace: string;
  /** `*` is any. */
  readonly service: string;
  /** In milliseconds since 1970; the token has it in whole seconds, rounded up. */
  readonly expiresWallMs: number;
  /** Where its holder is somebody; tokens from before there were identities lack it. */
  readonly trustDomain?: string;
  /** SHA-256 of the DER of trust anchors, hexadecimal: whom its holder may believe at first. */
  readonly pins?: readonly string[];
}

export interface Refusal {
  /** A sentence without its full stop, which says what to do and repeats nothing of the token. */
  readonly refusal: string;
  /** It is no token of ours at all. */
  readonly isMalformed?: true;
}

export function createJoinToken(privateKey: KeyObject, claims: JoinClaims): string {
  const payload = {
    aud: audience,
    exp: Math.ceil(claims.expiresWallMs / 1000),
    ns: claims.namespace,
    svc: claims.service,
    td: claims.trustDomain,
    pin: claims.pins,
  };
  const signed = `${header}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}`;
  return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
}

/** Whoever sends a token may send anything: nothing of it is read before its signature is good. */
export function verifyJoinToken(
  publicKey: KeyObject,
  token: string,
  nowWallMs: number,
): JoinClaims | Refusal {
  if (token === '') return refuse(`there is no token: ${makeOne}`);
  if (token.length > joinTokenCharsMax) {
    return refuse(`the token has more than ${joinTokenCharsMax} characters: ${makeOne}`);
  }
  const match = shape.exec(token);
  if (match === null) {
    return { ...refuse(`the token is not one of heddle's: ${makeOne}`), isMalformed: true };
  }
  const [, payload, signature] = match;
  const signed = Buffer.from(`${header}.${payload}`);
  if (!verify(null, signed, publicKey, Buffer.from(signature, 'base64url'))) {
    return refuse(`the token is not signed by this control plane's key: ${makeOne}`);
  }
  const read = readClaims(Buffer.from(payload, 'base64url').toString());
  if ('refusal' in read || nowWallMs < read.expiresWallMs) return read;
  const expired = new Date(read.expiresWallMs).toISOString();
  return refuse(`the token has expired, at ${expired}: ${makeOne}`);
}

/** Why a holder of these claims may not announce that name; null when it may. */
export function refuseName(claims: JoinClaims, namespace: string, service: string): string | null {
  const fits = covers(claims.namespace, namespace) && covers(claims.service, service);
  if (fits) return null;
  const allowed = `service ${claims.service} in namespace ${claims.namespace}`;
  return `the token is for ${allowed}, not for ${service} in ${namespace}: ${makeOne}`;
}

function covers(pattern: string, name: string): boolean {
  return pattern === '*' || pattern === name;
}

/** Signed by us, but perhaps for something else, or by a later version. */
function readClaims(text: string): JoinClaims | Refusal {
  const payload = parse(text);
  if (payload?.aud !== audience) return refuse(`the token is not for joining: ${makeOne}`);
  const { exp, ns, svc, td, pin } = payload;
  const isSound = Number.isSafeInteger(exp) && (exp as number) <= lastSecond;
  if (!isSound || !isName(ns) || !isName(svc)) {
    return refuse(`the token lacks what it is for, or until when: ${makeOne}`);
  }
  const trustDomain = td === undefined ? {} : isName(td) ? { trustDomain: td } : null;
  const pins = pin === undefined ? {} : isPins(pin) ? { pins: pin } : null;
  if (trustDomain === null || pins === null) {
    return refuse(`the token has a trust domain or a pin that is none: ${makeOne}`);
  }
  const expiresWallMs = (exp as number) * 1000;
  return { namespace: ns, service: svc, expiresWallMs, ...trustDomain, ...pins };
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= nameCharsMax;
}

function isPins(value: unknown): value is string[] {
  const isList = Array.isArray(value) && value.length <= trustAnchorsMax;
  return isList && value.every((one) => typeof one === 'string' && /^[0-9a-f]{64}$/.test(one));
}

function refuse(refusal: string): Refusal {
  return { refusal };
}

const audience = 'heddle.registry';
/** `{"alg":"EdDSA","typ":"JWT"}` and no other: who signs does not get to choose how. */
const header = 'eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9';
/** 64 bytes of signature are 86 characters, of which the last has 4 bits to spare. */
const shape = new RegExp(`^${header}\\.([A-Za-z0-9_-]{2,})\\.([A-Za-z0-9_-]{85}[AQgw])$`);
const makeOne = 'make one with heddle token create';
/** Of the year 9999; later ones have no date. */
const lastSecond = 253_402_300_799;
