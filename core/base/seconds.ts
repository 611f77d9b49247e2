/** Durations as Linkerd's log lines have them. */

/** `500ms`, `3s`, `1.5s`. */
export function formatSeconds(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${ms / 1000}s`;
}
