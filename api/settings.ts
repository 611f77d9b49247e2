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

/** From one port to another, both inside. */
type PortRange = readonly [from: number, to: number];

/** What may be said for one direction alone; what is absent is as in the settings of both. */
interface DirectionSettings
  extends Partial<
    Pick<
      ProxySettings,
      | 'connectTimeoutMs'
      | 'detectTimeoutMs'
      | 'poolIdleTimeoutMs'
      | 'poolConnectionsMax'
      | 'poolIdleMax'
      | 'queueRequestsMax'
      | 'failfastTimeoutMs'
      | 'opaqueFailfastTimeoutMs'
      | 'inFlightMax'
      | 'http2InitialStreamWindowSize'
      | 'http2InitialConnectionWindowSize'
      | 'http2MaxConcurrentStreams'
      | 'http2MaxFrameSize'
      | 'http2MaxHeaderListSize'
      | 'http2KeepAliveIntervalMs'
      | 'http2KeepAliveTimeoutMs'
      | 'http2ServerKeepAliveIntervalMs'
      | 'http2ServerKeepAliveTimeoutMs'
      | 'acceptKeepAliveMs'
      | 'acceptUserTimeoutMs'
      | 'connectKeepAliveMs'
      | 'connectUserTimeoutMs'
      | 'listenBacklog'
      | 'connectBackoffMinMs'
      | 'connectBackoffMaxMs'
    >
  > {
  /** How long a target that is not used is watched; absent: as fits its discovery. */
  readonly discoveryIdleMs?: number;
}

/** Whom an inbound port lets in while no control plane has said it, in Linkerd's words. */
type DefaultPolicy =
  | 'all-unauthenticated'
  | 'all-authenticated'
  | 'all-tls-unauthenticated'
  | 'cluster-unauthenticated'
  | 'cluster-authenticated'
  | 'cluster-tls-unauthenticated'
  | 'audit'
  | 'deny';

export interface ProxySettings {
  /** `host:port` of control planes, comma-separated; empty: the configuration file says it all. */
  readonly control: string;
  /** Where policies and certificates are asked for; empty: at `control` too. */
  readonly controlPolicy: string;
  readonly controlIdentity: string;
  /** Who answers there by mTLS; empty: the control plane of the proxy's own trust domain. */
  readonly controlServerName: string;
  readonly controlPolicyServerName: string;
  readonly controlIdentityServerName: string;
  /** What is said of the proxy where endpoints are asked for; empty: `workload`. */
  readonly destinationContext: string;
  /** Names below which profiles are asked for, each with its final dot; `.`: all. */
  readonly profileSuffixes: readonly string[];
  /** Networks (CIDR) for whose addresses profiles are asked for. */
  readonly profileNetworks: readonly string[];
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
  /** A PEM file of trust anchors, or their PEM; empty: those whose digest the token pins. */
  readonly identityTrustAnchors: string;
  /** The server name that peers ask for; empty: the identity. */
  readonly identityServerName: string;
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
  /** One more listener of the same kind, of the other version of IP. */
  readonly outboundSecond: Address | null;
  readonly inbound: Address | null;
  /** Where inbound traffic goes; without it, to its original destination. */
  readonly inboundTo: Address | null;
  /**
   * How the system tells where a connection was going before it came here: `redirect`, by
   * SO_ORIGINAL_DST; `tproxy`, by its local address, inbound alone; `off`: it came as it was meant
   */
  readonly originalDestination: 'off' | 'redirect' | 'tproxy';
  /** Original destinations that inbound takes; empty: any. */
  readonly inboundIps: readonly string[];
  /** Ports whose policy is known from the start. */
  readonly inboundPorts: readonly PortRange[];
  /** Ports that are opaque until a policy says something else. */
  readonly inboundOpaquePorts: readonly PortRange[];
  readonly inboundDefaultPolicy: DefaultPolicy;
  /** Networks (CIDR) that the `cluster-` policies let in. */
  readonly clusterNetworks: readonly string[];
  /** Redirected requests go by the name in them, not by where their connection was going. */
  readonly ingressMode: boolean;
  /** Names below which inbound forwards for others, each with its final dot. */
  readonly gatewaySuffixes: readonly string[];
  /** Whether applications are told by `l5d-` fields what the proxy found. */
  readonly informationalHeaders: boolean;
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
  /** Connections of one worker to one endpoint that are kept without a request. */
  readonly poolIdleMax: number;
  readonly http2InitialStreamWindowSize: number;
  readonly http2InitialConnectionWindowSize: number;
  readonly http2MaxConcurrentStreams: number;
  readonly http2MaxFrameSize: number;
  readonly http2MaxHeaderListSize: number;
  readonly http2KeepAliveIntervalMs: number;
  readonly http2KeepAliveTimeoutMs: number;
  /** The same for clients; an interval of 0: they are not asked. */
  readonly http2ServerKeepAliveIntervalMs: number;
  readonly http2ServerKeepAliveTimeoutMs: number;
  readonly http2IdleTimeoutMs: number;
  readonly http2ConnectionAgeMs: number;
  readonly queueRequestsMax: number;
  readonly failfastTimeoutMs: number;
  /** The same for opaque connections; 0: as for requests. */
  readonly opaqueFailfastTimeoutMs: number;
  readonly inFlightMax: number;
  readonly detectTimeoutMs: number;
  /** TCP keep-alive of accepted connections and of our own, 0: the system's, which is none. */
  readonly acceptKeepAliveMs: number;
  readonly connectKeepAliveMs: number;
  /** How long bytes may stay unacknowledged, TCP_USER_TIMEOUT; 0: as the system has it. */
  readonly acceptUserTimeoutMs: number;
  readonly connectUserTimeoutMs: number;
  /** Clients that wait to be accepted. */
  readonly listenBacklog: number;
  /** How long an endpoint that could not be reached is left alone, at first and at the most. */
  readonly connectBackoffMinMs: number;
  readonly connectBackoffMaxMs: number;
  readonly inboundOnly: DirectionSettings;
  readonly outboundOnly: DirectionSettings;
  /** Records of DNS count as younger or older than they say; 0: not. */
  readonly dnsMinTtlMs: number;
  readonly dnsMaxTtlMs: number;
  readonly announceMs: number;
  readonly graceMs: number;
  /**
   * `patient`: outbound is open in a shutdown for as long as the application uses it; `strict`: it
   * ends together with inbound.
   */
  readonly drain: 'patient' | 'strict';
  /** Metrics of what has been unused for so long are forgotten. */
  readonly metricsRetainMs: number;
  /** A level, or a filter in Linkerd's syntax: `warn,heddle::drain=debug`. */
  readonly logLevel: string;
  readonly logFormat: 'plain' | 'json';
  /** `apache` is what Linkerd calls so; `common` is what web servers write. */
  readonly accessLog: 'off' | 'json' | 'common' | 'apache';
  readonly adminShutdown: boolean;
}
