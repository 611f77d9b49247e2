/** What somebody may have meant by a name that is not known. */

/** Of equally near ones the first; null when all are further away than so many changes. */
export function nearestName(
  word: string,
  names: Iterable<string>,
  changesMax: number,
): string | null {
  let nearest: string | null = null;
  let least = changesMax + 1;
  for (const name of names) {
    if (Math.abs(name.length - word.length) >= least) continue;
    const changes = editDistance(name.toLowerCase(), word.toLowerCase());
    if (changes < least) [nearest, least] = [name, changes];
  }
  return nearest;
}

/** Letters missing, too many or wrong, and neighbours in the wrong order, each as one change. */
function editDistance(a: string, b: string): number {
  if (a.length > nameCharsMax || b.length > nameCharsMax) return Infinity;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? before[j - 2] + 1 : Infinity;
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + same, swapped));
    }
    [before, row] = [row, next];
  }
  return row[b.length];
}

/** Whoever sends long ones has no mistake of the hand. */
const nameCharsMax = 128;
