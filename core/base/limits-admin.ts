/** Limits of the admin port; `limits.ts` has the others. */

export const adminConnectionsMax = 64;
/** Clients that watch log lines (one more ends the oldest), and what waits for one of them. */
export const logStreamsMax = 8;
export const logStreamBytesMax = 256 * 1024;
/** A client that neither asks nor takes its answer; one that has not said what it speaks. */
export const adminIdleMs = 60_000;
export const adminDetectMs = 1_000;
