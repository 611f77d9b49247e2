/** CONTINUATION (RFC 9113 6.10). `encodeHeaders` writes them. */

import { Violation } from '../violation.ts';
import type { FrameHead } from './head.ts';
import type { Payload } from './payload.ts';

/** Leaves the fragment of the field block in `payload`. Returns 0 or a Violation. */
export function loadContinuation(head: FrameHead, at: number, payload: Payload): number {
  if (head.streamId === 0) return Violation.CONTINUATION_STREAM;
  payload.start = at;
  payload.end = at + head.length;
  return 0;
}
