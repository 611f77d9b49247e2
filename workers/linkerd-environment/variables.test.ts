/**
 * Goal: every variable of Linkerd's proxy is read by the syntax that the page gives it, and the
 * empty text is what it is for Linkerd. Method: a complete environment with one variable changed.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ProxySettings } from '../../api/settings.ts';
import { read, type Settings, settingsOf } from '../../test/support/linkerd-variables.ts';
import { environmentRows } from '../linkerd-environment.ts';

/** What the empty text is: the empty list or something else that is taken, or a mistake. */
type Empty = 'taken' | 'refused';

interface Case {
  readonly good?: string;
  readonly sets?: Settings;
  readonly bad?: string;
  readonly empty: Empty;
}

const time = (sets: Settings): Case => ({ good: ' 20s', sets, bad: '20', empty: 'refused' });
const number = (sets: Settings): Case => ({ good: '70000', sets, bad: '-1', empty: 'refused' });
const yes = (sets: Settings): Case => ({ good: 'true', sets, bad: 'True', empty: 'refused' });
const unset: Case = { empty: 'taken' };
const at = { host: '::1', port: 1 };

function directionCases(prefix: string, key: 'inboundOnly' | 'outboundOnly') {
  const only = (value: ProxySettings['inboundOnly']): Settings => ({ [key]: value });
  const http2 = `${prefix}_SERVER_HTTP2`;
  return {
    [`${prefix}_HTTP_QUEUE_CAPACITY`]: number(only({ queueRequestsMax: 70_000 })),
    [`${prefix}_HTTP_FAILFAST_TIMEOUT`]: time(only({ failfastTimeoutMs: 20_000 })),
    [`${prefix}_DETECT_TIMEOUT`]: time(only({ detectTimeoutMs: 20_000 })),
    [`${prefix}_CONNECT_TIMEOUT`]: time(only({ connectTimeoutMs: 20_000 })),
    [`${prefix}_DISCOVERY_IDLE_TIMEOUT`]: time(only({ discoveryIdleMs: 20_000 })),
    [`${prefix}_MAX_IN_FLIGHT`]: number(only({ inFlightMax: 70_000 })),
    [`${prefix}_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT`]: time(only({ poolIdleTimeoutMs: 20_000 })),
    [`${prefix}_ACCEPT_KEEPALIVE`]: time(only({ acceptKeepAliveMs: 20_000 })),
    [`${prefix}_CONNECT_KEEPALIVE`]: time(only({ connectKeepAliveMs: 20_000 })),
    [`${prefix}_ACCEPT_USER_TIMEOUT`]: time(only({ acceptUserTimeoutMs: 20_000 })),
    [`${prefix}_CONNECT_USER_TIMEOUT`]: time(only({ connectUserTimeoutMs: 20_000 })),
    [`${prefix}_TCP_LISTEN_BACKLOG`]: {
      ...number(only({ listenBacklog: 100 })),
      good: '100',
    },
    [`${http2}_ADAPTIVE_FLOW_CONTROL`]: yes({}),
    [`${http2}_MAX_CONCURRENT_STREAMS`]: {
      ...number(only({ http2MaxConcurrentStreams: 100 })),
      good: '100',
    },
    [`${http2}_MAX_FRAME_SIZE`]: {
      ...number(only({ http2MaxFrameSize: 20_000 })),
      good: '20000',
    },
    [`${http2}_MAX_HEADER_LIST_SIZE`]: {
      ...number(only({ http2MaxHeaderListSize: 20_000 })),
      good: '20000',
    },
    [`${http2}_MAX_PENDING_ACCEPT_RESET_STREAMS`]: number({}),
    [`${http2}_MAX_SEND_BUF_SIZE`]: number({}),
    // Together with others, below.
    ...Object.fromEntries(
      ['_INITIAL_STREAM_WINDOW_SIZE', '_INITIAL_CONNECTION_WINDOW_SIZE'].map((end) => [
        http2 + end,
        number({}),
      ]),
    ),
    [`${http2}_KEEP_ALIVE_INTERVAL`]: time({}),
    [`${http2}_KEEP_ALIVE_TIMEOUT`]: time({}),
    ...backoffCases(`${prefix}_CONNECT`),
  };
}

/** None of the three may stand alone. */
function backoffCases(prefix: string): Record<string, Case> {
  const ends = ['MIN', 'MAX', 'JITTER'];
  const bad = { bad: '1s', empty: 'refused' } as const;
  return Object.fromEntries(ends.map((end) => [`${prefix}_EXP_BACKOFF_${end}`, bad]));
}

const cases: Readonly<Record<string, Case>> = {
  OUTBOUND_LISTEN_ADDR: { good: '[::1]:1', sets: { outbound: at }, bad: 'a:1', empty: 'refused' },
  OUTBOUND_LISTEN_ADDRS: {
    good: '127.0.0.1:2,[::1]:1',
    sets: { outbound: { host: '127.0.0.1', port: 2 }, outboundSecond: at },
    bad: '127.0.0.1:1,127.0.0.1:2,127.0.0.1:3',
    empty: 'refused',
  },
  INBOUND_LISTEN_ADDR: { good: '[::1]:1', sets: { inbound: at }, bad: '4143', empty: 'refused' },
  ADMIN_LISTEN_ADDR: { good: '[::1]:1', sets: { admin: at }, bad: '1.2.3:1', empty: 'refused' },
  CONTROL_LISTEN_ADDR: { good: '[::]:4190', sets: {}, bad: '::', empty: 'refused' },
  TAP_SVC_NAME: { good: 'tap.linkerd-viz', sets: {}, bad: 'a b', empty: 'refused' },
  SHUTDOWN_ENDPOINT_ENABLED: yes({ adminShutdown: true }),
  SHUTDOWN_GRACE_PERIOD: time({ graceMs: 20_000 }),
  METRICS_RETAIN_IDLE: time({ metricsRetainMs: 20_000 }),
  DNS_MIN_TTL: time({ dnsMinTtlMs: 20_000 }),
  DNS_MAX_TTL: time({ dnsMaxTtlMs: 20_000 }),
  CORES: { good: '3', sets: { workers: 3 }, empty: 'taken' },
  CORES_MIN: { good: '2', sets: { workers: 2 }, empty: 'taken' },
  CORES_MAX: { good: '4', sets: { workers: 4 }, empty: 'taken' },
  CORES_MAX_RATIO: { good: '0.25', sets: { workers: 2 }, empty: 'taken' },
  LOG: { good: 'linkerd=debug', sets: { logLevel: 'linkerd=debug' }, empty: 'taken' },
  LOG_FORMAT: { good: 'JSON', sets: { logFormat: 'json' }, empty: 'taken' },
  ACCESS_LOG: { good: 'Apache', sets: { accessLog: 'apache' }, empty: 'taken' },
  ...directionCases('INBOUND', 'inboundOnly'),
  ...directionCases('OUTBOUND', 'outboundOnly'),
  OUTBOUND_TCP_QUEUE_CAPACITY: number({}),
  OUTBOUND_TCP_FAILFAST_TIMEOUT: time({ outboundOnly: { opaqueFailfastTimeoutMs: 20_000 } }),
  MAX_IDLE_CONNS_PER_ENDPOINT: number({ inboundOnly: { poolIdleMax: 70_000 } }),
  OUTBOUND_MAX_IDLE_CONNS_PER_ENDPOINT: number({ outboundOnly: { poolIdleMax: 70_000 } }),
  HTTP2_INITIAL_STREAM_WINDOW_SIZE: number({ http2InitialStreamWindowSize: 70_000 }),
  HTTP2_INITIAL_CONNECTION_WINDOW_SIZE: number({ http2InitialConnectionWindowSize: 70_000 }),
  INGRESS_MODE: yes({ ingressMode: true, informationalHeaders: false }),
  OUTBOUND_DISABLE_INFORMATIONAL_HEADERS: yes({ informationalHeaders: false }),
  OUTBOUND_METRICS_HOSTNAME_LABELS: yes({}),
  INBOUND_METRICS_AUTHORITY_LABELS: { good: 'UNSAFE', sets: {}, bad: 'true', empty: 'taken' },
  DESTINATION_SVC_ADDR: {
    good: '127.0.0.1:1',
    sets: { control: '127.0.0.1:1', controlServerName: '' },
    bad: 'nowhere',
    empty: 'refused',
  },
  DESTINATION_SVC_NAME: {
    good: 'x.linkerd',
    sets: { controlServerName: 'x.linkerd' },
    bad: 'X!',
    empty: 'refused',
  },
  POLICY_SVC_ADDR: {
    good: '[::1]:1',
    sets: { controlPolicy: '[::1]:1', controlPolicyServerName: '' },
    bad: '10.0.0.1',
    empty: 'refused',
  },
  POLICY_SVC_NAME: {
    good: 'x.linkerd',
    sets: { controlPolicyServerName: 'x.linkerd' },
    bad: '1.2.3.4',
    empty: 'refused',
  },
  POLICY_WORKLOAD: { good: 'demo:web-1', sets: { workload: 'demo:web-1' }, empty: 'taken' },
  POLICY_CLUSTER_NETWORKS: {
    good: '10.0.0.0/8, fd00::/8',
    sets: { clusterNetworks: ['10.0.0.0/8', 'fd00::/8'] },
    bad: '10.0.0.0',
    empty: 'taken',
  },
  IDENTITY_SVC_ADDR: {
    good: 'localhost.:2',
    sets: { controlIdentity: 'localhost.:2' },
    bad: ':1',
    empty: 'refused',
  },
  // Not looked at: the controller is on this machine.
  IDENTITY_SVC_NAME: { good: 'not a name', sets: {}, empty: 'taken' },
  IDENTITY_DIR: {
    good: '/other',
    sets: { identityDir: '/other', stateDir: '/other/heddle' },
    bad: 'a\0b',
    empty: 'refused',
  },
  IDENTITY_TRUST_ANCHORS: { bad: 'no PEM', empty: 'refused' },
  IDENTITY_TOKEN_FILE: { good: '/t', sets: { identityToken: '/t' }, empty: 'refused' },
  IDENTITY_LOCAL_NAME: {
    good: 'a.b.c',
    sets: { identity: 'a.b.c' },
    bad: 'A.b',
    empty: 'refused',
  },
  // Not looked at beside the local name.
  IDENTITY_SERVER_ID: unset,
  IDENTITY_SERVER_NAME: unset,
  IDENTITY_DISABLED: { bad: 'true', empty: 'taken' },
  IDENTITY_MIN_REFRESH: time({ identityRefreshMinMs: 20_000 }),
  IDENTITY_MAX_REFRESH: time({ identityRefreshMaxMs: 20_000 }),
  IDENTITY_SPIRE_WORKLOAD_API_ADDRESS: { bad: 'unix:///run/spire.sock', empty: 'refused' },
  IDENTITY_SPIRE_SOCKET: { bad: 'unix:///run/spire.sock', empty: 'refused' },
  ...backoffCases('IDENTITY_SPIRE'),
  DESTINATION_CONTEXT: { good: '{}', sets: { destinationContext: '{}' }, empty: 'taken' },
  DESTINATION_PROFILE_SUFFIXES: {
    good: 'Svc.local, .',
    sets: { profileSuffixes: ['svc.local.', '.'] },
    bad: 'a..b',
    empty: 'taken',
  },
  DESTINATION_PROFILE_NETWORKS: {
    good: '::/0',
    sets: { profileNetworks: ['::/0'] },
    bad: '10.0.0.0/33',
    empty: 'taken',
  },
  DESTINATION_PROFILE_INITIAL_TIMEOUT: time({}),
  CONTROL_STREAM_INITIAL_TIMEOUT: {
    ...time({ controlStreamInitialMs: 20_000 }),
    empty: 'taken',
  },
  CONTROL_STREAM_IDLE_TIMEOUT: { ...time({ controlStreamIdleMs: 20_000 }), empty: 'taken' },
  CONTROL_STREAM_LIFETIME: { ...time({ controlStreamLifetimeMs: 20_000 }), empty: 'taken' },
  INBOUND_PORTS: {
    good: '80, 8000-8010,',
    sets: {
      inboundPorts: [
        [80, 80],
        [8000, 8010],
        [4191, 4191],
      ],
    },
    bad: '80-79',
    empty: 'taken',
  },
  INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION: {
    good: '25',
    sets: { inboundOpaquePorts: [[25, 25]] },
    bad: '70000',
    empty: 'taken',
  },
  INBOUND_DEFAULT_POLICY: {
    good: 'deny',
    sets: { inboundDefaultPolicy: 'deny' },
    bad: 'cluster-authenticated',
    empty: 'refused',
  },
  INBOUND_IPS: {
    good: '10.0.0.1,FD00::1',
    sets: { inboundIps: ['10.0.0.1', 'fd00::1'] },
    bad: '10.0.0.1, 10.0.0.2',
    empty: 'refused',
  },
  INBOUND_GATEWAY_SUFFIXES: {
    good: 'svc.cluster.local',
    sets: {
      gatewaySuffixes: ['svc.cluster.local.'],
      inboundPorts: [
        [4191, 4191],
        [4143, 4143],
      ],
    },
    bad: '*',
    empty: 'taken',
  },
  INBOUND_PORTS_REQUIRE_IDENTITY: { good: 'x', sets: {}, empty: 'taken' },
  INBOUND_PORTS_REQUIRE_TLS: { good: 'x', sets: {}, empty: 'taken' },
  TRACE_COLLECTOR_SVC_ADDR: { good: '127.0.0.1:1', sets: {}, bad: 'a', empty: 'refused' },
  TRACE_COLLECTOR_SVC_NAME: { bad: 'collector.demo', empty: 'refused' },
  TRACE_SERVICE_NAME: { good: 'x', sets: {}, empty: 'taken' },
  TRACE_EXTRA_ATTRIBUTES: { good: 'x', sets: {}, empty: 'taken' },
  TRACE_ATTRIBUTES_PATH: { good: '/nowhere', sets: {}, empty: 'taken' },
  TRACE_PROTOCOL: { good: 'x', sets: {}, empty: 'taken' },
  TRACE_ANNOTATIONS_PATH: { good: 'x', sets: {}, empty: 'taken' },
};

/** Those have no prefix, and nobody reads them yet. */
const foreign = ['OTEL_RESOURCE_ATTRIBUTES', 'HOSTNAME'];
const prefix = 'LINKERD2_PROXY_';

describe('every variable', () => {
  it('is in the table once, and here', () => {
    const names = environmentRows.map((row) => row.name.replace(prefix, ''));
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual(names.toSorted(), [...Object.keys(cases), ...foreign].toSorted());
  });

  for (const [name, { good, sets = {}, bad, empty }] of Object.entries(cases)) {
    it(name, () => {
      if (good !== undefined) assertHas(settingsOf({ [name]: good }), sets);
      const isTold = (text: string): boolean =>
        read({ [name]: text }).problems.some((problem) => problem.includes(name));
      if (bad !== undefined) assert.ok(isTold(bad), `${JSON.stringify(bad)} is taken`);
      assert.equal(isTold(''), empty === 'refused', 'the empty text');
    });
  }
});

function assertHas(settings: Settings, expected: Settings): void {
  for (const [key, value] of Object.entries(expected)) {
    const found = settings[key as keyof ProxySettings];
    if (key === 'inboundOnly' || key === 'outboundOnly') {
      assert.deepEqual({ ...(found as object), ...(value as object) }, found);
    } else assert.deepEqual(found, value);
  }
}
