/**
 * `node tools/docs-metrics.ts`: writes docs/METRICS.md from the table of families. A test beside
 * this file fails while the page is not what this would write.
 */

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { seriesMax, seriesRetainMs } from '../core/base/limits.ts';
import type { FamilyName, FamilyTraits } from '../core/telemetry/families.ts';
import { families, traitsOf } from '../core/telemetry/families.ts';
import { otherValue } from '../core/telemetry/registry.ts';

type LabelName = (typeof families)[FamilyName]['labels'][number];

/** What a label says and which values it has. */
const labelMeanings: Readonly<Record<LabelName, string>> = {
  authority: 'the target: canonical name with port',
  authz_group: 'the API group of what let in; empty for what no object stands for',
  authz_kind: 'its kind: `authorizationpolicy`, `serverauthorization`, `default` ...',
  authz_name: 'its name; of defaults `all-authenticated`, `localhost`, `probe`, `audit` ...',
  carried: '`http` or `opaque`: what went over it',
  certificate:
    '`issuer`; `anchor`, of all the first to end; `control`, the leaf of the control plane',
  classification: '`success` or `failure`',
  client_id: 'the identity that a client has proved by its certificate; empty for none',
  code:
    'the stable code of an error, as `heddle-error` carries it ([ERRORS.md](ERRORS.md)); of a ' +
    "control plane's calls, the name of a gRPC status",
  date: 'when this version was made',
  direction: '`inbound` or `outbound`',
  dst_namespace: "the target's namespace",
  dst_service: "the target's service",
  dst_zone: "the endpoint's zone, when it has one",
  errno: 'why a connection was closed, symbolic (`ECONNRESET`); empty after an orderly close',
  error: "Linkerd's word for an error: `loadshed`, `failfast`, `i/o`, `unexpected` ...",
  git_sha: 'the commit that runs',
  grpc_status: 'how a gRPC call ended, 0 to 16, as its trailers or its head say',
  method: 'a method of the control plane, as `Destination/Get`',
  no_tls_reason: 'why there is no TLS: `loopback`, `not_provided_by_service_discovery` ...',
  peer: '`src`: who connected to us; `dst`: whom we connected to',
  phase: 'of a rotation: `idle`, `distribute` or `switch`',
  profile: 'the kind of build',
  reason: 'what caused it',
  result: 'what came of it',
  route_group: 'the API group of the route; empty for what no object stands for',
  route_kind: 'its kind: `HTTPRoute`, `GRPCRoute` or `default`',
  route_name: 'its name',
  server_id: 'the identity that the endpoint proves, where there is TLS',
  service: 'name of the service in the configuration',
  session_protocol: '`http/1` or `http/2`, what a connection is said to speak; empty for neither',
  sni: 'the server name that TLS was for, when it was not for this proxy',
  srv_group: 'the API group of the policy of the port; empty for a default policy',
  srv_kind: 'its kind: `server` or `default`',
  srv_name: 'its name; of a default policy `all-unauthenticated`, `deny` ...',
  srv_port: 'the port',
  source:
    'kind of source: `static`, `file`, `dns`, `srv`; of a control plane `config`, `manifests`, ' +
    '`registry`',
  state: 'state of what is counted',
  status_code: 'the HTTP status; absent when there was no response',
  stream: '`log` or `access`',
  target_addr: 'address with port of the endpoint, or of the connection before redirection',
  target_ip: 'its address',
  target_port: 'its port',
  tls: '`true`, `no_identity`, `disabled` or `opaque`',
  vendor: 'who made it: `heddle`',
  version: 'version of Heddle',
  worker: 'number of the worker, from 0',
};

export function renderMetricsPage(): string {
  const names = Object.keys(families) as FamilyName[];
  const control = names.filter((name) => name.startsWith('heddle_control_'));
  const ours = names.filter((name) => name.startsWith('heddle_') && !control.includes(name));
  const shared = names.filter((name) => !name.startsWith('heddle_'));
  return [
    '# Metrics',
    '',
    '<!-- Written by `npx node tools/docs-metrics.ts` from core/telemetry/families.ts. -->',
    '',
    intro,
    '',
    '## Families that Linkerd has too',
    '',
    'Name, labels and values are those of Linkerd, so that its dashboards and alerts keep working.',
    '',
    ...renderFamilies(shared),
    '',
    "## Heddle's own families",
    '',
    ...renderFamilies(ours),
    '',
    '## Families of a control plane',
    '',
    'The admin port of `heddle up` serves these, `heddle_config_reloads_total`, and what begins',
    'with `process_`.',
    '',
    ...renderFamilies(control),
    '',
    '## Labels',
    '',
    '| Label | Meaning |',
    '| --- | --- |',
    ...Object.entries(labelMeanings).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`),
    '',
    '## Buckets',
    '',
    ...names.flatMap(renderBuckets),
    '',
  ].join('\n');
}

const intro = `The admin port serves these at \`/metrics\`: Prometheus text 0.0.4, compressed on
request, with \`# EOF\` as its last line. All workers are merged: counters, gauges and histograms
are sums, and a worker that ended keeps what it had counted. Units are seconds and bytes, but for
\`response_latency_ms\`, whose name Linkerd has fixed.

A label that does not apply is left out. Label sets are bounded: what exceeds ${seriesMax} series of
a family counts in one series whose label values are all \`${otherValue}\`. A counter that nothing
adds to any more is shown for another ${seriesRetainMs / 60_000} minutes, a gauge is gone at once.

What counts as a failure in \`response_total\` is what Linkerd counts: a status from 500 on, no
response (then \`error\` says why), and of gRPC the statuses 2 UNKNOWN, 4 DEADLINE_EXCEEDED,
7 PERMISSION_DENIED, 13 INTERNAL, 14 UNAVAILABLE and 15 DATA_LOSS. A gRPC response that never says
its status has \`grpc_status="2"\` and is a success.`;

function renderFamilies(names: readonly FamilyName[]): string[] {
  const rows = names.map((name) => {
    const { type, help, labels } = traitsOf(name);
    const shown = labels.map((label) => `\`${label}\``).join(' ');
    return `| \`${name}\` | ${type} | ${help} | ${shown} |`;
  });
  return ['| Family | Type | Meaning | Labels |', '| --- | --- | --- | --- |', ...rows];
}

function renderBuckets(name: FamilyName): string[] {
  const { bounds }: FamilyTraits = traitsOf(name);
  return bounds === undefined ? [] : [`\`${name}\`: ${bounds.join(', ')}, +Inf.`];
}

export const metricsPage = resolve(import.meta.dirname, '../docs/METRICS.md');

if (import.meta.main) writeFileSync(metricsPage, renderMetricsPage());
