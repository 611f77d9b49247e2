/** Made by tools/generate-api.ts from tls_route.proto; not to be edited. */

import type { Reader } from '../../wire/reader.ts';

export interface SniMatch {
  readonly match:
    | { readonly kind: 'exact'; readonly value: string }
    | { readonly kind: 'suffix'; readonly value: SniMatchSuffix }
    | null;
}

/** A wildcard name: `*.example.com` is [com, example]. */
export interface SniMatchSuffix {
  readonly reverseLabels: readonly string[];
}

export function readSniMatch(reader: Reader, held: SniMatch | null): SniMatch {
  let match: SniMatch['match'] = held?.match ?? null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        match = { kind: 'exact', value: reader.text() };
        break;
      case 18:
        match = {
          kind: 'suffix',
          value: reader.message(readSniMatchSuffix, match?.kind === 'suffix' ? match.value : null),
        };
        break;
      default:
        reader.skip(tag);
    }
  }
  return { match };
}

function readSniMatchSuffix(reader: Reader, held: SniMatchSuffix | null): SniMatchSuffix {
  const reverseLabels = (held?.reverseLabels ?? []) as string[];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 10:
        reader.appendText(reverseLabels);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { reverseLabels };
}
