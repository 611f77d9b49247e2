/**
 * The settings of a proxy without a configuration file, ready-made: reading an empty one would take
 * a process. A test holds them against what reading yields.
 */

import type { Address, ProxySettings } from '../../api/settings.ts';
import * as limits from '../../core/base/limits.ts';
import type { LoadedConfig } from './loaded-config.ts';
import { defaultWorkload } from './workload.ts';

/** Where inbound listens once it is said where its traffic goes. */
export const inboundDefault: Address = { host: '0.0.0.0', port: 4143 };

/** What the environment of a sidecar may say and no configuration file does. */
export const environmentSettings = {
  controlPolicy: '',
  controlIdentity: '',
  controlServerName: '',
  controlPolicyServerName: '',
  controlIdentityServerName: '',
  destinationContext: '',
  profileSuffixes: ['.'],
  profileNetworks: ['0.0.0.0/0', '::/0'],
  identityServerName: '',
  inboundPorts: [],
  inboundOpaquePorts: [],
  inboundDefaultPolicy: 'all-unauthenticated',
  clusterNetworks: [],
  gatewaySuffixes: [],
  poolIdleMax: limits.poolConnectionsMax,
  opaqueFailfastTimeoutMs: 0,
  connectBackoffMinMs: limits.shutMinMs,
  connectBackoffMaxMs: limits.shutMaxMs,
  inboundOnly: {},
  outboundOnly: {},
  dnsMinTtlMs: 0,
  dnsMaxTtlMs: 0,
} as const satisfies Partial<ProxySettings>;

const defaultSettings: ProxySettings = {
  ...environmentSettings,
  control: '',
  workload: defaultWorkload,
  stateDir: '',
  identity: '',
  identityToken: '',
  identityDir: '',
  identityTrustAnchors: '',
  identityRefreshMinMs: limits.identityRefreshMinMs,
  identityRefreshMaxMs: limits.identityRefreshMaxMs,
  requireIdentity: false,
  outboundTransportMode: 'transport-header',
  controlStreamInitialMs: limits.controlStreamInitialMs,
  controlStreamIdleMs: limits.controlStreamIdleMs,
  controlStreamLifetimeMs: limits.controlStreamLifetimeMs,
  outbound: { host: '127.0.0.1', port: 4140 },
  outboundSecond: null,
  inbound: null,
  inboundTo: null,
  originalDestination: 'off',
  inboundIps: [],
  ingressMode: false,
  informationalHeaders: true,
  admin: { host: '127.0.0.1', port: 4191 },
  binds: [],
  workers: 'auto',
  accept: 'transfer',
  maxConnections: limits.maxConnectionsDefault,
  passthrough: 'refuse',
  allowRemote: false,
  headBytesMax: limits.headBytesMax,
  headFieldsMax: limits.headFieldsMax,
  headTimeoutMs: limits.headTimeoutMs,
  bodyIdleTimeoutMs: limits.bodyIdleTimeoutMs,
  clientIdleTimeoutMs: limits.clientIdleTimeoutMs,
  connectTimeoutMs: limits.connectTimeoutMs,
  responseTimeoutMs: limits.responseTimeoutMs,
  poolIdleTimeoutMs: limits.poolIdleTimeoutMs,
  poolConnectionsMax: limits.poolConnectionsMax,
  http2InitialStreamWindowSize: limits.http2InitialStreamWindowBytes,
  http2InitialConnectionWindowSize: limits.http2InitialConnectionWindowBytes,
  http2MaxConcurrentStreams: limits.http2ConcurrentStreamsMax,
  http2MaxFrameSize: limits.http2MaxFrameBytes,
  http2MaxHeaderListSize: limits.headBytesMax,
  http2KeepAliveIntervalMs: limits.http2KeepAliveIntervalMs,
  http2KeepAliveTimeoutMs: limits.http2KeepAliveTimeoutMs,
  http2IdleTimeoutMs: limits.http2IdleTimeoutMs,
  http2ConnectionAgeMs: limits.http2ConnectionAgeMs,
  queueRequestsMax: limits.queueRequestsMax,
  failfastTimeoutMs: limits.failfastTimeoutMs,
  inFlightMax: limits.inFlightMax,
  detectTimeoutMs: limits.detectTimeoutMs,
  acceptKeepAliveMs: 0,
  connectKeepAliveMs: 0,
  acceptUserTimeoutMs: 0,
  connectUserTimeoutMs: 0,
  listenBacklog: limits.listenBacklogMax,
  announceMs: 5_000,
  graceMs: 30_000,
  drain: 'patient',
  metricsRetainMs: limits.seriesRetainMs,
  logLevel: 'info',
  logFormat: 'plain',
  accessLog: 'off',
  adminShutdown: false,
};

/** What an empty file would say. */
export const defaultConfig: LoadedConfig = {
  path: '',
  digest: '',
  settings: defaultSettings,
  trustDomain: 'mesh.local',
  spiffe: false,
  clusterDomain: 'cluster.local',
  services: [],
  manifests: null,
  proxyProblems: [],
};
