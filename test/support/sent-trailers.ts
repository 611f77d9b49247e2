/** A trailer section as it would go out, for comparisons. */

import { encodeTrailers } from '../../core/http/h1/encode.ts';
import type { Head } from '../../core/http/head.ts';

/** Complete lines, without the empty one that ends the section. */
export function sentTrailers(fields: Head): string {
  const out = Buffer.alloc(fields.end + 2);
  const end = encodeTrailers(fields, out, 0);
  return out.toString('latin1', 0, end - 2);
}
