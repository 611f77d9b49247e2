/**
 * Goal: a valid file becomes settings and services as documented; every mistake is found at its
 * line with its key, what was expected and what to do. Method: whole files as text.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultConfig } from '../model/default-settings.ts';
import type { LoadedConfig } from '../model/loaded-config.ts';
import { formatProblem } from './load-config.ts';
import { parseConfig, parseEndpointList } from './parse-config.ts';

function load(text: string): LoadedConfig {
  const result = parseConfig('/etc/heddle/heddle.yaml', text);
  assert.ok('config' in result, JSON.stringify(result));
  return result.config;
}

function problems(text: string): string[] {
  const result = parseConfig('heddle.yaml', text);
  assert.ok('problems' in result, 'the file was taken for valid');
  return result.problems.map(formatProblem);
}

const web = 'services: { web: { port: 80, endpoints: [10.0.0.1:80] } }\n';

test('an empty file has defaults for everything, those of a proxy without a file', () => {
  const { path, digest, ...rest } = load('# nothing yet\n');
  assert.notEqual(digest, '');
  assert.deepEqual({ ...rest, path: '', digest: '' }, defaultConfig);
  assert.ok(path.endsWith('heddle.yaml'));
});

test('services have one of four sources, binds become settings', () => {
  const { services, settings } = load(`
mesh: { clusterDomain: Mesh.Internal. }
services:
  web:
    port: 80
    endpoints: ["127.0.0.1:8080", { address: "[2001:db8:0::1]:81", weight: 2.5, zone: a }]
  users:  { port: 80, dns: users.internal:8080 }
  orders: { port: 80, srv: _orders._tcp.internal, protocol: http }
  ledger: { port: 80, file: ./ledger.endpoints, namespace: money }
  db:     { port: 5432, protocol: opaque, bind: 127.0.0.1:15432, endpoints: [] }
routes: []
`);
  const sources = Object.fromEntries(services.map(({ name, source }) => [name, source]));
  assert.deepEqual(sources, {
    web: {
      kind: 'inline',
      endpoints: [
        { host: '127.0.0.1', port: 8080, weight: 1, zone: '' },
        { host: '2001:db8::1', port: 81, weight: 2.5, zone: 'a' },
      ],
    },
    users: { kind: 'dns', name: 'users.internal', port: 8080 },
    orders: { kind: 'srv', name: '_orders._tcp.internal' },
    ledger: { kind: 'file', path: '/etc/heddle/ledger.endpoints' },
    db: { kind: 'inline', endpoints: [] },
  });
  assert.deepEqual(settings.binds, [
    { address: { host: '127.0.0.1', port: 15432 }, authority: 'db.default.svc.mesh.internal:5432' },
  ]);
});

test('an endpoint with an identity is one that a proxy stands in front of', () => {
  const identity = 'db.demo.serviceaccount.identity.linkerd.cluster.local';
  const meshed = `{ address: "10.0.0.1:80", identity: ${identity}, inboundPort: 4143 }`;
  const { services } = load(`
services:
  web: { port: 80, endpoints: [${meshed}] }
  db: { port: 5432, protocol: opaque, endpoints: [${meshed}] }
`);
  const traits = services.map(({ source }) =>
    source.kind === 'inline' ? source.endpoints[0].traits : undefined,
  );
  const common = { identity, serverName: identity, opaqueTransportPort: 4143 };
  const none = { authorityOverride: '', http2: null, labels: {} };
  assert.deepEqual(traits, [
    { ...common, protocolHint: 'h2', ...none },
    { ...common, protocolHint: 'opaque', ...none },
  ]);
  const [problem] = problems(
    'services: { web: { port: 80, endpoints: [{ address: "10.0.0.1:80", identity: 10.0.0.1 }] } }',
  );
  assert.match(problem, /identity: expected the whole name of an identity/);
});

test('what needs a control plane is known, and a problem of a proxy without one', () => {
  const { services, manifests, proxyProblems } = load(`manifests: ./mesh.d
services:
  web: { port: 80, protocol: grpc, join: true, namespace: shop }
`);
  assert.deepEqual(
    services.map(({ source }) => source),
    [{ kind: 'registry', namespace: 'shop', name: 'web', port: 80 }],
  );
  assert.equal(manifests, '/etc/heddle/mesh.d');
  assert.deepEqual(proxyProblems.map(formatProblem), [
    '/etc/heddle/heddle.yaml:1:1: manifests: needs a control plane: a proxy by itself cannot ' +
      'follow a folder of manifests; start heddle up with this file, and the proxy with --control',
    '/etc/heddle/heddle.yaml:3:36: services.web.join: needs a control plane: a proxy by itself ' +
      'cannot take processes that join; start heddle up with this file, and the proxy with ' +
      '--control',
  ]);
  assert.deepEqual([load(web).manifests, load(web).proxyProblems], [null, []]);
});

test('inbound follows inboundTo, and listeners can be turned off', () => {
  const inbound = (proxy: string) => load(`proxy: ${proxy}`).settings.inbound;
  assert.deepEqual(inbound('{ inboundTo: 127.0.0.1:8080 }'), { host: '0.0.0.0', port: 4143 });
  assert.equal(inbound('{ inboundTo: 127.0.0.1:8080, inbound: false }'), null);
  assert.deepEqual(inbound('{ originalDestination: redirect }'), { host: '0.0.0.0', port: 4143 });
  assert.equal(inbound('{ originalDestination: redirect, inbound: false }'), null);
  assert.equal(inbound('{ inboundTo: 127.0.0.1:8080, inbound: null }'), null);
  const { settings } = load('proxy: { outbound: false, admin: null, workers: 0 }');
  assert.deepEqual([settings.outbound, settings.admin, settings.workers], [null, null, 0]);
});

test('all problems are reported at once, by line', () => {
  const found = problems(`services:
  web:
    port: abc
    endpoints: [localhost:8080, { address: 127.0.0.1:8081, weight: 0 }]
    foo: 1
  Web: { port: 1, dns: x }
  none: { port: 80 }
  both:
    file: x
    srv: y
manifests: ./x
routes: [1]
proxy:
  conectTimeoutMs: 5
  workers: 1000
`);
  assert.deepEqual(found, [
    'heddle.yaml:3:11: services.web.port: expected a whole number from 1 to 65535, got "abc"; ' +
      'for example port: 80',
    'heddle.yaml:4:17: services.web.endpoints[0]: expected IP:port such as 10.0.0.5:8080, got ' +
      '"localhost:8080"; for a name write dns: name:port instead of endpoints',
    'heddle.yaml:4:68: services.web.endpoints[1].weight: expected a number above 0, got 0; ' +
      'remove the endpoint to send it nothing',
    'heddle.yaml:5:5: services.web.foo: unknown key; remove it; known here: port, namespace, ' +
      'protocol, bind, clusterIps, endpoints, file, dns, srv, join',
    'heddle.yaml:6:3: services.Web: expected a lower-case DNS label: letters, digits and inner ' +
      'hyphens, at most 63, got "Web"; rename it',
    'heddle.yaml:7:3: services.none: expected one of endpoints, file, dns, srv, join, but ' +
      'there is none; for example endpoints: [10.0.0.5:8080]',
    'heddle.yaml:8:3: services.both.port: expected a whole number from 1 to 65535, but it is ' +
      'missing; for example port: 80',
    'heddle.yaml:10:5: services.both.srv: expected one of endpoints, file, dns, srv, join, got ' +
      'file and srv; remove all but one of them',
    'heddle.yaml:12:10: routes[0]: expected no policy yet, got 1; routes and policy objects come ' +
      'with a later release',
    'heddle.yaml:14:3: proxy.conectTimeoutMs: unknown key; did you mean connectTimeoutMs?',
    'heddle.yaml:15:12: proxy.workers: expected a whole number from 0 to 32, got 1000; for ' +
      'example workers: "auto"',
  ]);
});

/** A file, the key that is wrong, and words of the sentence. */
const mistakes: readonly (readonly [text: string, key: string, words: RegExp])[] = [
  [`${web}services: {}\n`, 'services', /this key is there twice/],
  ['services: { web: { port: 80, port: 81, dns: "a:1" } }', 'services.web.port', /twice/],
  ['services:\n  web: [', '', /not valid YAML/],
  ['routes: &a [*a]', 'routes[0]', /contains itself/],
  ['- a', '', /expected a mapping with mesh, services, proxy, got \["a"\]/],
  ['services: []', 'services', /expected a mapping from service names/],
  ['services: { web: 80 }', 'services.web', /expected a mapping with port/],
  ['services: { web: }', 'services.web', /expected a mapping with port.*got nothing/],
  ['services: { web: { port: 0, dns: "a:1" } }', 'services.web.port', /1 to 65535, got 0/],
  ['services: { web: { port: 8.5, dns: "a:1" } }', 'services.web.port', /whole number/],
  ['services: { web: { port: 80, dns: a } }', 'services.web.dns', /name:port/],
  ['services: { web: { port: 80, dns: "a\\0b:1" } }', 'services.web.dns', /name:port/],
  ['services: { web: { port: 80, srv: "a b" } }', 'services.web.srv', /DNS name/],
  ['services: { web: { port: 80, file: "" } }', 'services.web.file', /path/],
  ['services: { web: { port: 80, dns: "a:1", protocol: http3 } }', 'services.web.protocol', /auto/],
  [
    'services: { web: { port: 80, endpoints: [{ address: "10.0.0.1:1", weight: .inf }] } }',
    'services.web.endpoints[0].weight',
    /number/,
  ],
  [
    'services: { web: { port: 80, endpoints: ["10.0.0.1:0"] } }',
    'services.web.endpoints[0]',
    /IP:port/,
  ],
  [
    'services: { web: { port: 80, endpoints: ["127.0.0.1:4140"] } }',
    'services.web.endpoints[0]',
    /this proxy itself \(proxy\.outbound\)/,
  ],
  ['services: { web: { port: 80, join: false } }', 'services.web.join', /expected true/],
  ['services: { web: { port: 80, join: true, dns: "a:1" } }', 'services.web.join', /got dns and/],
  ['manifests: ""', 'manifests', /expected a path/],
  ['mesh: { trustDomain: "a b" }', 'mesh.trustDomain', /DNS name/],
  ['proxy: { outbound: 0.0.0.0:4140 }', 'proxy.outbound', /allowRemote: true/],
  ['proxy: { outbound: "[::]:4140" }', 'proxy.outbound', /allowRemote: true/],
  ['proxy: { outbound: localhost:4140 }', 'proxy.outbound', /IP:port/],
  ['proxy: { admin: 127.0.0.1:4140 }', 'proxy.admin', /taken by proxy.outbound/],
  ['proxy: { inbound: 127.0.0.1:1 }', 'proxy.inbound', /proxy.inboundTo/],
  ['proxy: { inboundTo: 0.0.0.0:80 }', 'proxy.inboundTo', /address of the application/],
  ['proxy: { inboundTo: 127.0.0.1:4143 }', 'proxy.inboundTo', /this proxy itself/],
  ['proxy: { outboundSecond: "[::]:4141" }', 'proxy.outboundSecond', /allowRemote/],
  ['proxy: { outboundSecond: 127.0.0.1:4140 }', 'proxy.outboundSecond', /4140/],
  ['proxy: { graceMs: 1000 }', 'proxy.graceMs', /announceMs \(5000\) is part of graceMs/],
  ['proxy: { headBytesMax: 1 }', 'proxy.headBytesMax', /1024 to 65536/],
  ['proxy: { allowRemote: yes }', 'proxy.allowRemote', /true or false, got "yes"/],
  ['proxy: { logLevel: loud }', 'proxy.logLevel', /off, error, warn, info, debug/],
];

for (const [text, key, words] of mistakes) {
  test(`refuses ${JSON.stringify(text)}`, () => {
    const result = parseConfig('heddle.yaml', text);
    assert.ok('problems' in result);
    assert.equal(result.problems.length, 1, JSON.stringify(result.problems));
    assert.equal(result.problems[0].key, key);
    assert.match(formatProblem(result.problems[0]), words);
  });
}

const entries = `services:
  good: { port: 80, endpoints: [10.0.0.1:80] }
  port: { port: many, endpoints: [10.0.0.1:80] }
  endpoint: { port: 80, endpoints: [10.0.0.1:80, { address: 10.0.0.2:80, weight: -1 }] }
  Name: { port: 80, join: true }
  number: 5
  sources: { port: 80, dns: "a:1", join: true }
  unknown: { port: 80, join: true, inner: { port: 80 } }
  twice: { port: 80, port: 81, join: true }
  bound: { port: 80, join: true, bind: 127.0.0.1:4140 }
  open: { port: 80, join: true, bind: 0.0.0.0:9 }
  loop: { port: 80, endpoints: [127.0.0.1:4140] }
  fine: { port: 81, join: true }
`;

test('an entry that is wrong is told from the rest of the file', () => {
  const result = parseConfig('heddle.yaml', `${entries}routes: [{ a: 1 }]\n`);
  assert.ok('problems' in result && result.rest !== undefined);
  const { rest } = result;
  const { services, settings, proxyProblems } = rest.config;
  assert.deepEqual(
    services.map(({ name }) => name),
    ['good', 'fine'],
  );
  assert.deepEqual(settings.binds, []);
  assert.deepEqual(
    proxyProblems.map(({ entry }) => entry),
    ['services.fine'],
    'nobody needs to hear what else is wrong with an entry that is refused',
  );
  const names = 'port endpoint Name number sources unknown twice bound open loop inner'.split(' ');
  assert.deepEqual(rest.refused, names);
  assert.deepEqual(
    [...new Set(result.problems.map(({ entry }) => entry))],
    [...names.slice(0, -1).map((name) => `services.${name}`), 'routes[0]'],
  );
});

test('more entries than are told are refused all the same', () => {
  const wrong = Array.from({ length: 150 }, (_, index) => `  s${index}: { port: 0, join: true }`);
  const text = ['services:', ...wrong, '  good: { port: 80, join: true }'].join('\n');
  const result = parseConfig('heddle.yaml', text);
  assert.ok('problems' in result && result.rest !== undefined);
  assert.equal(result.problems.length, 100);
  assert.equal(result.rest.refused.length, 150);
  assert.equal(result.rest.config.services.length, 1);
});

for (const text of [
  'servces: {}',
  'services: 5',
  'services:',
  'services: { web: { port: 80, join: true } }\nservices: {}',
  'services: {}\nroutes: 1',
  'services: {}\nproxy: { workers: none }',
  'services: {}\nmesh: { trustDomain: "a b" }',
  'services: {}\nmanifests: 5',
  'services: {}\nproxy: { inbound: 127.0.0.1:1 }',
  '- services',
  'services: {',
]) {
  test(`a mistake in no entry takes the file: ${JSON.stringify(text)}`, () => {
    // One that is in an entry beside it makes no difference.
    const result = parseConfig('heddle.yaml', text.replace('{}', '{ a: 1 }'));
    assert.ok('problems' in result);
    assert.equal(result.rest, undefined);
  });
}

test('two binds cannot have one address, nor be open to others unasked', () => {
  const bound = (first: string, second: string, proxy = '{}') => `services:
  a: { port: 80, dns: "a:1", bind: "${first}" }
  b: { port: 80, dns: "b:1", bind: "${second}" }
proxy: ${proxy}
`;
  assert.match(problems(bound('127.0.0.1:9', '127.0.0.1:9'))[0], /:3:.*taken by services.a.bind/);
  assert.match(problems(bound('127.0.0.1:9', '10.0.0.1:8'))[0], /services.b.bind.*allowRemote/);
  load(bound('127.0.0.1:0', '127.0.0.1:0'));
  load(bound('10.0.0.1:9', '10.0.0.2:9', '{ allowRemote: true }'));
  const wildcard = problems(bound('0.0.0.0:9', '10.0.0.2:9', '{ allowRemote: true }'));
  assert.match(wildcard[0], /taken by/);
});

test('aliases are bounded', () => {
  const level = (name: string, of: string) => `${name}: &${name} [${`*${of}, `.repeat(9)}*${of}]\n`;
  const bomb = `a: &a [1]\n${level('b', 'a')}${level('c', 'b')}${level('d', 'c')}`;
  assert.match(problems(bomb)[0], /aliases/);
});

test('a list of endpoints is read with the same words', () => {
  assert.deepEqual(
    parseEndpointList('/e', '- 10.0.0.1:80\n- { address: 10.0.0.2:80, weight: 3 }'),
    {
      endpoints: [
        { host: '10.0.0.1', port: 80, weight: 1, zone: '' },
        { host: '10.0.0.2', port: 80, weight: 3, zone: '' },
      ],
    },
  );
  const result = parseEndpointList('/e', '- 10.0.0.1:80\n- web:80\n');
  assert.ok('problems' in result);
  assert.match(formatProblem(result.problems[0]), /^\/e:2:3: \[1\]: expected IP:port/);
});
