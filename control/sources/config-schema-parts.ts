/**
 * Kinds of values of `heddle.yaml` that its sections share, each with what it says of a value that
 * is none.
 */

import { z } from 'zod';
import { parseAddress } from '../model/address.ts';

const dayMs = 24 * 3600 * 1000;

export function whole(min: number, max: number) {
  const error = `expected a whole number from ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

/** A time in milliseconds; nothing here waits longer than a day. */
export function milliseconds(standard: number, description: string, min = 1) {
  return whole(min, dayMs).default(standard).describe(`${description} Milliseconds.`);
}

export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, { error: `expected one of ${values.join(', ')}` });
}

export function flag(standard: boolean, description: string) {
  return z.boolean({ error: 'expected true or false' }).default(standard).describe(description);
}

export function path(description: string) {
  return z
    .string({ error: 'expected a path' })
    .refine((value) => !value.includes('\0'), { error: 'expected a path without NUL' })
    .default('')
    .describe(description);
}

export function text(error: string, accept: (value: string) => boolean) {
  return z.string({ error }).refine(accept, { error });
}

/** Listeners may ask for port 0: the system chooses one. */
export const listener = text(
  'expected IP:port such as 127.0.0.1:4140; quote it when it is IPv6, as in "[::1]:4140"',
  (value) => parseAddress(value) !== null,
);
export const listenerOrOff = z.union([listener, z.literal(false), z.null()], {
  error: 'expected IP:port such as 127.0.0.1:4140, or false to turn it off',
});
