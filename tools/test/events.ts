/** What the process of a test file tells the runner, one JSON object a line. */

export type TestEvent =
  | { readonly kind: 'began' | 'finished'; readonly name: string; readonly line: number }
  | { readonly kind: 'passed' }
  | { readonly kind: 'skipped'; readonly name: string; readonly line: number; reason: string }
  | { readonly kind: 'failed'; readonly name: string; readonly line: number; text: string }
  /** All tests are over, and nothing is left open. */
  | { readonly kind: 'ended' };

/** The events in what has been written so far; a line that was cut off is left out. */
export function parseEvents(text: string): TestEvent[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as TestEvent);
}
