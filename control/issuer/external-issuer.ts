/**
 * An issuer that others keep, as cert-manager writes it: `tls.crt`, `tls.key` and `ca.crt` in one
 * folder. Read as a whole; who looks when is for others to say.
 */

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { certificateFileBytesMax } from '../../core/base/certificate-limits.ts';
import { nodeErrorCode } from '../../core/base/node-error.ts';
import { type Certificate, readPemBundle } from '../../core/identity/certificate.ts';
import type { Problem } from './certificate.ts';
import { readSigner, type Signer } from './signer.ts';

export interface ExternalIssuer {
  readonly signer: Signer;
  /** What its folder says that proxies should trust. */
  readonly anchors: readonly Certificate[];
}

/** `more` are the trust anchors beside it, which do where there is no `ca.crt`. */
export function readExternalIssuer(
  folder: string,
  more: readonly Certificate[],
): ExternalIssuer | Problem {
  const [certificate, key] = ['tls.crt', 'tls.key'].map((name) => readText(join(folder, name)));
  if (typeof certificate !== 'string') return certificate;
  if (typeof key !== 'string') return key;
  const signer = readSigner(key, certificate);
  if ('problem' in signer) return { problem: `the issuer of ${folder} ${signer.problem}` };
  const anchors = readAnchors(join(folder, 'ca.crt'));
  if (!('problem' in anchors)) return { signer: unanchored(signer, anchors), anchors };
  return anchors.isMissing && more.length > 0 ? { signer, anchors: [] } : anchors;
}

/** A file of trust anchors in PEM. */
export function readAnchors(
  path: string,
): readonly Certificate[] | (Problem & { readonly isMissing: boolean }) {
  const text = readText(path);
  if (typeof text !== 'string') return text;
  const bundle = readPemBundle(text);
  if (typeof bundle !== 'string') return bundle.roots;
  return { problem: `${path} is of no use: ${bundle}`, isMissing: false };
}

export const issuerFileNames = ['tls.crt', 'tls.key', 'ca.crt'];

/** Some write the root behind the issuer: it is no intermediate. */
function unanchored(signer: Signer, anchors: readonly Certificate[]): Signer {
  const isAnchor = ({ fingerprint }: Certificate): boolean =>
    anchors.some((one) => one.fingerprint === fingerprint);
  return { ...signer, intermediates: signer.intermediates.filter((one) => !isAnchor(one)) };
}

function readText(path: string): string | (Problem & { readonly isMissing: boolean }) {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return { problem: `${path} is not a file`, isMissing: false };
    if (stats.size <= certificateFileBytesMax) return readFileSync(path, 'utf8');
    const problem = `${path} has more than ${certificateFileBytesMax} bytes`;
    return { problem, isMissing: false };
  } catch (error) {
    const code = nodeErrorCode(error);
    if (code !== 'ENOENT') return { problem: `${path}: ${code}`, isMissing: false };
    return { problem: `there is no ${path}`, isMissing: true };
  }
}
