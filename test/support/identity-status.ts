/** What `heddle identity status` says. */

import assert from 'node:assert/strict';
import { runCommand } from './run-process.ts';

interface Authority {
  readonly phase: string;
  readonly bundle: string;
  readonly unconfirmed: readonly string[];
  readonly anchors: readonly { readonly fingerprint: string }[];
  /** The one that signs first. */
  readonly issuer: readonly { readonly fingerprint: string }[];
  /** What proxies say of themselves. */
  readonly proxies: readonly Proxy[];
}

interface Proxy {
  readonly name: string;
  /** Whether it is at the newest: yes, no, or - where it has none. */
  readonly bundle: string;
  readonly issuer: string;
  readonly problem: string;
}

export async function readAuthority(
  control: string,
  inside: readonly string[] = [],
): Promise<Authority> {
  const args = ['identity', 'status', '--control', control, '-o', 'json'];
  const { code, out, err } = await runCommand(args, inside);
  assert.equal(code, 0, err);
  return JSON.parse(out) as Authority;
}
