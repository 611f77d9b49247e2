/**
 * Goal: the rules are those of Linkerd's proxy-init, in its order and its words. Method: what
 * `--simulate` would print, for each tool, as exact text.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modeOfProgram, simulateFirewall } from './firewall.ts';
import { buildChains, type PortRange, type RedirectOptions } from './rules.ts';
import { parseSubnet, type Subnet } from './subnet.ts';

const linkerd: RedirectOptions = {
  inboundPort: 4143,
  outboundPort: 4140,
  proxyUid: 2102,
  proxyGid: null,
  portsToRedirect: [],
  inboundPortsToIgnore: ports(4190, 4191, 4567, 4568),
  outboundPortsToIgnore: ports(4567, 4568),
  subnetsToIgnore: [],
};

const choice = { mode: 'legacy', folder: null, families: ['ipv4'], waits: false } as const;

test('what the manifests of Linkerd ask for', () => {
  const own = '4190,4191,4567,4568';
  const others = note('ignore-port-4567,4568');
  const allIn = 'redirect-all-incoming-to-proxy-port';
  const allOut = 'redirect-all-outgoing-to-proxy-port';
  assert.equal(
    simulateFirewall(choice, linkerd),
    `# iptables-legacy-restore --noflush
*nat
:PROXY_INIT_REDIRECT - [0:0]
:PROXY_INIT_OUTPUT - [0:0]
-A PROXY_INIT_REDIRECT -p tcp -m multiport --dports ${own} ${note(`ignore-port-${own}`)} -j RETURN
-A PROXY_INIT_REDIRECT -p tcp ${note(allIn)} -j REDIRECT --to-ports 4143
-A PROXY_INIT_OUTPUT -m owner --uid-owner 2102 ${note('ignore-proxy-user-id')} -j RETURN
-A PROXY_INIT_OUTPUT -o lo ${note('ignore-loopback')} -j RETURN
-A PROXY_INIT_OUTPUT -p tcp -m multiport --dports 4567,4568 ${others} -j RETURN
-A PROXY_INIT_OUTPUT -p tcp ${note(allOut)} -j REDIRECT --to-ports 4140
-A PREROUTING ${note('install-proxy-init-prerouting')} -j PROXY_INIT_REDIRECT
-A OUTPUT ${note('install-proxy-init-output')} -j PROXY_INIT_OUTPUT
COMMIT
`,
  );
});

test('the same in the syntax of nft', () => {
  const options: RedirectOptions = {
    ...linkerd,
    proxyGid: 2103,
    portsToRedirect: [80],
    subnetsToIgnore: [subnet('fd00::/8'), subnet('10.0.0.0/8')],
  };
  const text = simulateFirewall({ ...choice, mode: 'nftables', families: ['ipv6'] }, options);
  assert.equal(
    text.replaceAll('\t', '  '),
    `# nft -f -
add table ip6 heddle_init
delete table ip6 heddle_init
table ip6 heddle_init {
  chain PROXY_INIT_REDIRECT {
    tcp dport { 4190-4191, 4567-4568 } return comment "proxy-init/ignore-port-4190,4191,4567,4568"
    ip6 saddr fd00::/8 return comment "proxy-init/ignore-subnet-fd00::/8"
    tcp dport { 80 } redirect to :4143 comment "proxy-init/redirect-port-80-to-proxy-port"
  }
  chain PROXY_INIT_OUTPUT {
    meta skuid 2102 return comment "proxy-init/ignore-proxy-user-id"
    meta skgid 2103 return comment "proxy-init/ignore-proxy-group-id"
    oifname "lo" return comment "proxy-init/ignore-loopback"
    tcp dport { 4567-4568 } return comment "proxy-init/ignore-port-4567,4568"
    meta l4proto tcp redirect to :4140 comment "proxy-init/redirect-all-outgoing-to-proxy-port"
  }
  chain PREROUTING {
    type nat hook prerouting priority -100; policy accept;
    jump PROXY_INIT_REDIRECT comment "proxy-init/install-proxy-init-prerouting"
  }
  chain OUTPUT {
    type nat hook output priority -100; policy accept;
    jump PROXY_INIT_OUTPUT comment "proxy-init/install-proxy-init-output"
  }
}
`,
  );
});

test('each family has its own tool and its own subnets', () => {
  const options = {
    ...linkerd,
    subnetsToIgnore: [subnet('10.1.2.3/9'), subnet('fd00:1:fff::/33')],
  };
  const text = simulateFirewall({ ...choice, mode: 'nft', families: ['ipv4', 'ipv6'] }, options);
  const lines = text.split('\n').filter((line) => /^#| -s /.test(line));
  assert.deepEqual(lines, [
    '# iptables-nft-restore --noflush',
    `-A PROXY_INIT_REDIRECT -s 10.0.0.0/9 ${note('ignore-subnet-10.1.2.3/9')} -j RETURN`,
    '# ip6tables-nft-restore --noflush',
    `-A PROXY_INIT_REDIRECT -s fd00:1::/33 ${note('ignore-subnet-fd00:1:fff::/33')} -j RETURN`,
  ]);
});

test('a rule names 15 ports at the most, and a range is two of them', () => {
  const many = [...Array(14).keys()].map((port) => ({ first: port, last: port }));
  const range = { first: 100, last: 200 };
  const sizes = (list: readonly PortRange[]): number[] => {
    const [{ rules }] = buildChains({ ...linkerd, inboundPortsToIgnore: list }, 'ipv4');
    return rules.flatMap(({ match }) => (match.kind === 'ports' ? [match.ports.length] : []));
  };
  assert.deepEqual(sizes([]), []);
  assert.deepEqual(sizes([...many, ...ports(99)]), [15]);
  assert.deepEqual(sizes([...many, ...ports(99, 101)]), [15, 1]);
  assert.deepEqual(sizes([...many, range]), [14, 1]);
  assert.deepEqual(sizes([...many.slice(1), range, range]), [14, 1]);
});

test('subnets are read strictly and spelled as the tools print them', () => {
  const rows: [text: string, expected: string | null][] = [
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.255.255.255/15', '10.254.0.0/15'],
    ['1.2.3.4/0', '0.0.0.0/0'],
    ['1.2.3.4/32', '1.2.3.4/32'],
    ['FD00::1/128', 'fd00::1/128'],
    ['fdff::/9', 'fd80::/9'],
    ['2001:db8:0:0:1::/80', '2001:db8:0:0:1::/80'],
    ['::/0', '::/0'],
    ['1:2:3:4:5:6:7:8/127', '1:2:3:4:5:6:7:8/127'],
    ['10.0.0.0', null],
    ['10.0.0.0/33', null],
    ['10.0.0.0/08', null],
    ['fd00::/129', null],
    ['10.0.0/8', null],
    ['10.0.0.0/8 ', null],
    ['name/8', null],
  ];
  for (const [text, expected] of rows) {
    const read = parseSubnet(text);
    assert.equal(read === null ? null : `${read.address}/${read.bits}`, expected, text);
  }
});

test('a program says its mode and where its siblings lie', () => {
  assert.deepEqual(modeOfProgram('iptables-nft'), { mode: 'nft', folder: null });
  assert.deepEqual(modeOfProgram('iptables'), { mode: 'plain', folder: null });
  assert.deepEqual(modeOfProgram('/sbin/iptables-legacy'), { mode: 'legacy', folder: '/sbin' });
  assert.equal(modeOfProgram('ip6tables'), null);
  assert.equal(modeOfProgram('sh'), null);
});

function note(comment: string): string {
  return `-m comment --comment "proxy-init/${comment}"`;
}

function ports(...list: readonly number[]): readonly PortRange[] {
  return list.map((port) => ({ first: port, last: port }));
}

function subnet(text: string): Subnet {
  const read = parseSubnet(text);
  assert.ok(read !== null);
  return read;
}
