/** Asks many at once, but not all of a large mesh. */

/** In the order of `items`; what `ask` rejects with is what this rejects with. */
export async function askMany<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = new Array<Answer>(items.length);
  let next = 0;
  const askOn = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      answers[index] = await ask(items[index]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, askOn));
  return answers;
}

const atOnceMax = 32;
