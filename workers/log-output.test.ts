/**
 * Goal: each line goes to whoever wants it and to nobody else, in the bytes that operators of
 * Linkerd know. Method: exact bytes, with a clock moved by hand.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultConfig } from '../control/model/default-settings.ts';
import { version } from '../core/base/version.ts';
import { parseLogFilter } from '../core/telemetry/log-filter.ts';
import { FakeClock } from '../test/support/fake-clock.ts';
import { LogOutput } from './log-output.ts';
import { logDestinations, logInterfaces, logReady, logRelease } from './log-start.ts';

function create(logLevel: string, logFormat: 'plain' | 'json' = 'plain') {
  const clock = new FakeClock();
  const startMs = clock.monotonicMs();
  let written = '';
  const told: (readonly string[])[] = [];
  const output = new LogOutput({
    settings: { logLevel, logFormat },
    clock,
    writeBytes: (bytes, done) => {
      written += Buffer.from(bytes).toString();
      queueMicrotask(() => done(null, bytes.length));
    },
    dropped: () => assert.fail('nothing is dropped'),
    onFilters: (filters) => told.push(filters),
    uptimeMs: () => clock.monotonicMs() - startMs,
  });
  const read = async (): Promise<string> => {
    await output.idle();
    return written;
  };
  return { clock, output, told, read };
}

const settings = {
  ...defaultConfig.settings,
  inbound: { host: '0.0.0.0', port: 4143 },
  outboundSecond: { host: '::1', port: 4140 },
  control: 'dst:8086',
  controlServerName: 'dst.linkerd.id',
};

test('the lines of a start are those of Linkerd, in its order', async () => {
  const { clock, output, read } = create('warn,linkerd=info,hickory=error');
  clock.advance(71.746);
  logRelease(output.log, 1);
  clock.advance(1);
  logInterfaces(output.log, settings);
  logDestinations(output.log, settings, 'heddle.yaml');
  logReady(output.log, settings, 1);
  assert.equal(
    await read(),
    `[     0.071746s]  INFO ThreadId(01) heddle: release ${version} by heddle
[     0.071746s]  INFO ThreadId(01) heddle::rt: Using single-threaded proxy runtime
[     0.072746s]  INFO ThreadId(01) heddle: Admin interface on 127.0.0.1:4191
[     0.072746s]  INFO ThreadId(01) heddle: Inbound interface on 0.0.0.0:4143
[     0.072746s]  INFO ThreadId(01) heddle: Outbound interface on 127.0.0.1:4140
[     0.072746s]  INFO ThreadId(01) heddle: Outbound interface on [::1]:4140
[     0.072746s]  INFO ThreadId(01) heddle: Tap DISABLED
[     0.072746s]  INFO ThreadId(01) heddle: Destinations resolved via dst:8086 (dst.linkerd.id)
[     0.072746s]  INFO ThreadId(01) heddle: ready workers=1 accept=transfer
`,
  );
});

test('more workers, and a configuration file', async () => {
  const { clock, output, read } = create('info', 'json');
  logRelease(output.log, 3);
  logDestinations(output.log, defaultConfig.settings, '/etc/heddle.yaml');
  const [, runtime, destinations] = (await read()).split('\n');
  assert.equal(
    runtime,
    `{"timestamp":"${new Date(clock.wallMs()).toISOString()}","level":"INFO",` +
      '"fields":{"message":"Using multi-threaded proxy runtime","cores":3},' +
      '"target":"heddle::rt","threadId":"ThreadId(1)"}',
  );
  const { message } = JSON.parse(destinations).fields;
  assert.equal(message, 'Destinations resolved via /etc/heddle.yaml');
});

test('log and watchers have filters of their own, threads are told of all', async () => {
  const { output, told, read } = create('warn');
  const lines: string[] = [];
  const { filter } = parseLogFilter('heddle::drain=debug');
  const stop = output.watch({ filter, onLine: (line) => lines.push(line) });
  assert.deepEqual(told.at(-1), ['warn', 'heddle::drain=debug']);
  output.log.debug('heddle::drain', 'watched');
  output.log.warn('heddle::drain', 'both', { left: 2 });
  output.write({ level: 'info', target: 'heddle::proxy', message: 'neither', fields: {} }, 2);
  output.write({ level: 'error', target: 'heddle::proxy', message: 'logged', fields: {} }, 2);
  assert.deepEqual(
    lines.map((line) => [JSON.parse(line).fields.message, JSON.parse(line).threadId]),
    [
      ['watched', 'ThreadId(1)'],
      ['both', 'ThreadId(1)'],
    ],
  );
  stop();
  stop();
  assert.deepEqual(told.at(-1), ['warn']);
  assert.equal(told.length, 2);
  output.log.debug('heddle::drain', 'nobody');
  output.filter = parseLogFilter('off').filter;
  output.log.error('heddle::drain', 'nobody');
  assert.equal(lines.length, 2);
  assert.equal(
    await read(),
    '[     0.000000s]  WARN ThreadId(01) heddle::drain: both left=2\n' +
      '[     0.000000s] ERROR ThreadId(02) heddle::proxy: logged\n',
  );
});
