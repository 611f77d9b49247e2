/**
 * Which connections are redirected to the proxy, as data: from options to the rules of one family
 * of addresses. The names of chains and the comments are those of Linkerd's proxy-init, so that
 * either finds, replaces and removes what the other has written. How a tool spells a rule is not
 * known here.
 */

import type { Family, Subnet } from './subnet.ts';

export interface PortRange {
  readonly first: number;
  /** Inclusive; the same as `first` for one port. */
  readonly last: number;
}

export interface RedirectOptions {
  readonly inboundPort: number;
  readonly outboundPort: number;
  /** Whose own connections are left alone; null for nobody's. */
  readonly proxyUid: number | null;
  readonly proxyGid: number | null;
  /** Only these come to the proxy inbound; empty for all. */
  readonly portsToRedirect: readonly number[];
  readonly inboundPortsToIgnore: readonly PortRange[];
  readonly outboundPortsToIgnore: readonly PortRange[];
  /** Inbound connections from these are left alone. */
  readonly subnetsToIgnore: readonly Subnet[];
}

export type Match =
  | { readonly kind: 'uid' | 'gid'; readonly id: number }
  | { readonly kind: 'loopback' }
  | { readonly kind: 'ports'; readonly ports: readonly PortRange[] }
  | { readonly kind: 'source'; readonly subnet: Subnet }
  | { readonly kind: 'tcp' };

export interface Rule {
  readonly match: Match;
  /** The port of the proxy; null leaves the connection alone. */
  readonly redirectTo: number | null;
  readonly comment: string;
}

export interface Chain {
  readonly name: string;
  /** The chain of the kernel that leads to it, and the comment of that rule. */
  readonly hook: 'PREROUTING' | 'OUTPUT';
  readonly hookComment: string;
  readonly rules: readonly Rule[];
}

export const redirectChain = 'PROXY_INIT_REDIRECT';
export const outputChain = 'PROXY_INIT_OUTPUT';

/** In the order in which a connection is asked about: the first rule that fits decides. */
export function buildChains(options: RedirectOptions, family: Family): readonly Chain[] {
  return [
    {
      name: redirectChain,
      hook: 'PREROUTING',
      hookComment: 'proxy-init/install-proxy-init-prerouting',
      rules: buildInbound(options, family),
    },
    {
      name: outputChain,
      hook: 'OUTPUT',
      hookComment: 'proxy-init/install-proxy-init-output',
      rules: buildOutbound(options),
    },
  ];
}

function buildInbound(options: RedirectOptions, family: Family): Rule[] {
  const { inboundPort, portsToRedirect, subnetsToIgnore } = options;
  const rules = ignorePorts(options.inboundPortsToIgnore);
  for (const subnet of subnetsToIgnore) {
    if (subnet.family !== family) continue;
    rules.push(leave({ kind: 'source', subnet }, `ignore-subnet-${subnet.text}`));
  }
  if (portsToRedirect.length === 0) {
    const comment = 'proxy-init/redirect-all-incoming-to-proxy-port';
    rules.push({ match: { kind: 'tcp' }, redirectTo: inboundPort, comment });
  }
  for (const port of portsToRedirect) {
    rules.push({
      match: { kind: 'ports', ports: [{ first: port, last: port }] },
      redirectTo: inboundPort,
      comment: `proxy-init/redirect-port-${port}-to-proxy-port`,
    });
  }
  return rules;
}

function buildOutbound({ proxyUid, proxyGid, ...options }: RedirectOptions): Rule[] {
  const rules: Rule[] = [];
  if (proxyUid !== null) rules.push(leave({ kind: 'uid', id: proxyUid }, 'ignore-proxy-user-id'));
  if (proxyGid !== null) rules.push(leave({ kind: 'gid', id: proxyGid }, 'ignore-proxy-group-id'));
  rules.push(leave({ kind: 'loopback' }, 'ignore-loopback'));
  rules.push(...ignorePorts(options.outboundPortsToIgnore));
  const comment = 'proxy-init/redirect-all-outgoing-to-proxy-port';
  rules.push({ match: { kind: 'tcp' }, redirectTo: options.outboundPort, comment });
  return rules;
}

function leave(match: Match, comment: string): Rule {
  return { match, redirectTo: null, comment: `proxy-init/${comment}` };
}

/** As few rules as `multiport` allows. */
function ignorePorts(ports: readonly PortRange[]): Rule[] {
  const rules: Rule[] = [];
  let batch: PortRange[] = [];
  let count = 0;
  const flush = (): void => {
    if (batch.length === 0) return;
    const names = batch.map(({ first, last }) =>
      first === last ? `${first}` : `${first}:${last}`,
    );
    rules.push(leave({ kind: 'ports', ports: batch }, `ignore-port-${names.join(',')}`));
    batch = [];
    count = 0;
  };
  for (const range of ports) {
    const size = range.first === range.last ? 1 : 2;
    if (count + size > multiportMax) flush();
    batch.push(range);
    count += size;
  }
  flush();
  return rules;
}

/** How many ports one rule of iptables names; a range counts as two. */
const multiportMax = 15;
