/** Assertions that stay on in production. A failed one is our bug, never a peer's bytes. */

export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws when `condition` is false; `message` states what had to hold. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** For the last arm of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}
