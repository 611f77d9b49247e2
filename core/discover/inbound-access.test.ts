/**
 * Goal: a policy says whom it lets in, whatever it asks for beyond that refuses everybody, and what
 * is not understood of it lets in nobody. Method: a plain policy, and each way to make it other
 * than plain, as the control plane's codec writes it.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonValue } from '@bufbuild/protobuf';
import type { AccessSnapshot } from '../../api/access.ts';
import { encodeServer, everyone } from '../../test/support/fake-control.ts';
import { judgeInbound } from './inbound-access.ts';
import { readInbound } from './methods.ts';

type Json = { [name: string]: JsonValue };

function judge(server: Json) {
  const whole = readInbound(encodeServer(server));
  assert.ok(whole !== null);
  return judgeInbound(whole.message);
}

function accessOf(server: Json): AccessSnapshot {
  const { refusal, access } = judge(server);
  assert.equal(refusal, '');
  assert.ok(access !== null);
  return access;
}

const all = everyone();
const [open] = all.authorizations as [Json];
const [ipv4, ipv6] = open.networks as [Json, Json];
const withAuthz = (...authorizations: Json[]): Json => ({ ...all, authorizations });
const root: Json = { path: { prefix: '/' } };
const whole: Json = { rules: [{ matches: [root] }] };
const withRoutes = (...routes: Json[]): Json => ({ ...all, protocol: { http1: { routes } } });
const withRoute = (more: Json): Json => withRoutes({ ...whole, ...more });
const exact = (path: string, more: Json = {}): Json => ({ path: { exact: path }, ...more });
const get = { method: { registered: 'GET' } };
const probe: Json = {
  metadata: { default: 'probe' },
  authorizations: [{ ...open, metadata: { default: 'probe' } }],
  rules: [{ matches: [exact('/live', get), exact('/ready', get)] }],
};
const limit = { total: { requestsPerSecond: 1 } };
const header = { requestHeaderModifier: { remove: ['a'] } };

describe('what is refused', () => {
  const rows: Record<string, readonly [Json, RegExp]> = {
    'no kind': [{ ...all, protocol: {} }, /does not know/],
    'a rate limit': [
      { ...all, protocol: { http1: { routes: [whole], localRateLimit: limit } } },
      /rate limit/,
    ],
    'a rate limit of detect': [
      { ...all, protocol: { detect: { httpRoutes: [whole], httpLocalRateLimit: limit } } },
      /rate limit/,
    ],
    'no route': [withRoutes(), /no route/],
    'two routes for all': [withRoutes(whole, whole), /several routes for all/],
    'probes alone': [withRoutes(probe), /no route for all/],
    'two routes for a path': [withRoutes(whole, probe, probe), /several routes for a path/],
    hosts: [withRoute({ hosts: [{ exact: 'a' }] }), /certain hosts/],
    'a filter': [withRoute({ rules: [{ filters: [header] }] }), /filters/],
    'a filter beside a path': [
      withRoutes(whole, { rules: [{ matches: [exact('/a')], filters: [header] }] }),
      /filters/,
    ],
    'a prefix': [
      withRoutes(whole, { rules: [{ matches: [{ path: { prefix: '/a' } }] }] }),
      /match/,
    ],
    'a regular expression': [
      withRoutes(whole, { rules: [{ matches: [{ path: { regex: '/' } }] }] }),
      /matches/,
    ],
    'a header': [
      withRoutes(whole, { rules: [{ matches: [exact('/a', { headers: [{ name: 'a' }] })] }] }),
      /matches/,
    ],
    'a query': [
      withRoutes(whole, { rules: [{ matches: [exact('/a', { queryParams: [{ name: 'a' }] })] }] }),
      /matches/,
    ],
    'a method of no name': [
      withRoutes(whole, { rules: [{ matches: [exact('/a', { method: { registered: 99 } })] }] }),
      /matches/,
    ],
    'a method alone': [withRoutes(whole, { rules: [{ matches: [get] }] }), /matches/],
    'no rule': [withRoutes(whole, {}), /matches/],
    'a method of gRPC': [
      {
        ...all,
        protocol: { grpc: { routes: [{ rules: [{ matches: [{ rpc: { service: 'a' } }] }] }] } },
      },
      /matches/,
    ],
  };
  for (const [name, [server, sentence]] of Object.entries(rows)) {
    test(name, () => {
      const { refusal, access } = judge(server);
      assert.match(refusal, sentence);
      assert.equal(access, null);
    });
  }
});

test('every protocol may be plain', () => {
  const protocols: Json[] = [
    { detect: { httpRoutes: [whole] } },
    { http1: { routes: [whole] } },
    { http2: { routes: [whole] } },
    { grpc: { routes: [{ rules: [{}] }] } },
    { opaque: {} },
    { tls: {} },
  ];
  for (const protocol of protocols) {
    const { authorizations, exceptions } = accessOf({ ...all, protocol });
    assert.equal(authorizations.length, 1);
    assert.deepEqual(exceptions, []);
  }
});

describe('authorizations', () => {
  const networksOf = (...networks: Json[]) =>
    accessOf(withAuthz({ ...open, networks })).authorizations.flatMap((one) => one.networks);

  test('networks are text', () => {
    assert.deepEqual(networksOf(ipv4, ipv6), [
      { net: '0.0.0.0/0', except: [] },
      { net: '::/0', except: [] },
    ]);
    const net = { ip: { ipv4: 0x0a000000 }, prefixLen: 8 };
    const except = [{ ip: { ipv4: 0x0a010000 }, prefixLen: 16 }];
    assert.deepEqual(networksOf({ net, except }), [{ net: '10.0.0.0/8', except: ['10.1.0.0/16'] }]);
  });

  test('those that are none let in nobody', () => {
    const long = { ip: { ipv4: 0 }, prefixLen: 33 };
    for (const network of [{}, { net: {} }, { net: long }, { ...ipv4, except: [{}] }]) {
      assert.deepEqual(networksOf(network, { ...ipv4, except: [long] }), []);
    }
    assert.deepEqual(accessOf(withAuthz({ ...open, networks: [] })).authorizations, []);
  });

  test('say what is to be proved', () => {
    const proofOf = (authentication: Json | null) => {
      const { networks } = open;
      const authz = authentication === null ? { networks } : { networks, authentication };
      return accessOf(withAuthz(authz)).authorizations.map(
        ({ proof, identities, suffixes }) => `${proof} ${identities.join()} ${suffixes.join()}`,
      );
    };
    assert.deepEqual(proofOf({ unauthenticated: {} }), ['none  ']);
    assert.deepEqual(proofOf({ meshTLS: { unauthenticated: {} } }), ['mesh  ']);
    const identities = [{ name: 'a.b' }];
    const suffixes = [{ parts: [] }, { parts: ['x', 'y'] }];
    assert.deepEqual(proofOf({ meshTLS: { identities: { identities, suffixes } } }), [
      'identity a.b ,.x.y',
    ]);
    for (const unknown of [null, {}, { meshTLS: {} }]) assert.deepEqual(proofOf(unknown), []);
  });

  test('have the name of their object, or labels', () => {
    const resource = { group: 'policy.linkerd.io', kind: 'authorizationpolicy', name: 'a' };
    const named = [
      { metadata: { resource } },
      { labels: { name: 'b' } },
      { labels: { name: 'default:all-authenticated' } },
      { metadata: { default: 'audit' }, labels: { name: 'c' } },
    ].map((more) => Object.assign({}, open, more));
    assert.deepEqual(
      accessOf(withAuthz(...named)).authorizations.map(({ name }) => Object.values(name).join(' ')),
      [
        'policy.linkerd.io authorizationpolicy a',
        'policy.linkerd.io serverauthorization b',
        ' default all-authenticated',
        ' default audit',
      ],
    );
    const labels = { group: 'g', kind: 'server', name: 'web' };
    assert.deepEqual(accessOf({ ...all, labels }).server, labels);
  });
});

test('a route may have authorizations of its own, and probes may have others', () => {
  const { route, exceptions } = accessOf(
    withRoutes({ ...whole, metadata: { default: 'default' }, authorizations: [open, {}] }, probe),
  );
  assert.equal(route.name.name, 'default');
  assert.equal(route.authorizations.length, 1);
  assert.deepEqual(
    exceptions.map(({ name, matches, authorizations }) => [
      name.name,
      matches.map(({ method, path }) => `${method} ${path}`),
      authorizations.map((one) => one.name.name),
    ]),
    [['probe', ['GET /live', 'GET /ready'], ['probe']]],
  );
});
