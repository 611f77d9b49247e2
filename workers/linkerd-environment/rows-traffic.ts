/** Variables about connections and requests, most of them once for each direction. */

import type { ProxySettings } from '../../api/settings.ts';
import { readBackoff } from './backoff.ts';
import { count, duration, flag, fraction, unsafe } from './kinds.ts';
import type { Patch, Reading } from './reading.ts';
import { member, type VariableRow, variable } from './row.ts';

type Direction = 'INBOUND' | 'OUTBOUND';
type Only = ProxySettings['inboundOnly'];

export const trafficRows: readonly VariableRow[] = [
  ...timeRows('INBOUND', '1s', '300ms'),
  ...backoffRows('INBOUND', '10s'),
  ...timeRows('OUTBOUND', '3s', '1s'),
  ...backoffRows('OUTBOUND', '60s'),
  member(
    'OUTBOUND_TCP_QUEUE_CAPACITY',
    count,
    {
      usual: '10000',
      state: 'own',
      about: 'Opaque connections do not queue: they are bounded as connections are.',
    },
    (reading) => void reading.value('OUTBOUND_TCP_QUEUE_CAPACITY', count),
  ),
  variable(
    'OUTBOUND_TCP_FAILFAST_TIMEOUT',
    duration,
    { usual: '3s', about: 'After which, without an endpoint, opaque connections are refused.' },
    (opaqueFailfastTimeoutMs) => only('OUTBOUND', { opaqueFailfastTimeoutMs }),
  ),
  ...tcpRows('INBOUND'),
  ...tcpRows('OUTBOUND'),
  ...(['INBOUND', 'OUTBOUND'] as const).map((direction) =>
    variable(
      `${direction === 'INBOUND' ? '' : 'OUTBOUND_'}MAX_IDLE_CONNS_PER_ENDPOINT`,
      count,
      {
        usual: '10000',
        about: `Unused connections of HTTP/1 that ${direction.toLowerCase()} keeps, in one worker.`,
      },
      (poolIdleMax) => only(direction, { poolIdleMax }),
    ),
  ),
  variable(
    'HTTP2_INITIAL_STREAM_WINDOW_SIZE',
    count,
    { usual: '65535', about: 'What a client or an endpoint may send on a stream of HTTP/2 ahead.' },
    (value) => ({ http2InitialStreamWindowSize: value }),
  ),
  variable(
    'HTTP2_INITIAL_CONNECTION_WINDOW_SIZE',
    count,
    { usual: '1048576', about: 'The same for all streams of a connection.' },
    (value) => ({ http2InitialConnectionWindowSize: value }),
  ),
  ...http2Rows('INBOUND'),
  ...http2Rows('OUTBOUND'),
  member(
    'INGRESS_MODE',
    flag,
    { usual: 'false', about: 'Whether requests go by `l5d-dst-override` where they have it.' },
    readIngress,
  ),
  member('OUTBOUND_DISABLE_INFORMATIONAL_HEADERS', flag, {
    about: 'Whether the application is told nothing by `l5d-` fields; else as `INGRESS_MODE`.',
  }),
  member(
    'OUTBOUND_METRICS_HOSTNAME_LABELS',
    flag,
    { usual: 'false', state: 'later', about: 'Whether metrics name the host of a request.' },
    (reading) => {
      if (reading.value('OUTBOUND_METRICS_HOSTNAME_LABELS', flag) === true) {
        reading.warn('OUTBOUND_METRICS_HOSTNAME_LABELS', 'such labels are not there yet');
      }
    },
  ),
  member(
    'INBOUND_METRICS_AUTHORITY_LABELS',
    unsafe,
    { state: 'later', about: 'Whether metrics name the authority of a request; empty is off.' },
    (reading) => {
      if (reading.value('INBOUND_METRICS_AUTHORITY_LABELS', unsafe) === true) {
        reading.warn('INBOUND_METRICS_AUTHORITY_LABELS', 'such labels are not there yet');
      }
    },
  ),
];

function only(direction: Direction, values: Only): Patch {
  return direction === 'INBOUND' ? { inboundOnly: values } : { outboundOnly: values };
}

function timeRows(direction: Direction, failfast: string, connect: string): VariableRow[] {
  const idle = direction === 'INBOUND' ? '90s' : '5s';
  return [
    variable(
      `${direction}_HTTP_QUEUE_CAPACITY`,
      count,
      { usual: '10000', about: 'Requests that wait for an endpoint.' },
      (queueRequestsMax) => only(direction, { queueRequestsMax }),
    ),
    variable(
      `${direction}_HTTP_FAILFAST_TIMEOUT`,
      duration,
      { usual: failfast, about: 'After which, without an endpoint, requests are refused at once.' },
      (failfastTimeoutMs) => only(direction, { failfastTimeoutMs }),
    ),
    variable(
      `${direction}_DETECT_TIMEOUT`,
      duration,
      { usual: '10s', about: 'How long the first bytes may take to say what they are.' },
      (detectTimeoutMs) => only(direction, { detectTimeoutMs }),
    ),
    variable(
      `${direction}_CONNECT_TIMEOUT`,
      duration,
      { usual: connect, about: 'How long connecting may take.' },
      (connectTimeoutMs) => only(direction, { connectTimeoutMs }),
    ),
    variable(
      `${direction}_DISCOVERY_IDLE_TIMEOUT`,
      duration,
      {
        usual: idle,
        about: 'How long what is not used is still watched.',
      },
      (discoveryIdleMs) => only(direction, { discoveryIdleMs }),
    ),
    variable(
      `${direction}_MAX_IN_FLIGHT`,
      count,
      { usual: '100000', about: 'Requests in flight before load is shed, in one worker.' },
      (inFlightMax) => only(direction, { inFlightMax }),
    ),
    variable(
      `${direction}_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT`,
      duration,
      { usual: '3s', about: 'How long an unused connection is kept.' },
      (poolIdleTimeoutMs) => only(direction, { poolIdleTimeoutMs }),
    ),
  ];
}

function backoffRows(direction: Direction, backoffMax: string): VariableRow[] {
  const backoff = `${direction}_CONNECT_EXP_BACKOFF`;
  return [
    member(
      `${backoff}_MIN`,
      duration,
      {
        usual: '100ms',
        about: 'How long what could not be reached is left alone at first. With `_MAX` only.',
      },
      (reading) => {
        const found = readBackoff(reading, backoff);
        const { minMs, maxMs } = found ?? { minMs: 100, maxMs: duration.parse(backoffMax) ?? 0 };
        const values = { connectBackoffMinMs: minMs, connectBackoffMaxMs: maxMs };
        reading.take(`${backoff}_MIN`, only(direction, values));
      },
    ),
    member(`${backoff}_MAX`, duration, {
      usual: backoffMax,
      about: 'And at the most. With `_MIN` only.',
    }),
    member(`${backoff}_JITTER`, fraction, {
      usual: '0.1',
      state: 'own',
      about: 'Heddle has a jitter of its own. With `_MIN` and `_MAX` only.',
    }),
  ];
}

function tcpRows(direction: Direction): VariableRow[] {
  return [
    variable(
      `${direction}_ACCEPT_KEEPALIVE`,
      duration,
      { about: 'TCP keep-alive of accepted connections.' },
      (acceptKeepAliveMs) => only(direction, { acceptKeepAliveMs }),
    ),
    variable(
      `${direction}_CONNECT_KEEPALIVE`,
      duration,
      { about: 'TCP keep-alive of our own connections.' },
      (connectKeepAliveMs) => only(direction, { connectKeepAliveMs }),
    ),
    variable(
      `${direction}_ACCEPT_USER_TIMEOUT`,
      duration,
      { about: 'How long bytes to a client may stay unacknowledged.' },
      (acceptUserTimeoutMs) => only(direction, { acceptUserTimeoutMs }),
    ),
    variable(
      `${direction}_CONNECT_USER_TIMEOUT`,
      duration,
      { about: 'The same for our own connections.' },
      (connectUserTimeoutMs) => only(direction, { connectUserTimeoutMs }),
    ),
    variable(
      `${direction}_TCP_LISTEN_BACKLOG`,
      count,
      { about: 'Clients that wait to be accepted.' },
      (listenBacklog) => only(direction, { listenBacklog }),
    ),
  ];
}

function http2Rows(direction: Direction): VariableRow[] {
  const base = `${direction}_SERVER_HTTP2`;
  return [
    member(
      `${base}_ADAPTIVE_FLOW_CONTROL`,
      flag,
      {
        state: 'own',
        about: 'Windows of HTTP/2 do not grow here; `true` leaves them as they are.',
      },
      (reading) => readWindows(reading, direction, base),
    ),
    member(`${base}_INITIAL_STREAM_WINDOW_SIZE`, count, {
      about: 'The same for one direction. Together with the next only.',
    }),
    member(`${base}_INITIAL_CONNECTION_WINDOW_SIZE`, count, {
      about: 'And on all streams of a connection.',
    }),
    member(
      `${base}_KEEP_ALIVE_INTERVAL`,
      duration,
      {
        about:
          'How long a client with a request under way may be silent until a PING. Together with ' +
          'the next only.',
      },
      (reading) => readKeepAlive(reading, direction, base),
    ),
    member(`${base}_KEEP_ALIVE_TIMEOUT`, duration, { about: 'How long it may take to answer.' }),
    variable(
      `${base}_MAX_CONCURRENT_STREAMS`,
      count,
      { about: 'Requests that a client may have under way on a connection.' },
      (http2MaxConcurrentStreams) => only(direction, { http2MaxConcurrentStreams }),
    ),
    variable(
      `${base}_MAX_FRAME_SIZE`,
      count,
      { about: 'The largest frame that a peer may send.' },
      (http2MaxFrameSize) => only(direction, { http2MaxFrameSize }),
    ),
    variable(
      `${base}_MAX_HEADER_LIST_SIZE`,
      count,
      { about: 'The largest head.' },
      (http2MaxHeaderListSize) => only(direction, { http2MaxHeaderListSize }),
    ),
    variable(`${base}_MAX_PENDING_ACCEPT_RESET_STREAMS`, count, {
      state: 'own',
      about: 'Resets are bounded by their number and rate.',
    }),
    variable(`${base}_MAX_SEND_BUF_SIZE`, count, {
      state: 'own',
      about: 'What waits to be sent is bounded by the windows.',
    }),
  ];
}

function readWindows(reading: Reading, direction: Direction, base: string): void {
  const adaptive = `${base}_ADAPTIVE_FLOW_CONTROL`;
  const [streamName, wholeName] = [
    `${base}_INITIAL_STREAM_WINDOW_SIZE`,
    `${base}_INITIAL_CONNECTION_WINDOW_SIZE`,
  ];
  if (reading.value(adaptive, flag) === true) {
    reading.warn(adaptive, 'windows of HTTP/2 do not grow here; they stay as they are');
    return;
  }
  const stream = reading.value(streamName, count);
  const whole = reading.value(wholeName, count);
  tellAlone(reading, streamName, wholeName);
  if (stream === null || whole === null) return;
  reading.take(streamName, only(direction, { http2InitialStreamWindowSize: stream }));
  reading.take(wholeName, only(direction, { http2InitialConnectionWindowSize: whole }));
}

function readKeepAlive(reading: Reading, direction: Direction, base: string): void {
  const [intervalName, timeoutName] = [`${base}_KEEP_ALIVE_INTERVAL`, `${base}_KEEP_ALIVE_TIMEOUT`];
  const interval = reading.value(intervalName, duration);
  const timeout = reading.value(timeoutName, duration);
  tellAlone(reading, intervalName, timeoutName);
  if (interval === null || timeout === null) return;
  reading.take(intervalName, only(direction, { http2ServerKeepAliveIntervalMs: interval }));
  reading.take(timeoutName, only(direction, { http2ServerKeepAliveTimeoutMs: timeout }));
}

/** One of two alone has no effect, as with Linkerd, which says nothing. */
function tellAlone(reading: Reading, first: string, second: string): void {
  const [one, other] = reading.has(first) ? [first, second] : [second, first];
  if (reading.has(one) && !reading.has(other)) {
    reading.warn(one, `has no effect without ${other}`);
  }
}

function readIngress(reading: Reading): void {
  const ingressMode = reading.value('INGRESS_MODE', flag) ?? false;
  const isSilent = reading.value('OUTBOUND_DISABLE_INFORMATIONAL_HEADERS', flag) ?? ingressMode;
  reading.take('INGRESS_MODE', { ingressMode, informationalHeaders: !isSilent });
}
