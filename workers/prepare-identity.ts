/**
 * What Linkerd's entry point does before the proxy starts: it makes the key and the request for a
 * certificate. Those of an earlier start stay while the proxy has a certificate for them, so that a
 * restart is certified from the beginning, also without a control plane.
 */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../core/base/clock.ts';
import { nodeErrorCode } from '../core/base/node-error.ts';
import { readPemBundle, type TrustBundle } from '../core/identity/certificate.ts';
import { createKey, createRequest, isRequestFor, keyDer, parseKey } from '../core/identity/csr.ts';
import { isDnsIdentity } from '../core/identity/names.ts';
import { judgeKept } from './identity/beginning.ts';
import { readBounded } from './identity/bounded-file.ts';
import { replaceFile } from './identity/replace-file.ts';

/** Resolves with why it cannot be done, as a sentence, or with ''. */
export async function prepareIdentity(
  environment: Readonly<Record<string, string | undefined>>,
  nowWallMs = systemClock.wallMs(),
): Promise<string> {
  const { [dirName]: folder = '', [localName]: name = '', [anchorsName]: pem = '' } = environment;
  if (folder === '') return `${dirName} is missing: set it to the folder for key.p8 and csr.der`;
  const problem = await problemOfFolder(folder);
  if (problem !== '') return `${dirName}: ${folder} ${problem}`;
  if (!(name.includes('.') && isDnsIdentity(name))) {
    return `${localName}: expected a whole DNS name in lower case, got ${JSON.stringify(name)}`;
  }
  const bundle = readPemBundle(pem);
  if (typeof bundle === 'string') return `${anchorsName}: expected PEM, but ${bundle}`;
  try {
    if (await isKept(folder, { name, bundle, nowWallMs })) return '';
    const key = createKey();
    // A proxy that finds the one without the other says so, and the next start makes both anew.
    await replaceFile(join(folder, 'key.p8'), keyDer(key));
    await replaceFile(join(folder, 'csr.der'), createRequest(name, key));
    return '';
  } catch (error) {
    return `${dirName}: ${folder} cannot be written: ${nodeErrorCode(error)}`;
  }
}

async function problemOfFolder(folder: string): Promise<string> {
  try {
    return (await stat(folder)).isDirectory() ? '' : 'is no folder';
  } catch (error) {
    const code = nodeErrorCode(error);
    return code === 'ENOENT' ? 'is not there; make the folder' : `cannot be read: ${code}`;
  }
}

interface Wanted {
  readonly name: string;
  readonly bundle: TrustBundle;
  readonly nowWallMs: number;
}

/** Whether key and request fit together, and there is a certificate for them that is good now. */
async function isKept(folder: string, { name, bundle, nowWallMs }: Wanted): Promise<boolean> {
  const [keyBytes, request, leaf] = [
    await readBounded(join(folder, 'key.p8'), undefined, true),
    await readBounded(join(folder, 'csr.der')),
    await readBounded(join(folder, 'heddle', 'identity', 'leaf.crt')),
  ];
  if (!(Buffer.isBuffer(keyBytes) && Buffer.isBuffer(request) && Buffer.isBuffer(leaf))) {
    return false;
  }
  const key = parseKey(keyBytes);
  if (key === null || !isRequestFor(request, key)) return false;
  const kept = judgeKept({ pem: leaf.toString('latin1'), key, bundle }, name, nowWallMs);
  return typeof kept !== 'string' && kept.name === name;
}

const dirName = 'LINKERD2_PROXY_IDENTITY_DIR';
const localName = 'LINKERD2_PROXY_IDENTITY_LOCAL_NAME';
const anchorsName = 'LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS';
