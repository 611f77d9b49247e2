/** Where a request asks to go in ingress mode, whatever its authority says: `l5d-dst-override`. */

import { isIP } from 'node:net';
import { splitAuthority } from '../discover/address-text.ts';
import { equalsName, nameBytes } from '../http/byte-class.ts';
import type { Head } from '../http/head.ts';
import { Known } from '../http/known-fields.ts';
import { isDnsIdentity } from '../identity/names.ts';

/**
 * Keeps every such field from being forwarded. Returns `host:port` in lower case, '' where there is
 * none, and null for one that is no name, or several.
 */
export function takeDstOverride(head: Head): string | null {
  if ((head.seen & (1 << Known.L5D)) === 0) return '';
  const { bytes, fields, known } = head;
  let value = '';
  let count = 0;
  for (let index = 0; index < head.count; index++) {
    if (known[index] !== Known.L5D) continue;
    const column = index << 2;
    if (!equalsName(bytes, fields[column], fields[column + 1], nameOfField)) continue;
    value = head.valueOf(index).toLowerCase();
    head.dropField(index);
    count += 1;
  }
  if (count === 0) return '';
  return count === 1 && isPlace(value) ? value : null;
}

function isPlace(value: string): boolean {
  const name = splitAuthority(value)?.name ?? '';
  return isIP(name) !== 0 || isDnsIdentity(name.replace(/\.$/, ''));
}

const nameOfField = nameBytes('l5d-dst-override');
