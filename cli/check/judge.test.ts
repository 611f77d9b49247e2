/**
 * Goal: each trouble of a mesh is told by its own check, and each check has a section that helps.
 * Method: facts of a mesh that is well, one trouble at a time; the headings of docs/CHECKS.md.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  type Changes,
  checksOf,
  metrics,
  nowMs,
  status,
  target,
  troubles,
  web,
} from '../../test/support/check-facts.ts';
import type { ControlFacts } from './facts.ts';

const watch = { key: 'host:web', api: 'outbound', phase: 'live', ageMs: 1_000, error: '' };

const failing = { ...watch, phase: 'backing-off', error: 'UNAVAILABLE: x' };

test('a mesh that is well has no trouble, and says what was looked at', () => {
  assert.deepEqual(troubles({}), []);
  assert.deepEqual(
    checksOf().map(({ description }) => description),
    [
      '/m/heddle.yaml is valid',
      '127.0.0.1:8086 answers',
      '127.0.0.1:8086 has read its sources',
      '127.0.0.1:8086 has settled after its start',
      "the clock of 127.0.0.1:8086 agrees with this machine's",
      'config /m/heddle.yaml: 2 objects, confirmed 9s ago',
      'registry: 1 object',
      'no object is refused',
      'endpoints of services are confirmed (1)',
      'services have endpoints',
      'proxies answer on their admin ports (1)',
      'proxies are ready (1)',
      'proxies refuse nothing of their configuration files',
      'watches of proxies are live (1)',
      'no target of theirs is refused',
      'joined instances serve (1)',
      'certificates of mesh.local can be signed',
      'trust anchors are valid, for 90d',
      'the issuer is valid, for 27d',
      'no rotation is under way',
      'proxies are certified (1)',
      'certificates of proxies are refreshed in time (1)',
      'all have the same trust anchors (1 proxies)',
      "clocks of proxies agree with this machine's (1)",
      'control planes are at version 1.2.3, as this command is',
      'proxies are at version 1.2.3, as this command is',
      'Node 26.10.0 is recent enough',
      'file descriptors suffice',
      'workers are alive',
    ],
  );
});

test('each check has a section of docs/CHECKS.md, and each section a check', () => {
  const page = readFileSync(new URL('../../docs/CHECKS.md', import.meta.url), 'utf8');
  const sections = [...page.matchAll(/^### (.+)$/gm)].map(([, title]) => {
    return title.toLowerCase().replaceAll(' ', '-');
  });
  const used = new Set<string>(checksOf().map(({ anchor }) => anchor));
  assert.deepEqual([...used], sections);
});

type Row = [changes: Changes, told: string[]];

const [config, registry] = status.sources;
const [instance] = status.instances;
const silent = { silence: 'connect ECONNREFUSED', targets: null, samples: [], certificate: null };

const controlTroubles: readonly Row[] = [
  [{ problems: ['a', 'b'] }, ['error configuration-is-valid: a | b']],
  [
    { status: { sources: [{ ...config, confirmedMs: null }, registry] } },
    [
      'error control-plane-is-ready: config /m/heddle.yaml has not been read yet',
      'error sources-are-confirmed: never read',
    ],
  ],
  [
    { status: { sources: [{ ...config, error: 'line 3: no' }] } },
    ['error sources-are-confirmed: line 3: no'],
  ],
  [
    { status: { settlingMs: 7_001 } },
    [
      'warning control-plane-has-settled: ' +
        'for another 8 s it answers Unavailable for names that it does not know',
    ],
  ],
  [
    {
      status: {
        problems: [{ object: 'Service demo/web in a.yaml:3', field: 'ports', reason: 'x' }],
      },
    },
    ['error no-object-is-refused: Service demo/web in a.yaml:3: ports: x'],
  ],
  [
    { services: [{ ...web, confirmedMs: null, error: 'NXDOMAIN', endpoints: [] }] },
    ['error endpoints-are-confirmed: web.demo.svc.cluster.local:80: NXDOMAIN'],
  ],
  [
    { services: [{ ...web, error: 'NXDOMAIN' }] },
    [
      'warning endpoints-are-confirmed: ' +
        'web.demo.svc.cluster.local:80: NXDOMAIN; those of 61s ago serve',
    ],
  ],
  [
    { services: [{ ...web, endpoints: [] }] },
    ['warning services-have-endpoints: web.demo.svc.cluster.local:80 has none'],
  ],
  [
    { control: { services: { reason: 'INTERNAL: x' } } },
    ['warning endpoints-are-confirmed: INTERNAL: x'],
  ],
];

const proxyTroubles: readonly Row[] = [
  [{ proxies: [silent] }, ['error proxies-answer: web.demo: connect ECONNREFUSED']],
  [{ proxies: [{ unready: 'not ready' }] }, ['error proxies-are-ready: web.demo: not ready']],
  [
    { proxies: [{ problems: ['heddle.yaml:3:5: x', 'heddle.yaml:9:1: y'] }] },
    [
      'error proxies-apply-their-configuration: ' +
        'web.demo: heddle.yaml:3:5: x | web.demo: heddle.yaml:9:1: y',
    ],
  ],
  [
    { proxies: [{ targets: [{ ...target, source: 'disk' }] }] },
    ['warning watches-are-live: web.demo: web.demo.svc.cluster.local:80 is from disk, 2m old'],
  ],
  [
    { proxies: [{ targets: [{ ...target, source: 'srv', ageMs: null, error: 'NXDOMAIN' }] }] },
    [
      'warning watches-are-live: ' +
        'web.demo: web.demo.svc.cluster.local:80 is from srv, - old: NXDOMAIN',
    ],
  ],
  [
    { proxies: [{ watches: [watch, failing, { ...failing, api: 'profile', ageMs: 2_000 }] }] },
    [
      'warning watches-are-live: ' +
        'web.demo: host:web (outbound) and 1 more, for 2s: UNAVAILABLE: x',
    ],
  ],
  [
    { proxies: [{ targets: [{ ...target, authority: '', refusal: 'no TLS yet' }] }] },
    ['error no-target-is-refused: web.demo: host:web: no TLS yet'],
  ],
  [
    {
      status: {
        instances: [
          { ...instance, serving: false },
          { ...instance, connected: false },
        ],
      },
    },
    [
      'warning instances-serve: web.demo at 127.0.0.1:4143 takes no traffic | ' +
        'web.demo at 127.0.0.1:4143 has lost its stream, and leaves soon',
    ],
  ],
  [
    { status: { version: '1.3.0' } },
    ['warning control-planes-have-this-version: 127.0.0.1:8086 is at 1.3.0'],
  ],
  [
    { proxies: [{ version: '1.1.0' }] },
    ['warning proxies-have-this-version: web.demo is at 1.1.0'],
  ],
  [{ own: { node: '26.7.9' } }, ['error node-is-recent: Heddle needs 26.8 or later']],
  [
    { own: { descriptorLimit: 256 } },
    ['warning descriptors-suffice: a process that is started here may open 256 files only'],
  ],
  [
    { proxies: [{ samples: metrics({ process_open_fds: 900, process_max_fds: 1024 }) }] },
    ['warning descriptors-suffice: web.demo has 900 of 1024 open'],
  ],
  [
    { proxies: [{ samples: metrics({ heddle_workers: 1 }) }] },
    ['error workers-are-alive: web.demo has 1 of 2'],
  ],
  [
    { proxies: [{ workers: null, samples: metrics({ heddle_workers: 0 }) }] },
    ['error workers-are-alive: web.demo has 0 of at least 1'],
  ],
  [
    { proxies: [{ samples: metrics({ heddle_workers: 2, heddle_workers_stuck_total: 1 }) }] },
    ['error workers-are-alive: web.demo has 1 that cannot be ended, and drains'],
  ],
];

test('each trouble is told once, by its own check', () => {
  const rows = [...controlTroubles, ...proxyTroubles];
  for (const [changes, expected] of rows) assert.deepEqual(troubles(changes), expected);
  const used = new Set(
    rows.flatMap(([, lines]) => lines.map((line) => /\S+(?=:)/.exec(line)?.[0])),
  );
  const told = new Set<string>(checksOf().map(({ anchor }) => anchor));
  assert.deepEqual(
    [...told].filter((anchor) => !used.has(anchor) && !ofIdentity.test(anchor)),
    ['control-plane-answers', 'clocks-agree'],
  );
});

/** `judge-identity.test.ts` has them. */
const ofIdentity = /certif|trust-anchors|issuer|rotation|clocks-of-proxies/;

test('of a control plane that does not answer only that is told', () => {
  const reason = { reason: 'UNAVAILABLE: x' };
  const control = { status: reason, services: reason, authority: reason };
  const silent = checksOf({ control, proxies: [] });
  assert.deepEqual(
    silent.map(({ anchor, result }) => `${result} ${anchor}`),
    [
      'success configuration-is-valid',
      'error control-plane-answers',
      'success node-is-recent',
      'success descriptors-suffice',
    ],
  );
});

test('clocks may differ by what a question takes, then by a second, then by 20', () => {
  const rows: [Partial<ControlFacts>, number | null, string[]][] = [
    [{ askedMs: nowMs - 4_000, answeredMs: nowMs + 4_000 }, nowMs + 3_999, []],
    [{}, nowMs + 1_004, []],
    [{}, nowMs + 1_500, ["warning clocks-agree: its clock is 1.5 s ahead of this machine's"]],
    [{}, nowMs - 1_500, ["warning clocks-agree: its clock is 1.5 s behind this machine's"]],
    [{}, nowMs - 25_000, ["error clocks-agree: its clock is 25.0 s behind this machine's"]],
    [{}, nowMs + 25_004, ["error clocks-agree: its clock is 25.0 s ahead of this machine's"]],
    // Where it does not say, a stamp from the future tells.
    [{}, null, []],
    [
      { askedMs: nowMs - 60_000, answeredMs: nowMs - 59_000 },
      null,
      ["error clocks-agree: its clock is 50.0 s ahead of this machine's"],
    ],
  ];
  for (const [stamps, time, expected] of rows) {
    const control = { status: { value: { ...status, nowMs: time } }, ...stamps };
    assert.deepEqual(troubles({ control }), expected);
  }
});

test('what is not known of others is not held against them', () => {
  const linkerds = { version: '', workers: null, samples: metrics({ process_open_fds: 10 }) };
  assert.deepEqual(troubles({ proxies: [{ ...linkerds, targets: null }] }), []);
  const named = { ...watch, phase: 'backing-off', error: 'NOT_FOUND: no such service' };
  assert.deepEqual(troubles({ proxies: [{ watches: [watch, named] }] }), []);
  const unmeshed = { ...target, source: 'unmeshed', error: 'no such service' };
  assert.deepEqual(troubles({ proxies: [{ targets: [unmeshed] }] }), []);
  const inline = { workers: 0, samples: metrics({ heddle_workers: 0 }) };
  assert.deepEqual(troubles({ proxies: [inline] }), []);
});
