/** What a proxy has of an identity when it starts: of its folder of states, or of `identityDir`. */

import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import type { ProxySettings } from '../../api/settings.ts';
import { intermediatesMax } from '../../core/base/limits.ts';
import { parsePem, readPemBundle, type TrustBundle } from '../../core/identity/certificate.ts';
import type { Beginning } from '../../core/identity/certifier.ts';
import { createKey, isRequestFor, parseKey } from '../../core/identity/csr.ts';
import { checkLeaf, type Leaf } from '../../core/identity/leaf.ts';
import { isNameOf } from '../../core/identity/names.ts';
import { readSubjectNames } from '../../core/identity/san.ts';
import { readBounded } from './bounded-file.ts';
import type { IdentityFiles } from './identity-files.ts';

/** Something that is needed to start is not there: said without a stack. */
class IdentityError extends Error {
  override readonly name = 'IdentityError';
}

interface BeginningEnv {
  readonly files: IdentityFiles | null;
  readonly nowWallMs: number;
  readonly warn: (message: string, fields: Readonly<Record<string, string>>) => void;
}

export async function readBeginning(
  settings: ProxySettings,
  env: BeginningEnv,
): Promise<Beginning> {
  const { files, warn } = env;
  const made = settings.identityDir === '' ? null : await readMade(settings.identityDir);
  const fresh = made ?? { key: createKey(), request: null };
  if (files === null) return { ...fresh, leaf: null, bundle: null, name: null };
  const [keyBytes, leafBytes, bundleBytes] = [
    made === null ? await files.load('key.p8') : null,
    await files.load('leaf.crt'),
    await files.load('bundle.crt'),
  ];
  const bundle = bundleBytes === null ? null : readPemBundle(bundleBytes.toString('latin1'));
  if (typeof bundle === 'string') {
    warn('trust anchors on disk are not used', { folder: files.folder, reason: bundle });
  }
  const believed = typeof bundle === 'string' ? null : bundle;
  const nothing = { ...fresh, leaf: null, bundle: believed, name: null };
  if (leafBytes === null) return nothing;
  const key = made?.key ?? (keyBytes === null ? null : parseKey(keyBytes));
  const question = { pem: leafBytes.toString('latin1'), key, bundle: believed };
  const kept = judgeKept(question, settings.identity, env.nowWallMs);
  if (typeof kept === 'string') {
    warn('the certificate on disk is not used', { folder: files.folder, reason: kept });
    return nothing;
  }
  return { ...kept, request: made?.request ?? null, bundle: believed };
}

/** As Linkerd's entry point leaves it. */
async function readMade(folder: string): Promise<{ key: KeyObject; request: Uint8Array }> {
  const keyPath = join(folder, 'key.p8');
  const requestPath = join(folder, 'csr.der');
  const keyBytes = await readBounded(keyPath);
  if (!Buffer.isBuffer(keyBytes)) throw new IdentityError(`identityDir: ${keyBytes.problem}`);
  const request = await readBounded(requestPath);
  if (!Buffer.isBuffer(request)) throw new IdentityError(`identityDir: ${request.problem}`);
  const key = parseKey(keyBytes);
  if (key === null) throw new IdentityError(`identityDir: ${keyPath} is no key in PKCS#8, DER`);
  if (!isRequestFor(request, key)) {
    throw new IdentityError(`identityDir: ${requestPath} is no request for the key in ${keyPath}`);
  }
  return { key, request };
}

interface Kept {
  readonly pem: string;
  readonly key: KeyObject | null;
  readonly bundle: TrustBundle | null;
}

/** A string is why it is not used. */
export function judgeKept(
  { pem, key, bundle }: Kept,
  setting: string,
  nowWallMs: number,
): { key: KeyObject; leaf: Leaf; name: string } | string {
  const chain = parsePem(pem, intermediatesMax + 1);
  if (typeof chain === 'string') return chain;
  if (key === null) return 'its key is not there, or cannot be read';
  if (bundle === null) return 'its trust anchors are not there, or cannot be read';
  const [{ der }, ...issuers] = chain;
  const name = readSubjectNames(der)?.names[0]?.name ?? '';
  if (!isNameOf(name, setting)) return `it is for ${name}, not for ${setting}`;
  const intermediates = issuers.map((one) => one.der);
  const leaf = checkLeaf({ leaf: der, intermediates, bundle, name, key, nowWallMs });
  return typeof leaf === 'string' ? leaf : { key, leaf, name };
}
