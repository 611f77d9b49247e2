/**
 * The closed table of metric families: what exists, of which type, with which labels. A family
 * whose name has no `heddle_` prefix is one of Linkerd's, with its name, labels and values, so
 * that dashboards, alerts and `viz` queries written for Linkerd keep working. Base units: seconds,
 * bytes; `response_latency_ms` alone is in milliseconds, because Linkerd fixed its name.
 *
 * Gauges that workers set are summed over workers; what is not a sum is set by main alone or
 * carries the label `worker`. docs/METRICS.md is made from this table by `tools/docs-metrics.ts`.
 */

import { controlFamilies } from './control-families.ts';
import { policyFamilies, targetLabels, tlsLabels } from './policy-families.ts';

export interface FamilyTraits {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** All label names, in the order in which they are written; a series may leave some out. */
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, ascending, without the infinite one. */
  readonly bounds?: readonly number[];
}

/** Linkerd's buckets of every `*_latency_ms` family. */
export const latencyBoundsMs = [
  1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1_000, 2_000, 3_000, 4_000, 5_000,
  10_000, 20_000, 30_000, 40_000, 50_000,
] as const;

const dstLabels = ['dst_namespace', 'dst_service', 'dst_zone'] as const;
const endpointLabels = [
  'direction',
  'authority',
  ...targetLabels,
  ...tlsLabels,
  'server_id',
  ...dstLabels,
] as const;
const transportLabels = [
  'direction',
  'peer',
  'authority',
  ...targetLabels,
  ...tlsLabels,
  'server_id',
  ...dstLabels,
] as const;

export const families = {
  request_total: {
    type: 'counter',
    help: 'HTTP requests sent to an endpoint.',
    labels: endpointLabels,
  },
  response_total: {
    type: 'counter',
    help: 'HTTP responses of an endpoint, counted at their end, and what ended without one.',
    labels: [...endpointLabels, 'status_code', 'classification', 'grpc_status', 'error'],
  },
  response_latency_ms: {
    type: 'histogram',
    help: "Milliseconds from a request's head to the end of its response.",
    labels: [...endpointLabels, 'status_code'],
    bounds: latencyBoundsMs,
  },
  tcp_open_total: {
    type: 'counter',
    help: 'Connections opened, by clients (peer="src") and to endpoints (peer="dst").',
    labels: transportLabels,
  },
  tcp_open_connections: {
    type: 'gauge',
    help: 'Connections that are open now.',
    labels: transportLabels,
  },
  tcp_read_bytes_total: {
    type: 'counter',
    help: 'Bytes read from the peer.',
    labels: transportLabels,
  },
  tcp_write_bytes_total: {
    type: 'counter',
    help: 'Bytes written to the peer.',
    labels: transportLabels,
  },
  tcp_close_total: {
    type: 'counter',
    help: 'Connections closed; errno is empty after an orderly close.',
    labels: [...transportLabels, 'errno'],
  },
  inbound_http_errors_total: {
    type: 'counter',
    help: 'Inbound requests that the proxy itself answered with an error.',
    labels: ['error', ...targetLabels],
  },
  inbound_tcp_errors_total: {
    type: 'counter',
    help: 'Inbound connections that the proxy ended with an error.',
    labels: ['error', ...targetLabels],
  },
  outbound_http_errors_total: {
    type: 'counter',
    help: 'Outbound requests that the proxy itself answered with an error.',
    labels: ['error'],
  },
  outbound_tcp_errors_total: {
    type: 'counter',
    help: 'Outbound connections that the proxy ended with an error.',
    labels: ['error', ...targetLabels],
  },
  ...policyFamilies,
  inbound_tcp_detect_http_results_total: {
    type: 'counter',
    help: 'What inbound connections turned out to be.',
    labels: ['result'],
  },
  outbound_tcp_detect_http_results_total: {
    type: 'counter',
    help: 'What outbound connections turned out to be.',
    labels: ['result'],
  },
  inbound_tcp_transport_header_connections_total: {
    type: 'counter',
    help: 'Connections whose transport header named the port that this proxy serves.',
    labels: ['session_protocol', 'target_port'],
  },
  process_start_time_seconds: {
    type: 'gauge',
    help: 'Start of the process, seconds since 1970.',
    labels: [],
  },
  process_uptime_seconds_total: {
    type: 'counter',
    help: 'Seconds since the start of the process.',
    labels: [],
  },
  process_clock_time_seconds: {
    type: 'gauge',
    help: 'Clock of the machine, seconds since 1970.',
    labels: [],
  },
  process_cpu_seconds_total: {
    type: 'counter',
    help: 'CPU time of all threads, user and system.',
    labels: [],
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    help: 'Resident memory.',
    labels: [],
  },
  process_virtual_memory_bytes: {
    type: 'gauge',
    help: 'Virtual memory.',
    labels: [],
  },
  process_open_fds: {
    type: 'gauge',
    help: 'Open file descriptors.',
    labels: [],
  },
  process_max_fds: {
    type: 'gauge',
    help: 'Limit of open file descriptors.',
    labels: [],
  },
  process_threads: {
    type: 'gauge',
    help: 'Threads of the process.',
    labels: [],
  },
  proxy_build_info: {
    type: 'gauge',
    help: 'Always 1; the labels say what runs.',
    labels: ['version', 'git_sha', 'profile', 'vendor', 'date'],
  },
  heddle_workers: {
    type: 'gauge',
    help: 'Worker threads that are ready; 0 when the main thread carries the traffic.',
    labels: [],
  },
  heddle_worker_restarts_total: {
    type: 'counter',
    help: 'Workers that were replaced, by what ended them.',
    labels: ['reason'],
  },
  heddle_workers_stuck_total: {
    type: 'counter',
    help: 'Workers whose thread could not be ended: the proxy drains and ends because of it.',
    labels: [],
  },
  heddle_worker_connections: {
    type: 'gauge',
    help: 'Client connections that a worker holds.',
    labels: ['worker', 'direction'],
  },
  heddle_worker_connections_lost_total: {
    type: 'counter',
    help: 'Client connections that ended because their worker did.',
    labels: [],
  },
  heddle_worker_event_loop_utilization: {
    type: 'gauge',
    help: 'Share of the last second in which the event loop of a worker was busy, 0 to 1.',
    labels: ['worker'],
  },
  heddle_worker_event_loop_delay_seconds: {
    type: 'gauge',
    help: 'Longest time of the last interval by which the event loop of a worker was late.',
    labels: ['worker'],
  },
  heddle_handoff_retries_total: {
    type: 'counter',
    help: 'Connections that went to another worker because the chosen one could not take them.',
    labels: [],
  },
  heddle_accept_paused: {
    type: 'gauge',
    help: 'Threads that accept nothing for this reason: main, or with --accept reuseport workers.',
    labels: ['reason'],
  },
  heddle_accept_pauses_total: {
    type: 'counter',
    help: 'How often a thread has stopped accepting for a while.',
    labels: ['reason'],
  },
  heddle_detect_timeouts_total: {
    type: 'counter',
    help: 'Connections whose protocol was not known in time; declaring it avoids the wait.',
    labels: ['direction', 'authority'],
  },
  heddle_tls_dial_failures_total: {
    type: 'counter',
    help: 'Connections to endpoints with an identity that did not come about.',
    labels: ['authority', 'server_id', 'code'],
  },
  heddle_tls_handshake_failures_total: {
    type: 'counter',
    help: 'TLS handshakes of clients that failed.',
    labels: ['direction', 'reason'],
  },
  heddle_distrusted_connections_ended_total: {
    type: 'counter',
    help: 'Connections that were ended in the middle after a trust anchor had left.',
    labels: ['direction', 'peer', 'carried'],
  },
  heddle_arrivals_refused_total: {
    type: 'counter',
    help: 'Connections that were closed for where they were going.',
    labels: ['direction', 'reason'],
  },
  heddle_transport_header_refused_total: {
    type: 'counter',
    help: 'Connections that were closed for what their transport header said, or did not say.',
    labels: ['reason'],
  },
  heddle_detect_server_first_total: {
    type: 'counter',
    help: 'Connections on which the destination spoke first.',
    labels: ['direction', 'authority'],
  },
  heddle_discovery_age_seconds: {
    type: 'gauge',
    help: 'Seconds since the source of a service last answered.',
    labels: ['service', 'source'],
  },
  heddle_discovery_failing: {
    type: 'gauge',
    help: '1 while the newest attempt to learn the endpoints failed; the last good ones serve.',
    labels: ['service', 'source'],
  },
  heddle_discovery_streams_total: {
    type: 'counter',
    help: 'Watches that were begun at a control plane.',
    labels: [],
  },
  heddle_discovery_stream_failures_total: {
    type: 'counter',
    help: 'Watches that ended, by the status of gRPC or by what we ended them for.',
    labels: ['reason'],
  },
  heddle_discovery_fallbacks_total: {
    type: 'counter',
    help: 'Targets that went to where the application dialled, past the mesh.',
    labels: [],
  },
  heddle_discovery_states_total: {
    type: 'counter',
    help: 'Files with what a control plane said last that were taken, or refused as unusable.',
    labels: ['result'],
  },
  heddle_discovery_sets_halved_total: {
    type: 'counter',
    help: 'Sets that lost more than half of their endpoints at once.',
    labels: [],
  },
  control_identity_cert_expiration_timestamp_seconds: {
    type: 'gauge',
    help: "When the proxy's certificate ends, in seconds since 1970.",
    labels: [],
  },
  control_identity_cert_refresh_timestamp_seconds: {
    type: 'gauge',
    help: "When the proxy's newest certificate came, in seconds since 1970.",
    labels: [],
  },
  control_identity_cert_refreshes_total: {
    type: 'counter',
    help: 'Attempts to get a certificate, by result: ok or error.',
    labels: ['result'],
  },
  heddle_config_reloads_total: {
    type: 'counter',
    help: 'Changes of the configuration: applied, partial (entries are refused) or refused.',
    labels: ['result'],
  },
  heddle_config_problems: {
    type: 'gauge',
    help: 'Mistakes in the newest configuration file, for which it or entries of it are refused.',
    labels: [],
  },
  heddle_balancer_endpoints: {
    type: 'gauge',
    help: 'Endpoints of a target, by state: ready or shut.',
    labels: ['authority', 'state'],
  },
  heddle_queue_length: {
    type: 'gauge',
    help: 'Requests that wait for an endpoint.',
    labels: ['authority'],
  },
  heddle_failfast_total: {
    type: 'counter',
    help: 'How often a target was refused at once for want of a ready endpoint.',
    labels: ['authority'],
  },
  heddle_retries_total: {
    type: 'counter',
    help: 'Requests sent again, and those that were not and why.',
    labels: ['direction', 'result'],
  },
  heddle_http_requests_in_flight: {
    type: 'gauge',
    help: 'HTTP requests that have begun and not ended.',
    labels: ['direction'],
  },
  heddle_errors_total: {
    type: 'counter',
    help: 'Errors that the proxy made, by the code that heddle-error carries.',
    labels: ['direction', 'code'],
  },
  heddle_log_lines_dropped_total: {
    type: 'counter',
    help: 'Lines dropped because nobody read them fast enough, by stream: log or access.',
    labels: ['stream'],
  },
  ...controlFamilies,
} as const satisfies Record<string, FamilyTraits>;

export type FamilyName = keyof typeof families;

/** The families of one type. */
export type FamilyOf<Type extends FamilyTraits['type']> = {
  [Name in FamilyName]: (typeof families)[Name]['type'] extends Type ? Name : never;
}[FamilyName];

/** Values for a family's labels; what is absent or undefined is left out of the series. */
export type LabelsOf<Name extends FamilyName> = Readonly<
  Partial<Record<(typeof families)[Name]['labels'][number], string | undefined>>
>;

export function traitsOf(name: FamilyName): FamilyTraits {
  return families[name];
}

export function isFamilyName(name: string): name is FamilyName {
  return Object.hasOwn(families, name);
}

/** Cells of one series: a histogram's buckets with the infinite one, then sum, then count. */
export function cellsOf(traits: FamilyTraits): number {
  return traits.bounds === undefined ? 1 : traits.bounds.length + 3;
}
