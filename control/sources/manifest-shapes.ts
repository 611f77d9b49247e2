/** What the objects of a folder of manifests have in common, and how one becomes a value. */

import { z } from 'zod';
import type { KeyPath } from './config-problem.ts';
import type { ManifestValue } from './manifest-values.ts';

const labelError = 'expected a lower-case DNS label: letters, digits and inner hyphens, at most 63';
const nameError = 'expected a name: lower-case letters, digits, hyphens and dots, at most 253';
const portError = 'expected a port from 1 to 65535';

export const dnsLabel = z
  .string({ error: labelError })
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, { error: labelError });
const objectName = z
  .string({ error: nameError })
  .regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, { error: nameError });
export const portNumber = z
  .int({ error: ({ input }) => (isDigits(input) ? `${portError} without quotes` : portError) })
  .min(1, { error: portError })
  .max(65_535, { error: portError });
function isDigits(input: unknown): boolean {
  return typeof input === 'string' && /^\d{1,5}$/.test(input);
}

export const portName = z
  .string({ error: 'expected a port name' })
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, { error: 'expected a port name' });
const texts = z.record(z.string(), z.string({ error: 'expected a text; quote it' }), {
  error: 'expected a mapping',
});

/** Where an object says what it is. */
export const headerSchema = z.looseObject(
  {
    apiVersion: z.string({ error: 'expected a text such as v1' }),
    kind: z.string({ error: 'expected a text such as Service' }),
    metadata: z.looseObject(
      {
        name: objectName,
        namespace: dnsLabel.default('default'),
        labels: texts.default({}),
        annotations: texts.default({}),
      },
      { error: 'expected a mapping with name' },
    ),
  },
  { error: 'expected an object with apiVersion, kind and metadata' },
);

export type ObjectHeader = z.output<typeof headerSchema>;

export interface FieldProblem {
  readonly keys: KeyPath;
  readonly reason: string;
}

export type Interpretation =
  | { readonly value: ManifestValue }
  | { readonly problems: FieldProblem[] };

export type Interpret = (header: ObjectHeader, title: string) => Interpretation;

/** Parses with a schema, and takes what it gives to a value. */
export function by<T>(
  schema: z.ZodType<T>,
  take: (object: T, header: ObjectHeader, title: string) => ManifestValue | FieldProblem,
): Interpret {
  return (header, title) => {
    const parsed = schema.safeParse(header);
    if (parsed.success) {
      const taken = take(parsed.data, header, title);
      return 'reason' in taken ? { problems: [taken] } : { value: taken };
    }
    return { problems: fieldProblems(parsed.error) };
  };
}

/** Of each field what is wrong first. */
export function fieldProblems(error: z.ZodError): FieldProblem[] {
  const found = new Map<string, FieldProblem>();
  for (const { path, message } of error.issues) {
    const key = path.join('.');
    if (!found.has(key)) found.set(key, { keys: path, reason: message });
  }
  return Array.from(found.values()).slice(0, problemsMax);
}

/** Ports, parents: longer lists are a mistake. */
export const listMax = 100;
const problemsMax = 5;
