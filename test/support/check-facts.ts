/** Facts of a mesh that is well, for tests of `heddle check`, and what is told of them changed. */

import type { AuthorityView } from '../../cli/authority-messages.ts';
import type { CheckFacts, ControlFacts, OwnFacts, ProxyFacts } from '../../cli/check/facts.ts';
import { judgeConfig, judgeControls, judgeSources } from '../../cli/check/judge-control.ts';
import { judgeIdentity } from '../../cli/check/judge-identity.ts';
import { judgeProxies, judgeRuntime, judgeVersions } from '../../cli/check/judge-proxies.ts';
import type { Check } from '../../cli/check/report.ts';
import type { ProxyIdentity } from '../../cli/proxy-identity.ts';
import type { ProxyTarget } from '../../cli/proxy-targets.ts';
import type { ControlStatus, ServiceView } from '../../cli/view-messages.ts';
import { assert } from '../../core/base/assert.ts';
import { type Certificate, parseCertificate } from '../../core/identity/certificate.ts';
import { makeRoot } from './certificates.ts';

export const nowMs = Date.UTC(2026, 0, 1);
const dayMs = 24 * 3_600_000;

export const status: ControlStatus = {
  version: '1.2.3',
  startedMs: nowMs - 60_000,
  address: '127.0.0.1:8086',
  sources: [
    {
      kind: 'config',
      location: '/m/heddle.yaml',
      objects: 2,
      confirmedMs: nowMs - 9_000,
      error: '',
    },
    { kind: 'registry', location: '', objects: 1, confirmedMs: null, error: '' },
  ],
  problems: [],
  proxies: [],
  instances: [
    {
      instance: 'i',
      namespace: 'demo',
      service: 'web',
      address: '127.0.0.1:4143',
      serving: true,
      connected: true,
      admin: '127.0.0.1:4191',
      identity: '',
      inboundPort: 0,
    },
  ],
  services: 1,
  streams: 4,
  settlingMs: 0,
  nowMs,
};

export const web: ServiceView = {
  authority: 'web.demo.svc.cluster.local:80',
  namespace: 'demo',
  name: 'web',
  port: 80,
  protocol: 'auto',
  source: 'dns',
  location: 'web.internal',
  confirmedMs: nowMs - 61_000,
  error: '',
  version: '01234567',
  endpoints: [{ host: '127.0.0.1', port: 1, weight: 1, zone: '' }],
};

export const target: ProxyTarget = {
  target: 'host:web',
  authority: 'web.demo.svc.cluster.local:80',
  state: 'ready',
  source: 'control',
  location: '',
  ageMs: 125_000,
  error: '',
  refusal: '',
  version: '01234567',
  endpoints: [],
};

/** Ten days old of a hundred. */
export function anchorOf(ageDays = 10, lifeDays = 100): Certificate {
  const notBefore = nowMs - ageDays * dayMs;
  const { der } = makeRoot({ notBefore, notAfter: notBefore + lifeDays * dayMs });
  const read = parseCertificate(der);
  assert(read !== null, 'it is a certificate');
  return read;
}

export const authority: AuthorityView = {
  trustDomain: 'mesh.local',
  problem: '',
  isOwn: true,
  anchors: [{ certificate: anchorOf(), role: 'current' }],
  issuer: [anchorOf(3, 30)],
  bundle: 'b1',
  phase: 'idle',
  phaseSinceMs: null,
  unconfirmed: [],
  unconfirmedCount: 0,
  nowMs,
  controlEndMs: null,
};

export const certificate: ProxyIdentity = {
  name: 'web.demo.serviceaccount.identity.heddle.mesh.local',
  state: 'certified',
  startMs: nowMs - 6 * 3_600_000,
  endMs: nowMs + 18 * 3_600_000,
  issuer: 'i1',
  bundle: 'b1',
  error: '',
};

const proxy: ProxyFacts = {
  name: 'web.demo',
  service: 'web',
  namespace: 'demo',
  identity: '',
  inbound: '',
  confirmed: null,
  admin: '127.0.0.1:4191',
  version: '1.2.3',
  silence: '',
  unready: '',
  targets: [target],
  watches: [],
  workers: 2,
  problems: [],
  samples: metrics({
    heddle_workers: 2,
    process_open_fds: 100,
    process_max_fds: 1024,
    process_clock_time_seconds: nowMs / 1000,
  }),
  certificate,
  askedMs: nowMs,
  answeredMs: nowMs + 4,
};

const own: OwnFacts = { version: '1.2.3', node: '26.10.0', descriptorLimit: 100_000 };

export function metrics(values: Readonly<Record<string, number>>): ProxyFacts['samples'] {
  return Object.entries(values).map(([family, value]) => {
    return { family, series: family, labels: {}, value };
  });
}

export interface Changes {
  readonly problems?: readonly string[];
  readonly status?: Partial<ControlStatus>;
  readonly control?: Partial<ControlFacts>;
  readonly services?: readonly ServiceView[];
  readonly authority?: Partial<AuthorityView>;
  readonly proxies?: readonly Partial<ProxyFacts>[];
  readonly own?: Partial<OwnFacts>;
}

function proxyWith(change: Partial<ProxyFacts>): ProxyFacts {
  return { ...proxy, ...change };
}

export function checksOf(changes: Changes = {}): Check[] {
  const control: ControlFacts = {
    address: '127.0.0.1:8086',
    status: { value: { ...status, ...changes.status } },
    services: { value: changes.services ?? [web] },
    authority: { value: { ...authority, ...changes.authority } },
    askedMs: nowMs,
    answeredMs: nowMs + 4,
    ...changes.control,
  };
  const facts: CheckFacts = {
    config: { path: '/m/heddle.yaml', problems: changes.problems ?? [] },
    controls: [control],
    proxies: (changes.proxies ?? [{}]).map(proxyWith),
    own: { ...own, ...changes.own },
  };
  return [
    judgeConfig(facts.config),
    judgeControls(facts.controls),
    judgeSources(facts.controls, nowMs),
    judgeProxies(facts),
    judgeIdentity(facts, nowMs),
    judgeVersions(facts),
    judgeRuntime(facts),
  ].flatMap(({ checks }) => checks);
}

/** What is not well, as `mark anchor: details`. */
export function troubles(changes: Changes): string[] {
  return checksOf(changes)
    .filter(({ result }) => result !== 'success')
    .map(({ anchor, result, details }) => `${result} ${anchor}: ${details.join(' | ')}`);
}
