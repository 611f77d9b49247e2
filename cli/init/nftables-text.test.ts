/**
 * Goal: what nft prints is understood, whatever a version of it makes of the same rules, and a
 * difference is seen. Method: listings of nft with and without `-n`, and some that were changed.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keysOfChains, readTable } from './nftables-text.ts';
import { buildChains } from './rules.ts';
import { parseSubnet } from './subnet.ts';

const subnets = ['10.0.0.0/8', '10.0.0.3/32', '0.0.0.0/0'].map(parseSubnet);
const chains = buildChains(
  {
    inboundPort: 4143,
    outboundPort: 4140,
    proxyUid: 2102,
    proxyGid: 7,
    portsToRedirect: [80],
    inboundPortsToIgnore: [4191, 4190, 1].map((port) => ({ first: port, last: port })),
    outboundPortsToIgnore: [],
    subnetsToIgnore: subnets.filter((subnet) => subnet !== null),
  },
  'ipv4',
);

const listing = `table ip heddle_init {
	chain PROXY_INIT_REDIRECT {
		tcp dport { 1, 4190-4191 } return comment "proxy-init/ignore-port-4190,4191,1"
		ip saddr 10.0.0.0/8 return comment "a"
		ip saddr 10.0.0.3 return
		return comment "proxy-init/ignore-subnet-0.0.0.0/0"
		tcp dport 80 redirect to :4143
	}

	chain PROXY_INIT_OUTPUT {
		meta skuid 2102 return
		meta skgid 7 return
		oifname "lo" return
		meta l4proto 6 redirect to :4140 comment "proxy-init/redirect-all-outgoing-to-proxy-port"
	}

	chain PREROUTING {
		type nat hook prerouting priority -100; policy accept;
		jump PROXY_INIT_REDIRECT comment "proxy-init/install-proxy-init-prerouting"
	}

	chain OUTPUT {
		type nat hook output priority -100; policy accept;
		jump PROXY_INIT_OUTPUT
	}
}
`;

test('the same rules read the same', () => {
  assert.deepEqual(readTable(listing), keysOfChains(chains));
  assert.deepEqual(readTable(listing.replace('l4proto 6', 'l4proto tcp')), keysOfChains(chains));
  assert.deepEqual(readTable(''), keysOfChains([]));
});

test('others do not', () => {
  const rows: [from: string, to: string][] = [
    ['2102', '2103'],
    ['skgid', 'skuid'],
    ['4190-4191', '4190-4192'],
    ['{ 1, 4190-4191 }', '@ports'],
    ['"lo"', '"eth0"'],
    [':4140', ':4141'],
    ['saddr 10.0.0.3', 'daddr 10.0.0.3'],
    ['meta skgid 7 return', 'meta skgid 7 accept'],
    ['priority -100; policy accept;\n\t\tjump PROXY_INIT_O', 'priority 0;\n\t\tjump PROXY_INIT_O'],
    ['\t\tjump PROXY_INIT_OUTPUT\n', ''],
    ['oifname "lo" return\n', 'oifname "lo" return\n\t\taccept\n'],
  ];
  for (const [from, to] of rows) {
    assert.ok(listing.includes(from), from);
    assert.notDeepEqual(readTable(listing.replace(from, to)), keysOfChains(chains), to);
  }
});
