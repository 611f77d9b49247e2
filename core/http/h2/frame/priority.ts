/** PRIORITY (RFC 9113 6.3): deprecated, so it is checked and has no effect. We send none. */

import { Violation } from '../violation.ts';
import { type FrameHead, readUint31 } from './head.ts';

/** Returns 0 or a Violation. */
export function loadPriority(head: FrameHead, bytes: Buffer, at: number): number {
  if (head.streamId === 0) return Violation.PRIORITY_STREAM;
  if (head.length !== priorityBytes) return Violation.PRIORITY_LENGTH;
  return readUint31(bytes, at) === head.streamId ? Violation.PRIORITY_DEPENDENCY : 0;
}

const priorityBytes = 5;
