/** What a rule has to say: where it is, and what to do about it. */

export interface Problem {
  /** From the root of the tree, with forward slashes. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
  /** What `--fix` takes out of the line, at its beginning. */
  readonly surplus?: string;
}
