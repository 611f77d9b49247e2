/**
 * Goal: traffic that rules of the system redirect goes where it was going, whatever it speaks.
 * Method: two pods as network namespaces, real rules of each kind, real proxies.
 */

import { testRedirects } from '../../support/redirect-case.ts';

for (const kind of ['iptables-legacy', 'iptables-nft'] as const) testRedirects(kind);
