/**
 * Goal: lines are what operators of Linkerd know, nothing from a peer can forge or garble one,
 * repeats cost one line, and the number of things remembered is bounded. Method: exact lines and
 * the records that reach the sink, with a clock moved by hand.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { LogSpan } from '../../api/messages.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import {
  logFieldsMax,
  logRepeatMs,
  logRepeatsMax,
  logSpansMax,
  logValueCharsMax,
} from '../base/limits.ts';
import { Logger } from './log.ts';
import type { LogRecord } from './log-format.ts';
import { formatJson, formatPlain } from './log-format.ts';

const record: LogRecord = {
  level: 'warn',
  target: 'heddle::pool',
  message: 'Failed to connect',
  fields: { endpoint: '10.0.0.5:80', error: 'connection refused', attempts: 3 },
};

test('a plain line has the shape of Linkerd', () => {
  assert.equal(
    formatPlain(record, 12_345.678, 2),
    '[    12.345678s]  WARN ThreadId(02) heddle::pool: Failed to connect ' +
      'endpoint=10.0.0.5:80 error="connection refused" attempts=3\n',
  );
  const other = { level: 'error', target: 't', message: 'm', fields: {} } as const;
  assert.equal(formatPlain(other, 0, 12), '[     0.000000s] ERROR ThreadId(12) t: m\n');
});

test('a JSON line has the names of Linkerd', () => {
  assert.equal(
    formatJson(record, Date.UTC(2026, 7, 1, 12, 30, 15, 7), 2),
    '{"timestamp":"2026-08-01T12:30:15.007Z","level":"WARN",' +
      '"fields":{"message":"Failed to connect","endpoint":"10.0.0.5:80",' +
      '"error":"connection refused","attempts":3},"target":"heddle::pool",' +
      '"threadId":"ThreadId(2)"}\n',
  );
});

test('control characters, escapes of terminals and marks of direction are written as codes', () => {
  const hostile: LogRecord = {
    level: 'info',
    target: 'heddle',
    message: 'a\r\nb\u001b[31mred\u0000',
    fields: { 'x\ny': 'one\n[ forged', quote: '"\\', bidi: 'a\u202eb', c1: '\u009b1m', empty: '' },
  };
  assert.equal(
    formatPlain(hostile, 0, 1),
    '[     0.000000s]  INFO ThreadId(01) heddle: a\\r\\nb\\x1b[31mred\\x00 ' +
      'x\\ny="one\\n[ forged" quote="\\"\\\\" bidi=a\\u{202e}b c1=\\x9b1m empty=""\n',
  );
  const json = formatJson(hostile, 0, 1);
  assert.match(json, /^[ -~]+\n$/);
  assert.equal(JSON.parse(json).fields.message, hostile.message);
  assert.equal(JSON.parse(json).fields.bidi, hostile.fields.bidi);
});

test('whatever the values are, a record is one printable line', () => {
  const texts = fc.string({ unit: 'binary', maxLength: 40 });
  fc.assert(
    fc.property(texts, texts, texts, (message, name, value) => {
      const one: LogRecord = { level: 'info', target: 't', message, fields: { [name]: value } };
      for (const line of [formatPlain(one, 1, 1), formatJson(one, 1, 1)]) {
        assert.match(line, /^[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]*\n$/u);
      }
      if (name === '__proto__' || name === 'message') return;
      const fields = JSON.parse(formatJson(one, 1, 1)).fields;
      assert.equal(fields.message, message);
      assert.equal(fields[name], value);
    }),
    { numRuns: 500 },
  );
});

test('a line is bounded, whatever is logged', () => {
  const long = 'x'.repeat(1_000_000);
  const names = Array.from({ length: 1_000 }, (_, index) => [`f${index}`, long] as const);
  const one: LogRecord = { level: 'info', target: 't', message: long, fields: {} };
  const all = { ...one, fields: Object.fromEntries(names) };
  const charsMax = (logFieldsMax + 2) * (logValueCharsMax + 20);
  assert.ok(formatPlain(all, 1, 1).length < charsMax);
  assert.ok(formatJson(all, 1, 1).length < charsMax);
});

const spans: readonly LogSpan[] = [
  { name: 'outbound', level: 'info', target: 'heddle', fields: {} },
  {
    name: 'proxy',
    level: 'info',
    target: 'heddle::proxy',
    fields: { addr: '10.0.0.1:80' },
  },
  {
    name: 'service',
    level: 'info',
    target: 'heddle::proxy',
    fields: { ns: '', name: 'web', port: 80 },
  },
];

test('a line tells in what it was logged, the outermost first', () => {
  const chained: LogRecord = { ...record, spans };
  assert.equal(
    formatPlain(chained, 12_345.678, 2),
    '[    12.345678s]  WARN ThreadId(02) outbound:proxy{addr=10.0.0.1:80}:' +
      'service{ns= name=web port=80}: heddle::pool: Failed to connect ' +
      'endpoint=10.0.0.5:80 error="connection refused" attempts=3\n',
  );
  assert.equal(
    formatJson({ ...chained, fields: {} }, 0, 2),
    '{"timestamp":"1970-01-01T00:00:00.000Z","level":"WARN",' +
      '"fields":{"message":"Failed to connect"},"target":"heddle::pool",' +
      '"spans":[{"name":"outbound"},{"addr":"10.0.0.1:80","name":"proxy"},' +
      '{"ns":"","field.name":"web","port":80,"name":"service"}],"threadId":"ThreadId(2)"}\n',
  );
});

test('no field of a span can end a line, or look like another span', () => {
  const fields = { addr: 'a}:other{b=c}: heddle: forged\n[', 'x\ny': 'two words', z: 'a=b' };
  const one: LogRecord = {
    level: 'info',
    target: 't',
    message: 'm',
    fields: {},
    spans: [{ name: 'gate\r\nway', level: 'info', target: 't', fields }],
  };
  assert.equal(
    formatPlain(one, 0, 1),
    '[     0.000000s]  INFO ThreadId(01) gate\\r\\nway{' +
      'addr="a}:other{b=c}: heddle: forged\\n[" x\\ny="two words" z="a=b"}: t: m\n',
  );
  const json = formatJson(one, 0, 1);
  assert.match(json, /^[ -~]+\n$/);
  assert.deepEqual(JSON.parse(json).spans, [{ ...fields, name: 'gate\r\nway' }]);
});

test('spans are bounded in number and size', () => {
  const long = 'x'.repeat(1_000_000);
  const many = Array.from({ length: 1_000 }, (_, index) => [`f${index}`, long] as const);
  const span = { ...spans[1], name: long, fields: Object.fromEntries(many) };
  const one: LogRecord = { ...record, fields: {}, spans: Array.from({ length: 50 }, () => span) };
  const charsMax = (logSpansMax + 1) * (logFieldsMax + 2) * (logValueCharsMax + 20);
  assert.ok(formatPlain(one, 1, 1).length < charsMax);
  assert.ok(formatJson(one, 1, 1).length < charsMax);
});

function createLogger(level?: string) {
  const clock = new FakeClock();
  const records: LogRecord[] = [];
  const logger = new Logger((one) => records.push(one), clock, level);
  return { clock, logger, messages: () => records.map(({ message }) => message), records };
}

test('the level decides, and changes at run time', () => {
  const { logger, messages } = createLogger();
  const logAll = (): void => {
    logger.error('t', 'error');
    logger.warn('t', 'warn');
    logger.info('t', 'info');
    logger.debug('t', 'debug');
    logger.flush(true);
  };
  logAll();
  assert.deepEqual(messages(), ['error', 'warn', 'info']);
  assert.equal(logger.enabled('debug', 't'), false);
  logger.setFilters(['debug']);
  assert.equal(logger.enabled('debug', 't'), true);
  logger.debug('t', 'now');
  logger.setFilters(['error']);
  logger.warn('t', 'not');
  logger.error('t', 'late');
  logger.setFilters(['off']);
  logger.error('t', 'never');
  assert.deepEqual(messages().slice(3), ['now', 'late']);
});

test('a line is told when one of the filters lets it through', () => {
  const { logger, messages } = createLogger('warn,heddle::pool=debug');
  logger.debug('heddle::pool', 'pool');
  logger.info('heddle', 'not');
  logger.setFilters(['warn', 'heddle=info']);
  logger.info('heddle', 'now');
  logger.debug('heddle::pool', 'not');
  assert.deepEqual(messages(), ['pool', 'now']);
});

test('repeats are told once, when their time is over, with the newest fields', () => {
  const { clock, logger, records } = createLogger();
  for (let attempt = 1; attempt <= 1_000; attempt++) {
    logger.warn('pool', 'Failed to connect', { attempt });
  }
  logger.warn('pool', 'Something else');
  logger.info('pool', 'Failed to connect');
  assert.equal(records.length, 3);
  clock.advance(logRepeatMs - 1);
  logger.flush();
  assert.equal(records.length, 3);
  clock.advance(1);
  logger.flush();
  assert.deepEqual(records.slice(3), [
    {
      level: 'warn',
      target: 'pool',
      message: 'Failed to connect (repeated 999 times)',
      fields: { attempt: 1_000 },
    },
  ]);
  logger.warn('pool', 'Failed to connect', { attempt: 1_001 });
  assert.equal(records.length, 5);
  logger.flush(true);
  assert.equal(records.length, 5);
});

test('a line after the window tells the count of the window before', () => {
  const { clock, logger, messages } = createLogger();
  logger.info('t', 'again');
  logger.info('t', 'again');
  clock.advance(logRepeatMs);
  logger.info('t', 'again');
  assert.deepEqual(messages(), ['again', 'again (repeated 1 times)', 'again']);
});

test('debug lines are never collapsed', () => {
  const { logger, messages } = createLogger('debug');
  logger.debug('t', 'each');
  logger.debug('t', 'each');
  assert.deepEqual(messages(), ['each', 'each']);
});

test('the messages whose repeats are counted are bounded, and no count is lost', () => {
  const { logger, messages } = createLogger();
  logger.info('t', 'first');
  logger.info('t', 'first');
  for (let index = 0; index < logRepeatsMax; index++) logger.info('t', `message ${index}`);
  assert.ok(messages().includes('first (repeated 1 times)'));
  logger.info('t', 'first');
  assert.equal(messages().at(-1), 'first');
});

test('a filter by a span lets through what happens in it alone', () => {
  const { logger, records } = createLogger('warn,[proxy{addr=10.0.0.1:80}]=debug');
  const other = [{ ...spans[1], fields: { addr: '10.0.0.2:80' } }];
  assert.equal(logger.enabled('debug', 't'), true);
  logger.debug('t', 'this', {}, spans);
  logger.debug('t', 'not', {}, other);
  logger.info('t', 'nor', {}, other);
  logger.info('t', 'nor this');
  logger.warn('t', 'always');
  assert.deepEqual(records, [
    { level: 'debug', target: 't', message: 'this', fields: {}, spans },
    { level: 'warn', target: 't', message: 'always', fields: {} },
  ]);
});
