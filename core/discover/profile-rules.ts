/** Which targets have a profile that is asked for: names by their suffix, addresses by network. */

import { BlockList, isIP } from 'node:net';

export class ProfileRules {
  readonly #suffixes: readonly string[];
  readonly #networks = new BlockList();

  /** Suffixes have their final dot, and `.` is all names; networks are in CIDR notation. */
  constructor(suffixes: readonly string[], networks: readonly string[]) {
    this.#suffixes = suffixes;
    for (const network of networks) {
      const [host, length = ''] = network.split('/');
      const family = isIP(host);
      if (family === 0) continue;
      this.#networks.addSubnet(host, Number(length), familyName(family));
    }
  }

  /** A name without final dot, or an address. */
  asks(name: string): boolean {
    const family = isIP(name);
    if (family !== 0) return this.#networks.check(name, familyName(family));
    return isBelow(name, this.#suffixes);
  }
}

/** Whether a name without final dot is one of the suffixes or below one. */
export function isBelow(name: string, suffixes: readonly string[]): boolean {
  return suffixes.some((suffix) => suffix === '.' || `.${name}.`.endsWith(`.${suffix}`));
}

function familyName(family: number): 'ipv4' | 'ipv6' {
  return family === 4 ? 'ipv4' : 'ipv6';
}
