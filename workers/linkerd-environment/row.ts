/** What is known of one variable, for the reader, for docs/CONFIG.md and for the tests. */

import type { Kind } from './kinds.ts';
import { type Patch, prefix, type Reading } from './reading.ts';

/**
 * `used`: it does what it does in Linkerd; `own`: it is read and checked, and Heddle does it in a
 * way of its own; `later`: it is read and checked, and what it is for is not there yet; `ignored`:
 * Linkerd's proxy does not read it either; `refused`: the proxy does not start with it.
 */
type VariableState = 'used' | 'own' | 'later' | 'ignored' | 'refused';

export interface VariableRow {
  /** Whole. */
  readonly name: string;
  readonly syntax: string;
  /** Linkerd's default; empty for none. */
  readonly usual: string;
  readonly state: VariableState;
  readonly about: string;
  readonly read: (reading: Reading) => void;
}

interface RowWords {
  readonly usual?: string;
  readonly state?: VariableState;
  readonly about: string;
}

/** A variable by itself: what it says, or else its default, becomes settings. */
export function variable<T>(
  name: string,
  kind: Kind<T>,
  words: RowWords,
  patch: (value: T) => Patch = () => ({}),
): VariableRow {
  return rowOf(name, kind, words, (reading) => {
    const isSet = reading.has(name);
    const usual = words.usual === undefined || isSet ? null : kind.parse(words.usual);
    const value = isSet ? reading.value(name, kind) : usual;
    if (value !== null) reading.take(name, patch(value));
  });
}

/** One of several that are read together, by the `read` of one of them. */
export function member(
  name: string,
  kind: Pick<Kind<unknown>, 'syntax'>,
  words: RowWords,
  read: (reading: Reading) => void = () => undefined,
): VariableRow {
  return rowOf(name, kind, words, read);
}

/** Never looked at. */
export function ignored(name: string, about: string, isPrefixed = true): VariableRow {
  const row = rowOf(name, { syntax: 'text' }, { state: 'ignored', about }, () => undefined);
  return isPrefixed ? row : { ...row, name };
}

function rowOf(
  name: string,
  { syntax }: Pick<Kind<unknown>, 'syntax'>,
  { usual = '', state = 'used', about }: RowWords,
  read: VariableRow['read'],
): VariableRow {
  return { name: prefix + name, syntax, usual, state, about, read };
}
