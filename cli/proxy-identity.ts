/** What a proxy says of its own certificate, as its admin port shows it, read with care. */

import { askAdmin } from './admin-client.ts';

export interface ProxyIdentity {
  /** Empty while the proxy does not know its whole name, or has none. */
  readonly name: string;
  /** `off`: it proves nothing; else uncertified, certified, failing or expired. */
  readonly state: string;
  /** In ms since 1970; null without a certificate. */
  readonly startMs: number | null;
  readonly endMs: number | null;
  /** SHA-256 of the issuer's certificate, and the digest of the trust anchors, hexadecimal. */
  readonly issuer: string;
  readonly bundle: string;
  /** Why its newest attempt to get a certificate has failed; empty when it has not. */
  readonly error: string;
}

/** Null where it does not say: proxies of others, of earlier versions, and those of other hosts. */
export async function readProxyIdentity(admin: string): Promise<ProxyIdentity | null> {
  try {
    const { status, body } = await askAdmin(admin, '/identity');
    return status === 200 ? read(JSON.parse(body)) : null;
  } catch {
    return null;
  }
}

function read(value: unknown): ProxyIdentity | null {
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Readonly<Record<string, unknown>>;
  if (typeof fields.state !== 'string') return null;
  return {
    name: textOf(fields.name),
    state: fields.state,
    startMs: timeOf(fields.notBefore),
    endMs: timeOf(fields.notAfter),
    issuer: textOf(fields.issuer),
    bundle: textOf(fields.bundle),
    error: textOf(fields.error),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function timeOf(value: unknown): number | null {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}
