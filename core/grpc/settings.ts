/**
 * How calls use HTTP/2: what both sides announce of themselves, with small buffers, because fields
 * of calls are few and the proxy's main thread has little memory to spare.
 */

import {
  grpcHeadBytesMax,
  headFieldsMax,
  http2InitialConnectionWindowBytes,
  http2InitialStreamWindowBytes,
  http2MaxFrameBytes,
} from '../base/limits.ts';
import type { H2Settings } from '../http/h2/thread.ts';
import type { Head } from '../http/head.ts';

export function grpcSettings(maxConcurrentStreams: number): H2Settings {
  return {
    headBytesMax: grpcHeadBytesMax,
    headFieldsMax,
    initialStreamWindowBytes: http2InitialStreamWindowBytes,
    initialConnectionWindowBytes: http2InitialConnectionWindowBytes,
    maxConcurrentStreams,
    maxFrameBytes: http2MaxFrameBytes,
  };
}

/**
 * Lets go of the lists of a head that nobody reads any more: a call lives long, and they are half
 * of what its exchange takes. No decoder may be given the head afterwards.
 */
export function emptyHead(head: Head): void {
  head.clear(noBytes, 0);
  head.fields = noFields;
  head.known = noMarks;
  head.dropped = noMarks;
  head.sensitive = noMarks;
}

const noBytes = Buffer.alloc(0);
const noFields = new Int32Array(0);
const noMarks = new Uint8Array(0);
