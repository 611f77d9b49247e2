/**
 * What a proxy reads of its token without verifying it, which only the issuer can: the trust domain
 * and the trust anchors that the token's maker named. A token of others, as of Kubernetes, says
 * neither.
 */

import { trustAnchorsMax } from '../base/limits.ts';
import { isDnsIdentity } from './names.ts';

interface TokenHints {
  /** `td`; '' when it is not said. */
  readonly trustDomain: string;
  /** `pin`: fingerprints of trust anchors. */
  readonly pins: ReadonlySet<string>;
}

export function readTokenHints(token: string): TokenHints {
  const parts = token.trim().split('.');
  const claims = parts.length === 3 ? parseClaims(parts[1]) : null;
  if (claims === null) return noHints;
  const { td, pin } = claims;
  const trustDomain = typeof td === 'string' && isDnsIdentity(td) ? td : '';
  const listed = Array.isArray(pin) ? pin.slice(0, trustAnchorsMax) : [];
  const pins = listed.filter((one) => typeof one === 'string' && sha256Hex.test(one));
  return { trustDomain, pins: new Set(pins as string[]) };
}

export const noHints: TokenHints = { trustDomain: '', pins: new Set() };

function parseClaims(payload: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

const sha256Hex = /^[0-9a-f]{64}$/;
