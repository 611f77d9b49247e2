/**
 * Goal: what operators of Linkerd search the log for is there, on its level, with its fields and
 * inside of its spans, and a filter finds one connection among all. Method: exact lines of what the
 * data plane tells between real sockets; ports are replaced by what they are.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ProxySettings } from '../../api/settings.ts';
import { parseLogFilter } from '../../core/telemetry/log-filter.ts';
import { formatPlain } from '../../core/telemetry/log-format.ts';
import { answerAlways } from '../support/answer-always.ts';
import { cleanUp } from '../support/cleanup.ts';
import { ownHost } from '../support/process.ts';
import { type Harness, startHarness } from '../support/proxy-harness.ts';
import { untilTurn } from '../support/turns.ts';
import { dial, startOrigin, type Wire } from '../support/wire.ts';

const get = 'GET /path?secret=1 HTTP/1.1\r\nHost: web\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
/** Longer than a gate stays shut after its first failure. */
const firstShutMs = 3_000;

interface Case {
  readonly harness: Harness;
  /** Where nobody listens. */
  readonly port: number;
  /** The lines that a filter shows, without what is the same in all. */
  readonly lines: (filter?: string) => string[];
  readonly untilLine: (text: string, filter?: string) => Promise<string>;
}

async function start(
  t: TestContext,
  key: string,
  settings: Partial<ProxySettings> = {},
): Promise<Case> {
  const gone = await startOrigin(undefined, { host: ownHost });
  const { port } = gone;
  await gone.close();
  const target = { endpoints: [{ host: ownHost, port }] };
  const harness = await startHarness({ [key]: target }, settings);
  cleanUp(t, () => harness.close());
  const lines = (text = 'info'): string[] => {
    const { filter } = parseLogFilter(text);
    return harness.logs
      .filter((record) => filter.allows(record))
      .map((record) => formatPlain(filter.show(record), 0, 2))
      .map((line) => line.slice('[     0.000000s] '.length).trimEnd())
      .map((line) => line.replaceAll(`:${port}`, ':GONE'))
      .map((line) => line.replaceAll(String(harness.outboundPort), 'OUT'))
      .map((line) => line.replaceAll(String(harness.inboundPort), 'IN'));
  };
  return {
    harness,
    port,
    lines,
    async untilLine(text, filter) {
      const find = () => lines(filter).find((line) => line.includes(text));
      await untilTurn(`a line that says ${text}`, () => find() !== undefined);
      return find() ?? '';
    },
  };
}

/** A client, and its address as lines have it. */
async function connect(t: TestContext, port: number): Promise<[wire: Wire, address: string]> {
  const wire = await dial(port);
  cleanUp(t, () => wire.destroy());
  return [wire, `127.0.0.1:${wire.socket.localPort}`];
}

/** Its endpoint, which nobody listens at, is left alone for a while after the first failure. */
async function shutGate(t: TestContext, port: number): Promise<void> {
  const [client] = await connect(t, port);
  client.write('BREW / HTTP/1.0\r\nHost: web\r\n\r\n');
  await client.readAll();
}

test('an endpoint that nobody listens at, failfast and its end', async (t) => {
  const { harness, port, lines, untilLine } = await start(t, 'host:web', {
    failfastTimeoutMs: 500,
  });
  const proxy = 'outbound:proxy{addr=127.0.0.1:OUT}';
  const service = `${proxy}:service{ns=default name=web port=0}`;
  await shutGate(t, harness.outboundPort);
  assert.equal(
    await untilLine('Failed to connect'),
    ` WARN ThreadId(02) ${service}:endpoint{addr=${ownHost}:GONE}: heddle::proxy::reconnect: ` +
      `Failed to connect error="endpoint ${ownHost}:GONE: Connection refused (os error 111)" ` +
      'code=CONNECT_REFUSED',
  );
  const [client, address] = await connect(t, harness.outboundPort);
  client.write(get);
  await untilTurn('the queue', () => harness.metric('heddle_queue_length') === 1);
  harness.passTime(600);
  await client.readResponse();
  assert.equal(
    lines().find((line) => line.includes('entering failfast')),
    ` INFO ThreadId(02) ${service}: heddle::proxy::balance: ` +
      'Unavailable; entering failfast service=web timeout=0.5',
  );
  const failed = lines().find((line) => line.includes('code=FAILFAST')) ?? '';
  assert.ok(
    failed.startsWith(
      ` INFO ThreadId(02) ${proxy}:rescue{client.addr=${address}}: heddle::proxy::respond: ` +
        'HTTP/1.1 request failed error="service in fail-fast: ',
    ),
    failed,
  );
  assert.ok(failed.endsWith(' code=FAILFAST path=/path'), failed);
  const origin = await startOrigin(answerAlways(ok), { host: ownHost, port });
  cleanUp(t, () => origin.close());
  harness.passTime(firstShutMs);
  const [next] = await connect(t, harness.outboundPort);
  next.write(get);
  await next.readResponse();
  const exit = await untilLine('exiting failfast');
  assert.match(exit, /: Available; exiting failfast service=web elapsed=\d+\.\d+$/);
  assert.ok(exit.startsWith(` INFO ThreadId(02) ${service}: heddle::proxy::balance: `), exit);
});

test('an application that is not there', async (t) => {
  const { harness, port, lines, untilLine } = await start(t, 'inbound:', {
    failfastTimeoutMs: 1_000,
  });
  await shutGate(t, harness.inboundPort);
  const [client] = await connect(t, harness.inboundPort);
  client.write(get);
  const server = 'inbound:server{port=IN}';
  assert.match(
    await untilLine('Failed to connect'),
    /^ WARN ThreadId\(02\) inbound:server\{port=IN\}: heddle::proxy::reconnect: Failed to connect /,
  );
  await untilTurn('the queue', () => harness.metric('heddle_queue_length') === 1);
  harness.passTime(1_100);
  await client.readResponse();
  assert.equal(
    lines().find((line) => line.includes('failfast after')),
    ` WARN ThreadId(02) ${server}: heddle::proxy::failfast: ` +
      'Service entering failfast after 1s',
  );
  assert.match(
    await untilLine('HTTP/1.1 request failed'),
    /:rescue\{client\.addr=127\.0\.0\.1:\d+\}: /,
  );
  const origin = await startOrigin(answerAlways(ok), { host: ownHost, port });
  cleanUp(t, () => origin.close());
  harness.passTime(firstShutMs);
  const [next] = await connect(t, harness.inboundPort);
  next.write(get);
  await next.readResponse();
  const recovered = await untilLine('recovered');
  assert.ok(recovered.startsWith(` INFO ThreadId(02) ${server}: heddle::proxy::failfast: `));
});

test('a connection that is not carried: info, with the error', async (t) => {
  const { harness, untilLine } = await start(t, 'bind:bound:1', { opaqueFailfastTimeoutMs: 1_000 });
  await shutGate(t, harness.bindPort);
  const [client, address] = await connect(t, harness.bindPort);
  client.write('\x00\x01\x02\x03 no protocol that we know');
  const detected = () => harness.metric('outbound_tcp_detect_http_results_total');
  await untilTurn('what it is', () => detected() === 2);
  harness.passTime(1_100);
  const closed = await untilLine('service in fail-fast');
  const rest = `client.addr=${address} code=FAILFAST`;
  assert.ok(closed.startsWith(' INFO ThreadId(02) outbound: heddle::proxy::serve: '), closed);
  assert.match(closed, /Connection closed error="service in fail-fast: /);
  assert.ok(closed.endsWith(rest), closed);
  const failfast = await untilLine('Service entering failfast after');
  assert.match(failfast, /^ WARN ThreadId\(02\) outbound:proxy\{addr=bound:1\}:service\{/);
  const all = await untilLine('service in fail-fast', 'debug');
  assert.ok(
    all.startsWith(
      ` INFO ThreadId(02) outbound:accept{client.addr=${address}}: heddle::proxy::serve`,
    ),
    all,
  );
});

test('connections end quietly, unless a filter asks for them', async (t) => {
  const origin = await startOrigin(answerAlways(ok));
  cleanUp(t, () => origin.close());
  const { harness, lines, untilLine } = await start(t, 'unused');
  harness.setTarget('host:web', { endpoints: [{ port: origin.port }] });
  const end = async (client: Wire): Promise<void> => {
    client.write(get);
    await client.readResponse();
    client.destroy();
  };
  const [quiet] = await connect(t, harness.outboundPort);
  await end(quiet);
  await untilTurn('its end', () => harness.metric('tcp_open_connections', { peer: 'src' }) === 0);
  assert.deepEqual(lines('debug'), []);
  const [wanted, address] = await connect(t, harness.outboundPort);
  const [other] = await connect(t, harness.outboundPort);
  const filter = `off,[{client.addr=${address}}]=debug`;
  harness.send({ kind: 'log-filters', filters: [filter] });
  await end(other);
  await end(wanted);
  assert.equal(
    await untilLine('Connection closed', filter),
    `DEBUG ThreadId(02) accept{client.addr=${address}}: heddle::proxy::serve: Connection closed`,
  );
  await untilTurn('all', () => harness.metric('tcp_open_connections', { peer: 'src' }) === 0);
  assert.equal(harness.logs.length, 1);
  harness.send({ kind: 'log-filters', filters: ['debug'] });
  harness.setTarget('inbound:', { endpoints: [{ port: origin.port }] });
  const [last, lastAddress] = await connect(t, harness.inboundPort);
  last.destroy();
  assert.equal(
    await untilLine('inbound', 'debug'),
    `DEBUG ThreadId(02) inbound:accept{client.addr=${lastAddress}}: ` +
      'heddle::proxy::serve: Connection closed',
  );
});

test('a name that a client has made up cannot forge a line', async (t) => {
  const { lines, harness, untilLine } = await start(t, 'host:web');
  const [client] = await connect(t, harness.outboundPort);
  client.write('GET /x%0a}:\x22y\xff HTTP/1.1\r\nHost: nobody\r\n\r\n');
  await client.readResponse();
  const failed = await untilLine('request failed').catch(() => lines().join('\n'));
  assert.match(failed, /^ INFO [^\n]+ HTTP\/1\.1 request failed error=[^\n]+$/);
});
