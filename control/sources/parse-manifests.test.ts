/**
 * Goal: objects come down to services, endpoints and refusals as documented, and one that is wrong
 * is refused alone, by file, line, name, field and reason. Method: texts of whole files.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeManifests, noManifests } from './merge-manifests.ts';
import { parseManifests } from './parse-manifests.ts';

function merge(...texts: readonly string[]) {
  const files = texts.map((text, index) => parseManifests(`mesh.d/${index}.yaml`, text));
  return mergeManifests(files, noManifests, 100);
}

function problems(...texts: readonly string[]): string[] {
  return merge(...texts).problems.map(({ object, field, reason }) => {
    return `${object}: ${field}: ${reason}`;
  });
}

const service = (name: string, ports: string, annotations = '{}') => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: demo, annotations: ${annotations} }
spec: { clusterIP: None, ports: ${ports} }
`;

function protocols(ports: string, annotations?: string): Record<number, string> {
  const { services, problems: found } = merge(service('web', ports, annotations));
  assert.deepEqual(found, []);
  return Object.fromEntries(services.map(({ port, protocol }) => [port, protocol]));
}

test('a Service has a service for each of its ports', () => {
  const { services } = merge(service('web', '[{ port: 80, targetPort: http }]'));
  assert.deepEqual(services, [
    {
      name: 'web',
      namespace: 'demo',
      port: 80,
      protocol: 'auto',
      clusterIps: [],
      source: { kind: 'manifests', namespace: 'demo', name: 'web', port: 80 },
    },
  ]);
});

test('a Service has its cluster IPs, of both versions, and a headless one has none', () => {
  const clusterIps = (spec: string): unknown => {
    const text = service('web', '[{ port: 80 }]').replace('clusterIP: None', spec);
    const merged = merge(text);
    return merged.problems[0]?.reason ?? merged.services[0].clusterIps;
  };
  assert.deepEqual(clusterIps('clusterIP: 10.96.0.10'), ['10.96.0.10']);
  const both = 'clusterIP: 10.96.0.10, clusterIPs: [10.96.0.10, "FD00:0::A"]';
  assert.deepEqual(clusterIps(both), ['10.96.0.10', 'fd00::a']);
  assert.deepEqual(clusterIps('clusterIPs: [None]'), []);
  assert.deepEqual(clusterIps('type: ClusterIP'), []);
  assert.equal(clusterIps('clusterIP: web'), 'expected an IP address, or None, got "web"');
});

test('a port speaks what appProtocol says', () => {
  const named = ['http', 'http2', 'kubernetes.io/h2c', 'grpc', 'linkerd.io/opaque', 'https'].map(
    (appProtocol, at) => `{ name: p${at}, port: ${at + 1}, appProtocol: "${appProtocol}" }`,
  );
  assert.deepEqual(protocols(`[${named.join()}, { name: udp, port: 53, protocol: UDP }]`), {
    1: 'http1',
    2: 'http2',
    3: 'http2',
    4: 'grpc',
    5: 'opaque',
    6: 'auto',
  });
});

test('opaque ports are those of the annotation, else the usual ones', () => {
  const ports = `[{ name: db, port: 5432 }, { name: a, port: 81 }, { name: b, port: 90 },
    { name: c, port: 3306, appProtocol: http }]`;
  assert.deepEqual(protocols(ports), { 81: 'auto', 90: 'auto', 3306: 'http1', 5432: 'opaque' });
  assert.deepEqual(protocols(ports, '{ config.linkerd.io/opaque-ports: "80-85, b" }'), {
    81: 'opaque',
    90: 'opaque',
    3306: 'http1',
    5432: 'auto',
  });
});

test('several documents, comments, JSON and lists of objects are read', () => {
  const json = JSON.stringify({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'a' },
        spec: { ports: [{ port: 1 }] },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'b' },
        spec: { ports: [{ port: 1 }] },
      },
    ],
  });
  const list = `apiVersion: v1
kind: ServiceList
items:
- { metadata: { name: e }, spec: { ports: [{ port: 1 }] } }
`;
  const texts = [
    ['# ours\n', service('c', '[{ port: 1 }]'), '# none\n', service('d', '[{ port: 1 }]')].join(
      '---\n',
    ),
    json,
    list,
    '# nothing\n',
  ];
  const { services, problems: found } = merge(...texts);
  assert.deepEqual(found, []);
  assert.deepEqual(
    services.map(({ namespace, name }) => `${namespace}/${name}`),
    ['demo/c', 'demo/d', 'default/a', 'default/b', 'default/e'],
  );
});

const good = service('good', '[{ port: 80 }]');

/** A document behind a good one, and the beginning of what is said of it. */
const wrong: readonly (readonly [text: string, problem: string])[] = [
  ['- a\n', 'mesh.d/0.yaml:6: : expected an object with apiVersion, kind and metadata, got ["a"]'],
  ['just words\n', 'mesh.d/0.yaml:6: : expected an object with apiVersion, kind and metadata, got'],
  [
    service('Web', '[{ port: 80 }]'),
    'Service demo/Web in mesh.d/0.yaml:8: metadata.name: expected a name: lower-case',
  ],
  [
    service('web.x', '[{ port: 80 }]'),
    'Service demo/web.x in mesh.d/0.yaml:8: metadata.name: expected a lower-case DNS label',
  ],
  [
    service('web', '[{ port: -1 }]'),
    'Service demo/web in mesh.d/0.yaml:9: spec.ports[0].port: expected a port from 1 to ' +
      '65535, got -1',
  ],
  [
    service('web', '[{ port: 0 }]'),
    'Service demo/web in mesh.d/0.yaml:9: spec.ports[0].port: expected a port from 1 to ' +
      '65535, got 0',
  ],
  [service('web', '[]'), 'Service demo/web in mesh.d/0.yaml:9: spec.ports: expected at least one'],
  [
    service('web', '[{ port: 1 }, { port: 2 }]'),
    'Service demo/web in mesh.d/0.yaml:9: spec.ports[1].name: expected a name of its own',
  ],
  [
    service('web', '[{ name: a, port: 1 }, { name: b, port: 1 }]'),
    'Service demo/web in mesh.d/0.yaml:9: spec.ports[1].port: expected a port that is not there',
  ],
  [
    service('web', '[{ port: 1 }]', '{ config.linkerd.io/opaque-ports: "80-" }'),
    'Service demo/web in mesh.d/0.yaml:8: metadata.annotations.config.linkerd.io/opaque-ports: exp',
  ],
  [
    service('good', '[{ port: 81 }]'),
    'Service demo/good in mesh.d/0.yaml:6: : it is there already: ' +
      'Service demo/good in mesh.d/0.yaml:1',
  ],
  [
    'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\n',
    'Deployment default/web in mesh.d/0.yaml:7: kind: expected a kind that is known',
  ],
  ['apiVersion: v1\nkind: Service\nkind: Service\n', 'mesh.d/0.yaml:8: kind: it is there twice'],
  [
    'apiVersion: v1\nkind: service\nmetadata: { name: x }\n',
    'service default/x in mesh.d/0.yaml:7: kind: expected a kind that is known, and v1 has none ' +
      'of this name, got "service"; did you mean Service?',
  ],
  [
    'apiVersion: apps/v1\nkind: Service\nmetadata: { name: x }\n',
    'Service default/x in mesh.d/0.yaml:6: apiVersion: expected v1 for this kind, got "apps/v1"',
  ],
  [
    'apiVersion: v1\nkind: HTTPRoute\nmetadata: { name: x }\n',
    'HTTPRoute default/x in mesh.d/0.yaml:6: apiVersion: expected ' +
      'gateway.networking.k8s.io/... or policy.linkerd.io/... for this kind, got "v1"',
  ],
  ['apiVersion: v1\nkind: List\nitem: []\n', 'mesh.d/0.yaml:6: items: expected a list of objects'],
  [
    'apiVersion: v1\nkind: Service\napiVersion: v1\n',
    'mesh.d/0.yaml:8: apiVersion: it is there twice; objects are separated by ---',
  ],
  [
    service('web', '[{ port: "80" }]'),
    'Service demo/web in mesh.d/0.yaml:9: spec.ports[0].port: expected a port from 1 to ' +
      '65535 without quotes, got "80"',
  ],
  [
    'apiVersion: v1\nkind: Service\nmetadata: { name: x }\nspec: { type: ExternalName }\n',
    'Service default/x in mesh.d/0.yaml:9: spec.type: expected ClusterIP, NodePort or LoadBalancer',
  ],
];

for (const [text, problem] of wrong) {
  test(`refuses ${JSON.stringify(text.slice(0, 60))} alone`, () => {
    const [first] = problems(`${good}---\n${text}`);
    assert.ok(first?.startsWith(problem), first);
    const { services } = merge(`${good}---\n${text}`);
    assert.deepEqual(
      services.map(({ name, port }) => `${name}:${port}`),
      ['good:80'],
    );
  });
}

test('what is no YAML, or empty, takes its file with it', () => {
  for (const text of [`${good}---\n a: [`, '', '  \n', `${good}---\na: *b\n`]) {
    const parsed = parseManifests('mesh.d/x.yaml', text);
    assert.equal(parsed.isWhole, false, text);
    assert.equal(parsed.problems.length, 1);
    assert.match(parsed.problems[0].object, /^mesh\.d\/x\.yaml/);
  }
  const level = (name: string, of: string) => `${name}: &${name} [${`*${of}, `.repeat(9)}*${of}]\n`;
  const bomb = `a: &a [1]\n${level('b', 'a')}${level('c', 'b')}${level('d', 'c')}`;
  assert.equal(parseManifests('mesh.d/x.yaml', bomb).isWhole, false);
});

test('of an object that is wrong now, the last good one stays; one that is gone goes', () => {
  const read = (text: string) => parseManifests('mesh.d/x.yaml', text);
  const ports = (merged: ReturnType<typeof merge>) => merged.services.map(({ port }) => port);
  const first = mergeManifests([read(service('web', '[{ port: 80 }]'))], noManifests, 100);
  const broken = mergeManifests([read(service('web', '[{ port: 0 }]'))], first, 100);
  assert.deepEqual(ports(broken), [80]);
  assert.equal(broken.problems.length, 1);
  assert.deepEqual(ports(mergeManifests([read('# none\n')], broken, 100)), []);
});

test('more objects than may be are refused, and the first ones stay', () => {
  const file = parseManifests(
    'x',
    [1, 2, 3].map((at) => service(`a${at}`, '[{ port: 1 }]')).join('---\n'),
  );
  const merged = mergeManifests([file], noManifests, 2);
  assert.equal(merged.services.length, 2);
  assert.match(merged.problems[0].reason, /more than 2 objects/);
});

const policy = (apiVersion: string, kind: string, spec: string, name = 'p') =>
  `apiVersion: ${apiVersion}
kind: ${kind}
metadata: { name: ${name}, namespace: demo }
spec: ${spec}
`;

test('a route refuses the service that it is attached to', () => {
  const parents = `{ parentRefs: [{ name: web, kind: Service, group: core, port: 80 },
    { name: users, kind: Service, namespace: other }, { name: gw }] }`;
  for (const kind of ['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute']) {
    const { refusals, problems: found } = merge(
      policy('gateway.networking.k8s.io/v1', kind, parents),
    );
    assert.deepEqual(found, []);
    assert.deepEqual(
      refusals.services.map(({ namespace, name, port }) => [namespace, name, port]),
      [
        ['demo', 'web', 80],
        ['other', 'users', null],
      ],
    );
    assert.match(refusals.services[0].reason, new RegExp(`^${kind} demo/p has no effect`));
  }
});

test('a ServiceProfile refuses the service whose name it has', () => {
  const profile = policy(
    'linkerd.io/v1alpha2',
    'ServiceProfile',
    '{}',
    'web.demo.svc.cluster.local',
  );
  const [refusal] = merge(profile).refusals.services;
  assert.deepEqual([refusal.namespace, refusal.name, refusal.port], ['demo', 'web', null]);
  assert.equal(problems(policy('linkerd.io/v1alpha2', 'ServiceProfile', '{}', 'web')).length, 1);
});

test('a Server refuses its port, unless it lets everybody in and nothing else asks more', () => {
  const server = (spec: string) => policy('policy.linkerd.io/v1beta3', 'Server', spec, 's');
  const inbound = (...texts: string[]) =>
    merge(...texts).refusals.inbound.map(({ namespace, port }) => `${namespace} ${port}`);
  assert.deepEqual(inbound(server('{ podSelector: {}, port: 8080 }')), ['demo 8080']);
  assert.deepEqual(inbound(server('{ port: http }')), ['demo null']);
  const open = server('{ port: 8080, accessPolicy: all-unauthenticated }');
  assert.deepEqual(inbound(open), []);
  assert.deepEqual(
    inbound(server('{ port: 1, accessPolicy: all-unauthenticated, proxyProtocol: gRPC }')),
    ['demo 1'],
  );
  const limit = policy(
    'policy.linkerd.io/v1alpha1',
    'HTTPLocalRateLimitPolicy',
    '{ targetRef: { name: s } }',
  );
  assert.deepEqual(inbound(open, limit), ['demo 8080']);
  const route = policy(
    'policy.linkerd.io/v1beta3',
    'HTTPRoute',
    '{ parentRefs: [{ kind: Server, name: s }] }',
  );
  assert.deepEqual(inbound(open, route), ['demo 8080']);
  assert.equal(problems(server('{ port: -1 }')).length, 1);
});

test('an EgressNetwork that denies is kept, who is let in changes nothing', () => {
  const egress = (spec: string) => policy('policy.linkerd.io/v1alpha1', 'EgressNetwork', spec);
  assert.equal(merge(egress('{ trafficPolicy: Deny }')).refusals.egress[0].namespace, 'demo');
  assert.deepEqual(merge(egress('{ trafficPolicy: Allow }')).refusals.egress, []);
  const permissions = [
    ['policy.linkerd.io/v1alpha1', 'AuthorizationPolicy'],
    ['policy.linkerd.io/v1beta1', 'ServerAuthorization'],
    ['policy.linkerd.io/v1alpha1', 'MeshTLSAuthentication'],
    ['policy.linkerd.io/v1alpha1', 'NetworkAuthentication'],
  ].map(([version, kind]) => policy(version, kind, '{}'));
  const { refusals, problems: found, objects } = merge(...permissions);
  assert.deepEqual([refusals.inbound, refusals.services, found, objects], [[], [], [], 4]);
});
