/** Variables about the process: where it listens, how it ends, what it logs, how many workers. */

import { isLoopback } from '../../control/model/address.ts';
import { parseLogFilter } from '../../core/telemetry/log-filter.ts';
import { readCores } from './cores.ts';
import { count, duration, flag, identityName, listener, listeners, text } from './kinds.ts';
import { prefix, quote, type Reading } from './reading.ts';
import { ignored, member, type VariableRow, variable } from './row.ts';

/** Of those that never keep the proxy from starting. */
const tolerant = 'What is wrong is warned about and has no effect.';

export const processRows: readonly VariableRow[] = [
  member(
    'OUTBOUND_LISTEN_ADDR',
    listener,
    { usual: '127.0.0.1:4140', about: 'Where redirected connections of the application come.' },
    readOutbound,
  ),
  member('OUTBOUND_LISTEN_ADDRS', listeners, {
    about: 'The same, one of each version of IP; it takes the place of `OUTBOUND_LISTEN_ADDR`.',
  }),
  variable(
    'INBOUND_LISTEN_ADDR',
    listener,
    { usual: '0.0.0.0:4143', about: 'Where redirected connections to the application come.' },
    (inbound) => ({ inbound }),
  ),
  variable(
    'ADMIN_LISTEN_ADDR',
    listener,
    { usual: '127.0.0.1:4191', about: 'Metrics, readiness and inspection.' },
    (admin) => ({ admin }),
  ),
  variable('CONTROL_LISTEN_ADDR', listener, {
    usual: '0.0.0.0:4190',
    state: 'later',
    about: 'Where tap listens. Nothing does yet.',
  }),
  member(
    'TAP_SVC_NAME',
    identityName,
    { state: 'later', about: 'Who may tap. Nobody can yet.' },
    (reading) => {
      if (reading.value('TAP_SVC_NAME', identityName) !== null) {
        reading.warn('TAP_SVC_NAME', 'tap is not supported yet');
      }
    },
  ),
  variable(
    'SHUTDOWN_ENDPOINT_ENABLED',
    flag,
    { usual: 'false', about: 'Whether `POST /shutdown` ends the proxy.' },
    (adminShutdown) => ({ adminShutdown }),
  ),
  variable(
    'SHUTDOWN_GRACE_PERIOD',
    duration,
    { usual: '2m', about: 'How long a shutdown takes at the most.' },
    (graceMs) => ({ graceMs }),
  ),
  variable(
    'METRICS_RETAIN_IDLE',
    duration,
    { usual: '10m', about: 'After which metrics of what is not used are forgotten.' },
    (metricsRetainMs) => ({ metricsRetainMs }),
  ),
  variable(
    'DNS_MIN_TTL',
    duration,
    { about: 'The least life of a record of DNS.' },
    (dnsMinTtlMs) => ({ dnsMinTtlMs }),
  ),
  variable('DNS_MAX_TTL', duration, { about: 'Its longest life.' }, (dnsMaxTtlMs) => ({
    dnsMaxTtlMs,
  })),
  member(
    'CORES_MIN',
    count,
    { usual: '1', about: `The least number of workers. ${tolerant}` },
    readCores,
  ),
  member('CORES', count, { about: 'The older name of `CORES_MIN`, which outweighs it.' }),
  member('CORES_MAX', count, {
    about: `The number of workers, as far as there are CPUs for them. ${tolerant}`,
  }),
  member(
    'CORES_MAX_RATIO',
    { syntax: 'a number above 0, up to 1' },
    {
      about: `Workers for each CPU; \`CORES_MAX\` outweighs it. ${tolerant}`,
    },
  ),
  member(
    'LOG',
    { syntax: 'directives such as `warn,linkerd=info`' },
    {
      usual: 'warn,linkerd=info,hickory=error',
      about:
        'What is logged. `linkerd` stands for `heddle`, names of its parts for ours that do the ' +
        'same, and `trace` is `debug`. What is no directive is told on stderr and has no effect. ' +
        '`off` switches the access log off too.',
    },
    readLog,
  ),
  member('LOG_FORMAT', text, {
    usual: 'plain',
    about: '`json` in any case of letters; everything else is plain.',
  }),
  member('ACCESS_LOG', text, {
    about: '`apache` or `json` in any case of letters; anything else is told on stderr and is off.',
  }),
];

export const tracingRows: readonly VariableRow[] = [
  ...(['TRACE_SERVICE_NAME', 'TRACE_EXTRA_ATTRIBUTES', 'TRACE_ATTRIBUTES_PATH'] as const).map(
    (name) => member(name, text, { state: 'later', about: 'What spans say of the process.' }),
  ),
  later('OTEL_RESOURCE_ATTRIBUTES'),
  later('HOSTNAME'),
  ignored('TRACE_PROTOCOL', 'Set by charts.'),
  ignored('TRACE_ANNOTATIONS_PATH', 'Set by charts.'),
];

function later(name: string): VariableRow {
  return {
    ...member(name, text, { state: 'later', about: 'What spans say of the process.' }),
    name,
  };
}

function readOutbound(reading: Reading): void {
  const several = reading.value('OUTBOUND_LISTEN_ADDRS', listeners);
  const one = reading.value('OUTBOUND_LISTEN_ADDR', listener);
  const [outbound, outboundSecond = null] = several ?? [one ?? { host: '127.0.0.1', port: 4140 }];
  const isOpen = [outbound, outboundSecond].some((at) => at !== null && !isLoopback(at.host));
  const name = several === null ? 'OUTBOUND_LISTEN_ADDR' : 'OUTBOUND_LISTEN_ADDRS';
  if (isOpen) reading.warn(name, 'other machines may send through this proxy');
  reading.take(name, { outbound, outboundSecond, ...(isOpen ? { allowRemote: true } : {}) });
}

function readLog(reading: Reading): void {
  const { filter, problems } = parseLogFilter(reading.text('LOG') ?? usualLog);
  for (const problem of problems) {
    reading.notes.push(`${prefix}LOG: ${problem}; it has no effect`);
  }
  const isJson = reading.text('LOG_FORMAT')?.toLowerCase() === 'json';
  const wanted = reading.text('ACCESS_LOG');
  const accessLog = wanted === undefined ? 'off' : accessLogs[wanted.toLowerCase()];
  if (accessLog === undefined) {
    reading.notes.push(`${prefix}ACCESS_LOG: expected apache or json, got ${quote(wanted ?? '')}`);
  }
  reading.take('LOG', {
    logLevel: filter.text,
    logFormat: isJson ? 'json' : 'plain',
    accessLog: accessLog ?? 'off',
  });
}

const usualLog = 'warn,linkerd=info,hickory=error';
const accessLogs: Readonly<Record<string, 'apache' | 'json' | undefined>> = {
  apache: 'apache',
  json: 'json',
};
