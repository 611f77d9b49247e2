/**
 * The settings of a proxy process as plain data, the same in main and in every worker. The
 * configuration file's `proxy:` section and the command line become this; docs/CONFIG.md lists it.
 */

export interface Address {
  /** An IPv4 or IPv6 address, no name. */
  readonly host: string;
  readonly port: number;
}

/** A port of its own on which an application reaches one service. */
export interface BindSettings {
  readonly address: Address;
  /** Canonical name with port, for example `db.default.svc.cluster.local:5432`. */
  readonly authority: string;
}

export interface ProxySettings {
  /** `host:port` of control planes, comma-separated; empty: the configuration file says it all. */
  readonly control: string;
  /** Who the proxy is for, as the control plane wants it: `{"ns":"demo","pod":"web-1"}`. */
  readonly workload: string;
  /** Where what a control plane said last is kept; `off`: nowhere. */
  readonly stateDir: string;
  /**
   * Who the proxy proves to be: `web.demo` or the whole name; empty: nobody, and then it neither
   * encrypts nor verifies.
   */
  readonly identity: string;
  /** A file with the token that gives the right to it; read anew for each certification. */
  readonly identityToken: string;
  /** A folder with `key.p8` and `csr.der`, ready-made; empty: the proxy makes its own key. */
  readonly identityDir: string;
  /** A PEM file of trust anchors; empty: those whose digest the token pins. */
  readonly identityTrustAnchors: string;
  readonly identityRefreshMinMs: number;
  readonly identityRefreshMaxMs: number;
  /** Endpoints that prove no identity are not spoken to. */
  readonly requireIdentity: boolean;
  /** `transport-header`: to the peer's inbound port; `transparent`: to the port that is meant. */
  readonly outboundTransportMode: 'transport-header' | 'transparent';
  readonly controlStreamInitialMs: number;
  readonly controlStreamIdleMs: number;
  readonly controlStreamLifetimeMs: number;
  readonly outbound: Address | null;
  readonly inbound: Address | null;
  /** Where inbound traffic goes; required when `inbound` is set. */
  readonly inboundTo: Address | null;
  readonly admin: Address | null;
  readonly binds: readonly BindSettings[];
  /** 0 runs the worker's code in the main thread. */
  readonly workers: 'auto' | number;
  readonly accept: 'transfer' | 'reuseport';
  readonly maxConnections: number;
  /** `allow`: a name that no service has goes to where DNS says. */
  readonly passthrough: 'refuse' | 'allow';
  readonly allowRemote: boolean;
  readonly headBytesMax: number;
  readonly headFieldsMax: number;
  readonly headTimeoutMs: number;
  readonly bodyIdleTimeoutMs: number;
  readonly clientIdleTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly poolIdleTimeoutMs: number;
  readonly poolConnectionsMax: number;
  readonly http2InitialStreamWindowSize: number;
  readonly http2InitialConnectionWindowSize: number;
  readonly http2MaxConcurrentStreams: number;
  readonly http2MaxFrameSize: number;
  readonly http2MaxHeaderListSize: number;
  readonly http2KeepAliveIntervalMs: number;
  readonly http2KeepAliveTimeoutMs: number;
  readonly http2IdleTimeoutMs: number;
  readonly http2ConnectionAgeMs: number;
  readonly queueRequestsMax: number;
  readonly failfastTimeoutMs: number;
  readonly inFlightMax: number;
  readonly detectTimeoutMs: number;
  readonly announceMs: number;
  readonly graceMs: number;
  readonly logLevel: 'off' | 'error' | 'warn' | 'info' | 'debug';
  readonly logFormat: 'plain' | 'json';
  readonly accessLog: 'off' | 'json' | 'common';
  readonly adminShutdown: boolean;
}
