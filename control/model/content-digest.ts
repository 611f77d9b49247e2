/** Tells whether two readings of a file had the same text, without keeping the text. */

import { createHash } from 'node:crypto';

export function contentDigest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
