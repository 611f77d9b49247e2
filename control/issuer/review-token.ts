/**
 * What a token in a request for a certificate gives the right to, whoever has made it: a join token
 * of ours, or in a cluster a service account's.
 */

import type { WorkloadName } from './identity-name.ts';
import { type JoinClaims, type Refusal, refuseName } from './join-token.ts';

export type Review =
  /** Why its holder is not that workload, as a sentence; null when it is. */
  | { readonly refuse: (name: WorkloadName) => string | null }
  /**
   * `malformed`: it is no token; `unknown`: it is nobody's, or its time is over; `unavailable`:
   * who could say is not there.
   */
  | { readonly reason: 'malformed' | 'unknown' | 'unavailable'; readonly problem: string };

export interface TokenReviewer {
  review(token: Uint8Array, nowWallMs: number): Review | Promise<Review>;
}

/** A join token for a service is the right to the service account of that name. */
export function joinTokenReviewer(
  verify: (token: string, nowWallMs: number) => JoinClaims | Refusal,
  trustDomain: string,
): TokenReviewer {
  return {
    review(token, nowWallMs) {
      const claims = verify(Buffer.from(token).toString('latin1'), nowWallMs);
      if ('refusal' in claims) {
        const reason = claims.isMalformed === true ? 'malformed' : 'unknown';
        return { reason, problem: claims.refusal };
      }
      const { trustDomain: own = trustDomain } = claims;
      if (own !== trustDomain) {
        const problem = `the token is for trust domain ${own}, not for ${trustDomain}`;
        return { reason: 'unknown', problem: `${problem}: make one with heddle token create` };
      }
      const refuse = ({ serviceAccount, namespace }: WorkloadName): string | null =>
        refuseName(claims, namespace, serviceAccount);
      return { refuse };
    },
  };
}
