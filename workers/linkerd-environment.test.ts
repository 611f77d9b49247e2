/**
 * Goal: the environment of a Linkerd proxy as a whole: its defaults, what is read together, and
 * what is said of mistakes. Method: a complete environment with few variables changed.
 */

import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { least, ownName, pem, read, settingsOf } from '../test/support/linkerd-variables.ts';

test('what is not set is as with Linkerd', () => {
  const { settings, problems, warnings, notes } = read({});
  assert.deepEqual([problems, warnings, notes], [[], [], []]);
  assert.deepEqual(settings, {
    originalDestination: 'redirect',
    passthrough: 'allow',
    inboundTo: null,
    announceMs: 0,
    outbound: { host: '127.0.0.1', port: 4140 },
    outboundSecond: null,
    inbound: { host: '0.0.0.0', port: 4143 },
    admin: { host: '127.0.0.1', port: 4191 },
    adminShutdown: false,
    graceMs: 120_000,
    metricsRetainMs: 600_000,
    workers: 1,
    logLevel: 'linkerd=info,hickory=error,warn',
    logFormat: 'plain',
    accessLog: 'off',
    http2InitialStreamWindowSize: 65_535,
    http2InitialConnectionWindowSize: 1_048_576,
    ingressMode: false,
    informationalHeaders: true,
    control: 'dst.linkerd.svc.cluster.local.:8086',
    controlServerName: 'dst.linkerd',
    controlPolicy: '10.0.0.1:8090',
    controlPolicyServerName: 'policy.linkerd',
    controlIdentity: 'localhost.:8080',
    controlIdentityServerName: '',
    workload: '{"ns":"demo","pod":"web-1"}',
    identity: ownName,
    identityDir: '/id',
    stateDir: '/id/heddle',
    identityToken: '/token',
    identityTrustAnchors: pem,
    identityRefreshMinMs: 10_000,
    identityRefreshMaxMs: 86_400_000,
    profileSuffixes: ['svc.cluster.local.'],
    profileNetworks: [],
    inboundPorts: [[4191, 4191]],
    inboundDefaultPolicy: 'all-unauthenticated',
    inboundOnly: {
      queueRequestsMax: 10_000,
      failfastTimeoutMs: 1_000,
      detectTimeoutMs: 10_000,
      connectTimeoutMs: 300,
      connectBackoffMinMs: 100,
      connectBackoffMaxMs: 10_000,
      inFlightMax: 100_000,
      poolIdleTimeoutMs: 3_000,
      poolIdleMax: 10_000,
      discoveryIdleMs: 90_000,
    },
    outboundOnly: {
      queueRequestsMax: 10_000,
      failfastTimeoutMs: 3_000,
      detectTimeoutMs: 10_000,
      connectTimeoutMs: 1_000,
      connectBackoffMinMs: 100,
      connectBackoffMaxMs: 60_000,
      inFlightMax: 100_000,
      poolIdleTimeoutMs: 3_000,
      poolIdleMax: 10_000,
      discoveryIdleMs: 5_000,
      opaqueFailfastTimeoutMs: 3_000,
    },
  });
});

test('every mistake is told at once, with what was expected and what was there', () => {
  const { problems } = read({
    POLICY_SVC_ADDR: undefined,
    INBOUND_CONNECT_TIMEOUT: '5',
    INGRESS_MODE: 'yes',
    IDENTITY_TRUST_ANCHORS: 'x'.repeat(100),
  });
  assert.deepEqual(problems.toSorted(), [
    'LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS: expected trust anchors in PEM, the text itself, got ' +
      `"${'x'.repeat(64)}…"`,
    'LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT: expected a time such as 500ms, 10s, 5m, 1h or 1d, ' +
      'got "5"',
    'LINKERD2_PROXY_INGRESS_MODE: expected true or false, got "yes"',
    'LINKERD2_PROXY_POLICY_SVC_ADDR is missing: policies are asked for there; set it to ' +
      'host:port or IP:port',
  ]);
});

for (const name of Object.keys(least)) {
  // Without it there is a warning; and the controller of identities is on this machine.
  if (name === 'INBOUND_DEFAULT_POLICY') continue;
  test(`${name} is required`, () => {
    const { problems } = read({ [name]: undefined });
    assert.match(problems.join('; '), new RegExp(`LINKERD2_PROXY_${name} is missing: `));
  });
}

describe('variables that are read together', () => {
  it('backoff: both ends or none, and the lower one first', () => {
    const [min, max, jitter] = ['MIN', 'MAX', 'JITTER'].map(
      (end) => `OUTBOUND_CONNECT_EXP_BACKOFF_${end}`,
    );
    const both = settingsOf({ [min]: '1s', [max]: '2s', [jitter]: '0.5' }).outboundOnly;
    assert.deepEqual([both?.connectBackoffMinMs, both?.connectBackoffMaxMs], [1_000, 2_000]);
    const wrong: readonly (readonly [object, RegExp])[] = [
      [{ [min]: '3s', [max]: '2s' }, /MIN is more than OUTBOUND_CONNECT_EXP_BACKOFF_MAX/],
      [{ [min]: '0', [max]: '0' }, /MAX: expected a time above 0/],
      [{ [jitter]: '0.1' }, /JITTER: expected _MIN and _MAX together/],
      [{ [min]: '1s', [max]: '2s', [jitter]: '-1' }, /JITTER: expected a number from 0 to 100/],
    ];
    for (const [variables, reason] of wrong) {
      assert.match(read({ ...variables }).problems.join(), reason);
    }
  });

  it('windows and keep-alive of servers: both, or no effect', () => {
    const base = 'INBOUND_SERVER_HTTP2';
    const { settings, warnings } = read({
      [`${base}_INITIAL_STREAM_WINDOW_SIZE`]: '80000',
      [`${base}_INITIAL_CONNECTION_WINDOW_SIZE`]: '2000000',
      [`${base}_KEEP_ALIVE_INTERVAL`]: '10s',
      [`${base}_KEEP_ALIVE_TIMEOUT`]: '3s',
    });
    assert.deepEqual(warnings, []);
    assert.equal(settings.inboundOnly?.http2InitialStreamWindowSize, 80_000);
    assert.equal(settings.inboundOnly?.http2InitialConnectionWindowSize, 2_000_000);
    assert.equal(settings.inboundOnly?.http2ServerKeepAliveIntervalMs, 10_000);
    assert.equal(settings.inboundOnly?.http2ServerKeepAliveTimeoutMs, 3_000);
    const alone = read({
      [`${base}_INITIAL_STREAM_WINDOW_SIZE`]: '80000',
      [`${base}_KEEP_ALIVE_TIMEOUT`]: '3s',
    });
    assert.equal(alone.settings.inboundOnly?.http2InitialStreamWindowSize, undefined);
    assert.equal(alone.settings.inboundOnly?.http2ServerKeepAliveTimeoutMs, undefined);
    assert.match(
      alone.warnings.join('\n'),
      /STREAM_WINDOW_SIZE has no effect without [\s\S]*TIMEOUT/,
    );
    // `true` outweighs the windows, whatever they are.
    const adaptive = read({
      [`${base}_ADAPTIVE_FLOW_CONTROL`]: 'true',
      [`${base}_INITIAL_STREAM_WINDOW_SIZE`]: 'x',
    });
    assert.deepEqual(adaptive.problems, []);
    assert.equal(adaptive.warnings.length, 1);
  });

  it('a controller that is not on this machine has a name, a collector as well', () => {
    const reason = /_NAME is missing: who answers at \S+ proves it/;
    for (const base of ['DESTINATION', 'POLICY', 'IDENTITY', 'TRACE_COLLECTOR']) {
      const addresses = ['a.b:1', 'localhost:1', '10.0.0.1:1'];
      for (const address of addresses) {
        const names = { [`${base}_SVC_ADDR`]: address, [`${base}_SVC_NAME`]: undefined };
        assert.match(read(names).problems.join(), reason, `${base} ${address}`);
      }
      for (const address of ['127.9.9.9:1', '[::1]:1', 'localhost.:1']) {
        const names = { [`${base}_SVC_ADDR`]: address, [`${base}_SVC_NAME`]: '' };
        assert.deepEqual(read(names).problems, []);
      }
    }
  });

  it('watches: each time is at most the next', () => {
    const times = (initial: string, idle: string, lifetime: string) =>
      read({
        CONTROL_STREAM_INITIAL_TIMEOUT: initial,
        CONTROL_STREAM_IDLE_TIMEOUT: idle,
        CONTROL_STREAM_LIFETIME: lifetime,
      }).problems.join();
    assert.equal(times('3s', '3s', '3s'), '');
    assert.equal(times('3s', '', '1h'), '');
    assert.match(times('4s', '3s', '1h'), /INITIAL_TIMEOUT: expected at most .*IDLE_TIMEOUT, 3000/);
    assert.match(times('3s', '2h', '1h'), /IDLE_TIMEOUT: expected at most .*LIFETIME/);
    assert.match(times('2h', '', '1h'), /INITIAL_TIMEOUT: expected at most .*LIFETIME/);
  });

  it('an identity may be named by id and server name, which are the same', () => {
    const names = (id?: string, server?: string) =>
      read({
        IDENTITY_LOCAL_NAME: undefined,
        IDENTITY_SERVER_ID: id,
        IDENTITY_SERVER_NAME: server,
      });
    assert.equal(names('a.b', 'a.b').settings.identity, 'a.b');
    assert.match(names('a.b', 'c.d').problems.join(), /SERVER_ID: expected the same as .*, c\.d/);
    assert.match(names('a.b').problems.join(), /SERVER_NAME is missing/);
    assert.match(names('spiffe://a/b', 'a.b').problems.join(), /SERVER_ID: expected a DNS name/);
  });

  it('SPIRE is refused with one sentence, and not for what it does not need', () => {
    const { problems } = read({
      IDENTITY_SPIRE_SOCKET: 'unix:///run/spire.sock',
      IDENTITY_SVC_ADDR: undefined,
      IDENTITY_DIR: undefined,
      IDENTITY_TOKEN_FILE: undefined,
      IDENTITY_LOCAL_NAME: undefined,
      IDENTITY_SERVER_ID: 'spiffe://root.example/web',
      IDENTITY_SERVER_NAME: 'web.demo',
    });
    assert.equal(problems.length, 1);
    assert.match(problems[0], /^LINKERD2_PROXY_IDENTITY_SPIRE_SOCKET: SPIRE is not supported yet/);
  });

  it('policies of clusters need their networks', () => {
    for (const policy of ['cluster-unauthenticated', 'audit']) {
      const alone = read({ INBOUND_DEFAULT_POLICY: policy });
      assert.match(alone.problems.join(), /DEFAULT_POLICY: \S+ needs POLICY_CLUSTER_NETWORKS/);
      const networks = { POLICY_CLUSTER_NETWORKS: '10.0.0.0/8' };
      const { inboundDefaultPolicy } = settingsOf({ INBOUND_DEFAULT_POLICY: policy, ...networks });
      assert.equal(inboundDefaultPolicy, policy);
    }
    const open = read({ INBOUND_DEFAULT_POLICY: undefined });
    assert.deepEqual(open.problems, []);
    assert.match(open.warnings.join(), /INBOUND_DEFAULT_POLICY is not set/);
  });

  it('the minimum outweighs the maximum of a refresh', () => {
    const { identityRefreshMaxMs } = settingsOf({ IDENTITY_MAX_REFRESH: '1s' });
    assert.equal(identityRefreshMaxMs, 10_000);
  });

  it('informational fields are as ingress mode is, unless it is said', () => {
    const told = settingsOf({
      INGRESS_MODE: 'true',
      OUTBOUND_DISABLE_INFORMATIONAL_HEADERS: 'false',
    });
    assert.equal(told.informationalHeaders, true);
  });
});

test('files of an identity have to be there; what cannot be written keeps nothing', () => {
  const { problems } = read({}, { '/id/csr.der': 'is empty', '/token': 'is not there' });
  assert.deepEqual(problems, [
    'LINKERD2_PROXY_IDENTITY_DIR: /id/csr.der is empty',
    'LINKERD2_PROXY_IDENTITY_TOKEN_FILE: /token is not there',
  ]);
  const { settings, warnings } = read({}, { '/id': 'read-only' });
  assert.equal(settings.stateDir, 'off');
  assert.match(warnings.join(), /IDENTITY_DIR cannot be written/);
});

test('outbound that others reach is said so', () => {
  const { settings, warnings } = read({ OUTBOUND_LISTEN_ADDR: '0.0.0.0:4140' });
  assert.equal(settings.allowRemote, true);
  assert.match(warnings.join(), /OUTBOUND_LISTEN_ADDR: other machines may send/);
});

test('what is beyond the bounds of Heddle becomes the bound, with a warning', () => {
  const { settings, warnings, problems } = read({
    INBOUND_SERVER_HTTP2_MAX_CONCURRENT_STREAMS: '1000',
    OUTBOUND_CONNECT_TIMEOUT: '0',
    SHUTDOWN_GRACE_PERIOD: '0',
  });
  assert.deepEqual(problems, []);
  assert.equal(settings.inboundOnly?.http2MaxConcurrentStreams, 250);
  assert.equal(settings.outboundOnly?.connectTimeoutMs, 1);
  assert.equal(settings.graceMs, 0);
  assert.deepEqual(warnings.toSorted(), [
    'LINKERD2_PROXY_INBOUND_SERVER_HTTP2_MAX_CONCURRENT_STREAMS: 1000 is beyond what Heddle can ' +
      'do; it uses 250',
    'LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT: 0 is beyond what Heddle can do; it uses 1',
  ]);
});

test('workers are as many as cores are asked for and there are', () => {
  const rows: readonly (readonly [object, number, warned?: RegExp])[] = [
    [{}, 1],
    [{ CORES: '2' }, 2],
    [{ CORES: '2', CORES_MIN: '3' }, 3],
    [{ CORES_MIN: '20' }, 8],
    [{ CORES_MIN: '2', CORES_MAX: '4' }, 4],
    [{ CORES_MIN: '4', CORES_MAX: '2' }, 4],
    [{ CORES_MAX: '2', CORES_MAX_RATIO: '1.0' }, 2],
    [{ CORES_MAX_RATIO: '0.3' }, 2],
    [{ CORES_MAX_RATIO: '0.01' }, 1],
    [{ CORES: '0' }, 1, /CORES is no whole number above 0/],
    [{ CORES_MAX: 'many' }, 1, /CORES_MAX is no whole/],
    [{ CORES_MAX_RATIO: '1.5' }, 1, /CORES_MAX_RATIO is no number above 0, up to 1/],
  ];
  for (const [variables, workers, warned = /^$/] of rows) {
    const { settings, warnings } = read({ ...variables });
    assert.equal(settings.workers, workers, JSON.stringify(variables));
    assert.match(warnings.join(), warned);
  }
});

test('what concerns the log is no reason not to start', () => {
  const { settings, problems, notes } = read({
    LOG: 'info,what=ever=,[{request}]=off',
    LOG_FORMAT: 'xml',
    ACCESS_LOG: 'combined',
  });
  assert.deepEqual(problems, []);
  assert.deepEqual(notes, [
    'LINKERD2_PROXY_LOG: "what=ever=" is no directive; expected level, target or target=level; ' +
      'it has no effect',
    'LINKERD2_PROXY_ACCESS_LOG: expected apache or json, got "combined"',
  ]);
  const { logLevel, logFormat, accessLog } = settings;
  assert.deepEqual([logLevel, logFormat, accessLog], ['[{request}]=off,info', 'plain', 'off']);
  const silent = settingsOf({ LOG: 'OFF', ACCESS_LOG: 'json' });
  assert.deepEqual([silent.logLevel, silent.accessLog], ['off', 'json']);
  const quiet = settingsOf({ LOG: 'linkerd=off', ACCESS_LOG: 'json' });
  assert.deepEqual([quiet.logLevel, quiet.accessLog], ['linkerd=off', 'json']);
});

test('what is for later is warned about once, and only when it is asked for', () => {
  const { problems, warnings } = read({
    CONTROL_LISTEN_ADDR: '0.0.0.0:4190',
    TRACE_SERVICE_NAME: 'web',
    TRACE_COLLECTOR_SVC_ADDR: 'collector.demo:4317',
    TRACE_COLLECTOR_SVC_NAME: 'collector.demo',
    TAP_SVC_NAME: 'tap.linkerd-viz',
    OUTBOUND_METRICS_HOSTNAME_LABELS: 'false',
    INBOUND_METRICS_AUTHORITY_LABELS: 'unsafe',
  });
  assert.deepEqual(problems, []);
  assert.deepEqual(warnings, [
    'LINKERD2_PROXY_TAP_SVC_NAME: tap is not supported yet',
    'LINKERD2_PROXY_INBOUND_METRICS_AUTHORITY_LABELS: such labels are not there yet',
    'LINKERD2_PROXY_TRACE_COLLECTOR_SVC_ADDR: tracing is not supported yet',
  ]);
});

test('an unknown variable is told of when it looks like a known one', () => {
  const { problems, warnings } = read({
    INBOUND_CONECT_TIMEOUT: '1s',
    shutdown_endpoint_enabled: 'true',
    // Not near to any.
    SHUTDOWN_GRACE: '1s',
    FUTURE: 'x',
    ['X'.repeat(10_000)]: 'x',
  });
  assert.deepEqual(problems, []);
  assert.deepEqual(warnings, [
    'LINKERD2_PROXY_INBOUND_CONECT_TIMEOUT is not known and has no effect; ' +
      'did you mean LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT?',
    'LINKERD2_PROXY_shutdown_endpoint_enabled is not known and has no effect; ' +
      'did you mean LINKERD2_PROXY_SHUTDOWN_ENDPOINT_ENABLED?',
  ]);
});
