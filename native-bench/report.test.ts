/**
 * Goal: tables say which way a ratio goes, name what is missing, and goals judge the right cells.
 * Method: made-up samples whose figures can be followed by hand.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Comparison, Figure, Measured, Outcome, Sample } from './bench.ts';
import { fillSection } from './docs.ts';
import { judgeGoals } from './goals.ts';
import { renderMarkdown, renderText } from './report.ts';
import type { Result } from './results.ts';

const machine = {
  cpu: 'x',
  cores: 2,
  memoryGb: 4,
  system: 'x',
  kernel: 'x',
  node: 'x',
  commit: 'x',
};

function measured(subject: string, ...cpuMicros: number[]): Measured {
  return { subject, samples: cpuMicros.map(sample) };
}

function sample(cpuMicros: number): Sample {
  return {
    cpuMicros,
    unitsPerSecond: 10,
    busy: 1,
    p50Micros: 1,
    p99Micros: 2,
    rssBytes: 2e6,
    anonBytes: 1e6,
    errors: 0,
  };
}

function comparison(over: Partial<Comparison>, ...rows: Measured[]): Comparison {
  const base = { kind: 'comparison', title: 't', unit: 'request', ratio: 'peers' } as const;
  return { ...base, measured: rows, missing: [], ...over };
}

function result(scenario: string, ...outcomes: Outcome[]): Result {
  return { scenario, command: 'c', takenAt: 'now', machine, outcomes };
}

test('CPU per request is ours by the peer, growth is the variant by the first', () => {
  const rows = [measured('ours (1)', 12, 24), measured('nginx', 10, 20)];
  const peers = renderText(comparison({}, ...rows));
  assert.match(peers, /ours \(1\) \/ this/);
  assert.match(peers, /nginx .* 1\.20 \(1\.20-1\.20\)/);
  const growth = renderText(comparison({ ratio: 'growth' }, ...rows));
  assert.match(growth, /this \/ ours \(1\)/);
  assert.match(growth, /nginx .* 0\.83 \(0\.83-0\.83\)/);
});

test('a transfer is bytes by CPU, so less CPU is a higher ratio', () => {
  const rows = [measured('ours (1)', 500_000), measured('haproxy', 600_000)];
  const text = renderText(comparison({ unit: 'GB' }, ...rows));
  assert.match(text, /ours \(1\) +2\.00/);
  assert.match(text, /haproxy +1\.67 .* 1\.20/);
});

test('handshakes are counted by CPU-second as well, without digits', () => {
  const rows = [measured('ours pair', 1_000), measured('envoy pair', 2_000)];
  const text = renderText(comparison({ unit: 'handshake' }, ...rows));
  assert.match(text, /handshakes per CPU-second .* handshakes\/s/);
  assert.match(text, /envoy pair +500 \(500-500\) +2\.00/);
});

test('latency and shared connections are columns where they were looked at', () => {
  const plain = { ...sample(5), p50Micros: 0 };
  const bulk = { subject: 'ours (1)', samples: [plain] };
  assert.doesNotMatch(renderText(comparison({ unit: 'GB' }, bulk)), /p50|to origin|errors/);
  const shared = { subject: 'ours (1)', samples: [{ ...sample(5), originConnections: 4 }] };
  const text = renderText(comparison({}, shared));
  assert.match(text, /p50 us +p99 us +RSS MB +RssAnon MB +to origin +errors/);
  assert.match(text, /ours \(1\) .* 4 +0$/m);
});

test('what was not measured is named in both forms, also when nothing was', () => {
  const outcome = comparison({ missing: [{ name: 'envoy', reason: 'no envoy here' }] });
  for (const text of [renderText(outcome), renderMarkdown(outcome)]) {
    assert.match(text, /not measured: envoy: no envoy here/);
  }
});

test('a goal is met, missed or not measured', () => {
  const http1 = comparison({}, measured('ours (1)', 14), measured('nginx', 10));
  const opaque = comparison({ unit: 'GB' }, measured('ours (1)', 5), measured('haproxy', 6));
  const names = ['workers 1, idle, RssAnon', 'workers 0, idle, RssAnon'];
  const figures = names.map((name) => ({ name, unit: 'MB', values: [25] }) as const);
  const memory = { kind: 'figures', title: 'm', figures, missing: [] } as const;
  const h2 = comparison({}, measured('ours (1)', 5), measured('haproxy', 4), measured('envoy', 9));
  const workers = comparison(
    { ratio: 'growth' },
    measured('ours (1)', 10),
    measured('ours (0)', 8),
    measured('ours (2)', 13),
  );
  const timed = (p50Micros: number, p99Micros: number): Sample => {
    return { ...sample(1), p50Micros, p99Micros };
  };
  const slow = comparison(
    { title: 'beside slow streams, ours (1)' },
    { subject: 'ours (1), 0 slow', samples: [timed(10, 50), timed(12, 60)] },
    { subject: 'ours (1), 100 slow', samples: [timed(11, 61), timed(11, 65)] },
  );
  const rise = { name: 'ours (1), its greatest rise', unit: 'MB', values: [3, 4] } as const;
  const long = { kind: 'figures', title: 'l', figures: [rise], missing: [] } as const;
  const results = [
    result('http1', http1),
    result('h2', h2),
    result('h2-workers', workers),
    result('slow-streams', slow),
    result('long-stream', long),
    result('opaque', opaque),
    result('memory', memory),
  ];
  const judged = judgeGoals(results)
    .filter(({ goal }) => !isOfMesh.test(goal))
    .map(({ goal, met }) => [goal.slice(0, 30), met]);
  assert.deepEqual(judged, judgedOfAll);
});

test('goals of pairs are judged by their tables, latency by the round', () => {
  const timed = (cpuMicros: number, p50Micros: number, p99Micros: number): Sample => {
    return { ...sample(cpuMicros), p50Micros, p99Micros };
  };
  const single = comparison(
    { title: 'mesh: HTTP/1.1 in and out, 1 connection' },
    { subject: 'ours pair', samples: [timed(9, 10, 50), timed(9, 12, 70)] },
    { subject: 'envoy pair', samples: [timed(9, 10, 40), timed(9, 24, 60)] },
  );
  const many = comparison(
    { title: 'mesh: HTTP/1.1 in and out, 64 connections' },
    measured('ours pair', 7, 8),
    measured('envoy pair', 10, 20),
  );
  const bulk = comparison(
    { unit: 'GB' },
    measured('ours pair', 10),
    measured('haproxy pair', 7),
    measured('envoy pair', 9),
  );
  const added = (side: string, megabytes: number): Figure => {
    const name = `ours pair, ${side} proxy: 1000 connections add`;
    return { name, unit: 'MB', values: [megabytes] };
  };
  const memory: Outcome = {
    kind: 'figures',
    title: 'm',
    figures: [added("client's", 60), added("server's", 80)],
    missing: [],
  };
  const rotation = comparison(
    { title: 'mesh: a rotation, ours pair', ratio: 'growth' },
    { subject: 'none', samples: [timed(1, 5, 50), timed(1, 5, 60)] },
    { subject: 'one', samples: [timed(1, 5, 58), timed(1, 5, 61)] },
  );
  const results = [
    result('mesh-http1', single, many),
    result('mesh-bulk', bulk),
    result('mesh-memory', memory),
    result('mesh-rotation', rotation),
  ];
  const judged = judgeGoals(results)
    .filter(({ goal }) => isOfMesh.test(goal))
    .map(({ figure, met }) => [figure, met]);
  assert.deepEqual(judged, [
    ['0.55 (0.40-0.70)', 'yes'],
    ['0.75 (0.50-1.00)', 'yes'],
    ['1.21 (1.17-1.25)', 'no'],
    ['0.70 (0.70-0.70)', 'no'],
    ['60.0 (60.0-60.0)', 'yes'],
    ['80.0 (80.0-80.0)', 'no'],
    ['-', 'not measured'],
    ['0.99 (0.97-1.02)', 'yes'],
  ]);
});

test('growth is judged beside the growth of nginx', () => {
  const at = (ours: number, nginx: number): Comparison =>
    comparison({}, measured('ours (1)', ours), measured('nginx', nginx));
  const goal = (last: Comparison): string | undefined =>
    judgeGoals([result('growth', at(10, 10), at(50, 50), last)]).find((one) =>
      one.goal.startsWith('64 to 5000'),
    )?.met;
  assert.equal(goal(at(21, 20)), 'yes');
  assert.equal(goal(at(23, 20)), 'no');
});

test('growth over endpoints is judged alone and beside that of nginx', () => {
  const of = (peer: string, one: number, thousand: number): Comparison => ({
    ...comparison({ ratio: 'growth' }, measured('1', one), measured('1000', thousand)),
    title: `growth: endpoints, ${peer}`,
  });
  const judged = judgeGoals([result('endpoints', of('ours', 10, 18), of('nginx', 10, 20))]);
  const goals = judged.filter(({ goal }) => goal.startsWith('1 to 1000 endpoints'));
  assert.deepEqual(
    goals.map(({ figure, met }) => [figure.slice(0, 4), met]),
    [
      ['1.80', 'no'],
      ['0.90', 'yes'],
    ],
  );
});

test('only the part between the markers is replaced', () => {
  const [begin, end] = ['<!-- results: begin -->', '<!-- results: end -->'];
  const filled = fillSection(`a\n${begin}\nold\n${end}\nb\n`, 'new');
  assert.equal(filled, `a\n${begin}\n\nnew\n${end}\nb\n`);
  assert.equal(fillSection(filled, 'new'), filled);
  assert.throws(() => fillSection('no markers', 'new'), /needs <!-- results: begin -->/);
});

test('a growth is set beside that of nginx, and of nobody else', () => {
  const ours = comparison(
    { title: 'growth: endpoints, ours', ratio: 'growth' },
    measured('1 endpoint', 10),
    measured('1000 endpoints', 30),
  );
  const nginx = { ...ours, title: 'growth: endpoints, nginx' };
  const judge = (...outcomes: Outcome[]): string[] =>
    judgeGoals([result('endpoints', ...outcomes)])
      .slice(-2)
      .map(({ met }) => met);
  assert.deepEqual(judge(ours, nginx), ['no', 'yes']);
  assert.deepEqual(judge(ours), ['no', 'not measured']);
  assert.deepEqual(judge(nginx), ['not measured', 'not measured']);
});

const isOfMesh = /^mesh|mTLS|leaves|rotation/;

const judgedOfAll = [
  ['HTTP/1.1 CPU per request: at m', 'no'],
  ['HTTP/1.1 CPU per request: at m', 'not measured'],
  ['HTTP/2 CPU per request: at mos', 'no'],
  ['HTTP/2 CPU per request: at mos', 'yes'],
  ['RssAnon, HTTP/2, 16 x 32 strea', 'yes'],
  ['HTTP/2 CPU per request, 0 work', 'yes'],
  ['HTTP/2 CPU per request, 2 work', 'no'],
  ['100 slow streams, p50 of other', 'yes'],
  ['100 slow streams, p99 of other', 'no'],
  ['one stream of 1 GiB: RssAnon r', 'yes'],
  ['control plane, 10 000 watches:', 'not measured'],
  ['control plane: a change at the', 'not measured'],
  ['control plane: RSS at most 300', 'not measured'],
  ['control plane: all back within', 'not measured'],
  ['control plane: no watch ended ', 'not measured'],
  ['control plane: a change of hed', 'not measured'],
  ['control plane: one without a n', 'not measured'],
  ['control plane: a changed manif', 'not measured'],
  ['heddle up: ready within 1 s, f', 'not measured'],
  ['a change of 1000 endpoints is ', 'not measured'],
  ['RssAnon idle, connected to a c', 'not measured'],
  ['10 000 services that a proxy d', 'not measured'],
  ['opaque TCP: at least 1.0 x HAP', 'yes'],
  ['start: ready within 200 ms, on', 'not measured'],
  ["start of the image's sidecar: ", 'not measured'],
  ['RssAnon idle, one worker: at m', 'yes'],
  ['RssAnon, 1000 connections at 1', 'not measured'],
  ['RssAnon idle, --workers 0: at ', 'no'],
  ['64 to 5000 connections: growth', 'not measured'],
  ['1 to 1000 services, one asked:', 'not measured'],
  ['1 to 1000 services, all asked:', 'not measured'],
  ['1 to 1000 services, all asked:', 'not measured'],
  ['1 to 1000 endpoints: at most 1', 'not measured'],
  ['1 to 1000 endpoints: growth at', 'not measured'],
];
