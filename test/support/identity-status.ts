/** What `heddle identity status` says, and a rotation from its beginning to its end. */

import assert from 'node:assert/strict';
import { runCommand } from './run-process.ts';

interface Authority {
  readonly phase: string;
  readonly bundle: string;
  readonly unconfirmed: readonly string[];
  readonly anchors: readonly { readonly fingerprint: string }[];
  /** The one that signs first. */
  readonly issuer: readonly { readonly fingerprint: string }[];
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
