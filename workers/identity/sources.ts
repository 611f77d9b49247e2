/** The token and the trust anchors that settings name, read anew each time they are needed. */

import type { ProxySettings } from '../../api/settings.ts';
import { identityTokenBytesMax } from '../../core/base/limits.ts';
import { readPemBundle, type TrustBundle } from '../../core/identity/certificate.ts';
import type { IdentitySources } from '../../core/identity/certifier.ts';
import { readBounded } from './bounded-file.ts';

export async function readSources(
  settings: Pick<ProxySettings, 'identityToken' | 'identityTrustAnchors'>,
): Promise<IdentitySources> {
  const { identityToken, identityTrustAnchors } = settings;
  const problems: string[] = [];
  let token = '';
  if (identityToken !== '') {
    const bytes = await readBounded(identityToken, identityTokenBytesMax);
    if (Buffer.isBuffer(bytes)) token = bytes.toString('utf8').trim();
    else problems.push(`identityToken: ${bytes.problem}`);
  }
  let anchors: TrustBundle | null = null;
  if (identityTrustAnchors !== '') {
    const read = await readAnchors(identityTrustAnchors);
    if (typeof read === 'string') problems.push(`identityTrustAnchors: ${read}`);
    else anchors = read;
  }
  return { token, anchors, problem: problems.join('; ') };
}

/** Of a file, or of the text itself, which begins with no path. */
async function readAnchors(path: string): Promise<TrustBundle | string> {
  if (path.includes('-----BEGIN')) return readPemBundle(path);
  const bytes = await readBounded(path);
  if (!Buffer.isBuffer(bytes)) return bytes.problem;
  const bundle = readPemBundle(bytes.toString('latin1'));
  return typeof bundle === 'string' ? `${path}: ${bundle}` : bundle;
}
