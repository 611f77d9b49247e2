/** Variables about the control plane: its controllers, who the proxy is, policy and discovery. */

import type { ProxySettings } from '../../api/settings.ts';
import { readBackoff } from './backoff.ts';
import {
  addresses,
  anchors,
  controller,
  duration,
  fraction,
  identityName,
  isLocalController,
  networks,
  orEmpty,
  path,
  policy,
  portSet,
  suffixes,
  text,
} from './kinds.ts';
import type { Patch, Reading } from './reading.ts';
import { ignored, member, type VariableRow, variable } from './row.ts';

export const controlRows: readonly VariableRow[] = [
  ...controllerRows('DESTINATION', 'endpoints and profiles', (control, controlServerName) => ({
    control,
    controlServerName,
  })),
  ...controllerRows('POLICY', 'policies', (controlPolicy, controlPolicyServerName) => ({
    controlPolicy,
    controlPolicyServerName,
  })),
  member(
    'POLICY_WORKLOAD',
    text,
    { usual: 'required', about: 'Who the proxy is for, in the words of the policy controller.' },
    (reading) => {
      const workload = reading.required('POLICY_WORKLOAD', text, 'policies are asked for by it');
      if (workload !== null) reading.take('POLICY_WORKLOAD', { workload });
    },
  ),
  variable(
    'POLICY_CLUSTER_NETWORKS',
    networks,
    { about: 'Whom the default policies `cluster-…` let in.' },
    (clusterNetworks) => ({ clusterNetworks }),
  ),
  ...controllerRows('IDENTITY', 'certificates', (controlIdentity, controlIdentityServerName) => ({
    controlIdentity,
    controlIdentityServerName,
  })),
  ...identityRows(),
  variable(
    'DESTINATION_CONTEXT',
    text,
    { about: 'What is said of the proxy where endpoints are asked for.' },
    (destinationContext) => ({ destinationContext }),
  ),
  variable(
    'DESTINATION_PROFILE_SUFFIXES',
    suffixes,
    { usual: 'svc.cluster.local.', about: 'Names for which profiles are asked for.' },
    (profileSuffixes) => ({ profileSuffixes }),
  ),
  variable(
    'DESTINATION_PROFILE_NETWORKS',
    networks,
    { usual: '', about: 'Addresses for which profiles are asked for.' },
    (profileNetworks) => ({ profileNetworks }),
  ),
  variable('DESTINATION_PROFILE_INITIAL_TIMEOUT', duration, {
    usual: '500ms',
    state: 'own',
    about: 'How long a profile is waited for; a fixed time here.',
  }),
  member(
    'CONTROL_STREAM_INITIAL_TIMEOUT',
    orEmpty(duration),
    {
      about:
        'How long a controller may take to say something on a new watch; empty is unset. Without ' +
        'it 3 s, where Linkerd waits for ever. Not more than the idle time.',
    },
    readStreams,
  ),
  member('CONTROL_STREAM_IDLE_TIMEOUT', orEmpty(duration), {
    about: 'How long a watch may be silent; without it 5 min. Not more than the lifetime.',
  }),
  member('CONTROL_STREAM_LIFETIME', orEmpty(duration), {
    about: 'After which a watch is begun anew; without it 1 h.',
  }),
  member(
    'INBOUND_PORTS',
    portSet,
    { about: 'Ports whose policy is known from the start; that of `ADMIN_LISTEN_ADDR` is added.' },
    readInboundPorts,
  ),
  variable(
    'INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION',
    portSet,
    { about: 'Ports that are opaque until a policy says something else.' },
    (inboundOpaquePorts) => ({ inboundOpaquePorts }),
  ),
  member(
    'INBOUND_DEFAULT_POLICY',
    policy,
    {
      usual: 'all-unauthenticated',
      about:
        'Whom a port lets in while no policy is known; `audit` lets in everybody and says so in ' +
        'the log. It and `cluster-…` need cluster networks.',
    },
    readDefaultPolicy,
  ),
  variable(
    'INBOUND_IPS',
    addresses,
    { about: 'Original destinations that inbound takes; unset: any.' },
    (inboundIps) => ({ inboundIps }),
  ),
  variable(
    'INBOUND_GATEWAY_SUFFIXES',
    suffixes,
    { about: 'Names that inbound forwards to for others; the port of inbound is watched then.' },
    (gatewaySuffixes) => ({ gatewaySuffixes }),
  ),
  ignored('INBOUND_PORTS_REQUIRE_IDENTITY', 'Set by charts.'),
  ignored('INBOUND_PORTS_REQUIRE_TLS', 'Set by charts.'),
  member(
    'TRACE_COLLECTOR_SVC_ADDR',
    controller,
    { state: 'later', about: 'Where spans go. There are none yet.' },
    (reading) => {
      if (readController(reading, 'TRACE_COLLECTOR', '') !== null) {
        reading.warn('TRACE_COLLECTOR_SVC_ADDR', 'tracing is not supported yet');
      }
    },
  ),
  member('TRACE_COLLECTOR_SVC_NAME', identityName, {
    state: 'later',
    about: 'Who the collector proves to be.',
  }),
];

function controllerRows(
  base: string,
  what: string,
  patch: (address: string, serverName: string) => Patch,
): VariableRow[] {
  return [
    member(
      `${base}_SVC_ADDR`,
      controller,
      { usual: 'required', about: `Where ${what} are asked for.` },
      (reading) => {
        const isNeeded = base !== 'IDENTITY' || !usesSpire(reading);
        const why = isNeeded ? `${what} are asked for there` : '';
        const found = readController(reading, base, why);
        if (found !== null) reading.take(`${base}_SVC_ADDR`, patch(found.address, found.name));
      },
    ),
    member(`${base}_SVC_NAME`, identityName, {
      usual: 'required',
      about: 'Who proves to be there. Not looked at for a loopback address or `localhost.`.',
    }),
  ];
}

/** `why` it is needed; empty when it is not. No `name`: it is on this machine, without TLS. */
function readController(
  reading: Reading,
  base: string,
  why: string,
): { readonly address: string; readonly name: string } | null {
  const [addressName, nameName] = [`${base}_SVC_ADDR`, `${base}_SVC_NAME`];
  if (why !== '') reading.required(addressName, controller, why);
  const address = reading.value(addressName, controller);
  if (address !== null && isLocalController(address)) return { address, name: '' };
  if (!reading.has(addressName) && reading.has(nameName)) {
    reading.refuse(addressName, `is missing, and ${nameName} is there: both, or none`);
  }
  if (address === null) return null;
  const name = reading.required(nameName, identityName, `who answers at ${address} proves it`);
  return name === null ? null : { address, name };
}

function identityRows(): VariableRow[] {
  const spire = { state: 'refused', about: 'SPIRE is not supported yet.' } as const;
  const spireBackoff = { state: 'later', about: 'For SPIRE.' } as const;
  return [
    member(
      'IDENTITY_DIR',
      path,
      {
        usual: 'required',
        about:
          'The folder with `key.p8` and `csr.der`. What the control plane said last is kept in ' +
          '`heddle` below it.',
      },
      readIdentity,
    ),
    member('IDENTITY_TRUST_ANCHORS', anchors, {
      usual: 'required',
      about: 'Whom to believe.',
    }),
    member('IDENTITY_TOKEN_FILE', path, {
      usual: 'required',
      about: 'A file with the token, read anew for each certificate.',
    }),
    member('IDENTITY_LOCAL_NAME', identityName, {
      usual: 'required',
      about: 'Who the proxy proves to be.',
    }),
    member('IDENTITY_SERVER_ID', identityName, {
      about: 'The same, together with the next, in place of `IDENTITY_LOCAL_NAME`.',
    }),
    member('IDENTITY_SERVER_NAME', identityName, {
      about: 'The server name that peers ask for; has to be the same.',
    }),
    member(
      'IDENTITY_DISABLED',
      { syntax: 'nothing' },
      { about: 'Has to be empty: a proxy without an identity is refused.', state: 'refused' },
      (reading) => {
        if ((reading.text('IDENTITY_DISABLED') ?? '') !== '') {
          reading.refuse('IDENTITY_DISABLED', 'is set, but identity cannot be disabled; unset it');
        }
      },
    ),
    variable(
      'IDENTITY_MIN_REFRESH',
      duration,
      { usual: '10s', about: 'The next certificate is not asked for sooner.' },
      (identityRefreshMinMs) => ({ identityRefreshMinMs }),
    ),
    variable(
      'IDENTITY_MAX_REFRESH',
      duration,
      { usual: '24h', about: 'And not later; the other one outweighs it.' },
      (identityRefreshMaxMs) => ({ identityRefreshMaxMs }),
    ),
    member('IDENTITY_SPIRE_WORKLOAD_API_ADDRESS', text, spire, (reading) => {
      for (const name of spireNames) if (reading.has(name)) reading.refuse(name, spireRefusal);
    }),
    member('IDENTITY_SPIRE_SOCKET', text, spire),
    member('IDENTITY_SPIRE_EXP_BACKOFF_MIN', duration, spireBackoff, (reading) => {
      readBackoff(reading, 'IDENTITY_SPIRE_EXP_BACKOFF');
    }),
    member('IDENTITY_SPIRE_EXP_BACKOFF_MAX', duration, spireBackoff),
    member('IDENTITY_SPIRE_EXP_BACKOFF_JITTER', fraction, spireBackoff),
  ];
}

function readIdentity(reading: Reading): void {
  const { problemOf, isWritable } = reading.machine;
  const needs = 'a proxy has to prove who it is';
  const pem = reading.required('IDENTITY_TRUST_ANCHORS', anchors, 'nobody is believed without');
  if (pem !== null) reading.take('IDENTITY_TRUST_ANCHORS', { identityTrustAnchors: pem });
  // It is refused, and is not to be joined by complaints about what it does not need.
  if (usesSpire(reading)) return;
  const name = readOwnName(reading);
  if (name !== null) reading.take('IDENTITY_LOCAL_NAME', { identity: name });
  const folder = reading.required('IDENTITY_DIR', path, needs);
  for (const file of folder === null ? [] : ['key.p8', 'csr.der']) {
    const problem = problemOf(`${folder}/${file}`);
    if (problem !== '') reading.refuse('IDENTITY_DIR', `${folder}/${file} ${problem}`);
  }
  if (folder !== null) {
    const stateDir = isWritable(folder) ? `${folder}/heddle` : 'off';
    if (stateDir === 'off') {
      reading.warn('IDENTITY_DIR', 'cannot be written: what is known is not kept for a restart');
    }
    reading.take('IDENTITY_DIR', { identityDir: folder, stateDir });
  }
  const token = reading.required('IDENTITY_TOKEN_FILE', path, needs);
  const problem = token === null ? '' : problemOf(token);
  if (problem !== '') reading.refuse('IDENTITY_TOKEN_FILE', `${token} ${problem}`);
  if (token !== null) reading.take('IDENTITY_TOKEN_FILE', { identityToken: token });
}

function usesSpire(reading: Reading): boolean {
  return spireNames.some((name) => reading.has(name));
}

function readOwnName(reading: Reading): string | null {
  const [idName, nameName] = ['IDENTITY_SERVER_ID', 'IDENTITY_SERVER_NAME'];
  if (reading.has('IDENTITY_LOCAL_NAME') || !(reading.has(idName) || reading.has(nameName))) {
    return reading.required('IDENTITY_LOCAL_NAME', identityName, 'a proxy has to have a name');
  }
  const why = 'both say who the proxy is';
  const id = reading.required(idName, identityName, why);
  const name = reading.required(nameName, identityName, why);
  if (id !== null && name !== null && id !== name) {
    reading.refuse(idName, `expected the same as ${nameName}, ${name}, got ${id}`);
  }
  return name;
}

function readStreams(reading: Reading): void {
  const read = (name: string): number | null => {
    const value = reading.value(`CONTROL_STREAM_${name}`, orEmpty(duration));
    return value === '' ? null : value;
  };
  const times = [
    ['INITIAL_TIMEOUT', read('INITIAL_TIMEOUT')],
    ['IDLE_TIMEOUT', read('IDLE_TIMEOUT')],
    ['LIFETIME', read('LIFETIME')],
  ] as const;
  const known = times.filter(([, ms]) => ms !== null);
  for (const [index, [name, ms]] of known.entries()) {
    const [before, beforeMs] = known[index - 1] ?? [name, ms];
    if ((beforeMs ?? 0) > (ms ?? 0)) {
      reading.refuse(
        `CONTROL_STREAM_${before}`,
        `expected at most CONTROL_STREAM_${name}, ${ms} ms, got ${beforeMs} ms`,
      );
    }
  }
  const [[, initialMs], [, idleMs], [, lifetimeMs]] = times;
  reading.take('CONTROL_STREAM_INITIAL_TIMEOUT', {
    ...(initialMs === null ? {} : { controlStreamInitialMs: initialMs }),
    ...(idleMs === null ? {} : { controlStreamIdleMs: idleMs }),
    ...(lifetimeMs === null ? {} : { controlStreamLifetimeMs: lifetimeMs }),
  });
}

/** After the listeners and the suffixes have been read. */
function readInboundPorts(reading: Reading): void {
  const ports = [...(reading.value('INBOUND_PORTS', portSet) ?? [])];
  const { admin, inbound } = reading.settings;
  const isGateway = (reading.value('INBOUND_GATEWAY_SUFFIXES', suffixes) ?? []).length > 0;
  for (const port of [admin?.port ?? 0, isGateway ? (inbound?.port ?? 0) : 0]) {
    const isThere = ports.some(([from, to]) => from <= port && port <= to);
    if (port !== 0 && !isThere) ports.push([port, port]);
  }
  reading.take('INBOUND_PORTS', { inboundPorts: ports });
}

function readDefaultPolicy(reading: Reading): void {
  const found = reading.value('INBOUND_DEFAULT_POLICY', policy);
  if (!reading.has('INBOUND_DEFAULT_POLICY')) {
    reading.warn('INBOUND_DEFAULT_POLICY', 'is not set: ports without a policy let everybody in');
  }
  const inside = reading.value('POLICY_CLUSTER_NETWORKS', networks) ?? [];
  if (found !== null && /^(cluster-|audit)/.test(found) && inside.length === 0) {
    reading.refuse('INBOUND_DEFAULT_POLICY', `${found} needs POLICY_CLUSTER_NETWORKS`);
  }
  const inboundDefaultPolicy: ProxySettings['inboundDefaultPolicy'] =
    found ?? 'all-unauthenticated';
  reading.take('INBOUND_DEFAULT_POLICY', { inboundDefaultPolicy });
}

const spireNames = ['IDENTITY_SPIRE_WORKLOAD_API_ADDRESS', 'IDENTITY_SPIRE_SOCKET'];
const spireRefusal =
  'SPIRE is not supported yet: unset it, and give the identity by IDENTITY_DIR and ' +
  'IDENTITY_TOKEN_FILE';
