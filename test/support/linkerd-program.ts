/** Linkerd's proxy, which no registry has: whoever wants it measured or tested names a binary. */

import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';

type LinkerdProgram =
  | { readonly kind: 'found'; readonly program: string }
  | { readonly kind: 'missing'; readonly reason: string };

export function findLinkerd(named = process.env.LINKERD2_PROXY ?? ''): LinkerdProgram {
  if (named === '') return { kind: 'missing', reason: `LINKERD2_PROXY names none; ${howToGet}` };
  const program = resolve(named);
  try {
    accessSync(program, constants.X_OK);
    return { kind: 'found', program };
  } catch {
    const reason = `LINKERD2_PROXY=${named} is no program; ${howToGet}`;
    return { kind: 'missing', reason };
  }
}

/** It runs in the root file system of our image, whose libc and libgcc are those that it needs. */
const howToGet =
  'unpack a release of github.com/linkerd/linkerd2-proxy, or copy it out of the image ' +
  'cr.l5d.io/linkerd/proxy (/usr/lib/linkerd/linkerd2-proxy), and set LINKERD2_PROXY to its path';
