/** Waits for what other connections' events bring about, turn by turn of the event loop. */

export async function untilTurn(
  what: string,
  done: () => boolean,
  limitMs = 10_000,
): Promise<void> {
  const limit = AbortSignal.timeout(limitMs);
  while (!done()) {
    if (limit.aborted) throw new Error(`waited for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Waits until a number stays the same for so many turns that nothing can be on its way. */
export async function untilStill(what: string, read: () => number): Promise<void> {
  let before = Number.NaN;
  let turns = 0;
  await untilTurn(`${what} to stand still`, () => {
    const now = read();
    turns = now === before ? turns + 1 : 0;
    before = now;
    return turns > stillTurns;
  });
}

const stillTurns = 200;
