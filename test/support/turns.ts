/** Waits for what other connections' events bring about, turn by turn of the event loop. */

export async function untilTurn(what: string, done: () => boolean): Promise<void> {
  const limit = AbortSignal.timeout(10_000);
  while (!done()) {
    if (limit.aborted) throw new Error(`waited for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
