/**
 * Goal: exact lines in both formats, no way out of a line for a client, and batches that are
 * bounded. Method: one exchange, then hostile values of it.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessBatchChars, accessValueCharsMax } from '../base/limits.ts';
import type { AccessRecord } from './access-log.ts';
import { AccessLog } from './access-log.ts';

const record: AccessRecord = {
  clientHost: '10.1.2.3',
  clientPort: 51_000,
  clientId: '',
  startWallMs: Date.UTC(2026, 7, 1, 12, 30, 15, 7),
  method: 'GET',
  uri: '/a?b=c',
  version: 'HTTP/1.1',
  traceId: 'abc',
  requestBytes: '12',
  status: 200,
  responseBytes: 1_234,
  totalMs: 12.5,
  processingMs: 2.000001,
  userAgent: 'curl/8',
  host: 'web',
};

function formatOne(format: 'json' | 'common' | 'apache', one: AccessRecord): string {
  let text = '';
  const log = new AccessLog(format, (lines) => (text += lines));
  log.log(one);
  log.flush();
  return text;
}

test('JSON has the fields of Linkerd', () => {
  assert.equal(
    formatOne('json', record),
    '{"client.addr":"10.1.2.3:51000","client.id":"-","timestamp":"2026-08-01T12:30:15.007Z",' +
      '"method":"GET","uri":"/a?b=c","version":"HTTP/1.1","trace_id":"abc","request_bytes":"12",' +
      '"status":200,"response_bytes":1234,"total_ns":"12500000","processing_ns":"2000001",' +
      '"user_agent":"curl/8","host":"web"}\n',
  );
  const v6 = JSON.parse(formatOne('json', { ...record, clientHost: '::1' }));
  assert.equal(v6['client.addr'], '[::1]:51000');
});

test('the common format is that of web servers', () => {
  assert.equal(
    formatOne('common', record),
    '10.1.2.3 - - [01/Aug/2026:12:30:15 +0000] "GET /a?b=c HTTP/1.1" 200 1234\n',
  );
  const meshed = { ...record, clientId: 'web.default', status: 0, responseBytes: 0 };
  assert.equal(
    formatOne('common', meshed),
    '10.1.2.3 web.default - [01/Aug/2026:12:30:15 +0000] "GET /a?b=c HTTP/1.1" - -\n',
  );
});

test('the apache format is what Linkerd writes under that name', () => {
  assert.equal(
    formatOne('apache', record),
    '10.1.2.3:51000 - - [2026-08-01T12:30:15.007Z] "GET /a?b=c HTTP/1.1" 200\n',
  );
  const meshed = { ...record, clientHost: '::1', clientId: 'web.default', uri: '/"', status: 0 };
  assert.equal(
    formatOne('apache', meshed),
    '[::1]:51000 web.default - [2026-08-01T12:30:15.007Z] "GET /\\" HTTP/1.1" -\n',
  );
});

test('a client cannot end a field or a line', () => {
  const hostile = { ...record, uri: '/" 200 1\n\u001b[31m\\é\u202e', userAgent: '"\n\u009b' };
  assert.equal(
    formatOne('common', hostile),
    '10.1.2.3 - - [01/Aug/2026:12:30:15 +0000] ' +
      '"GET /\\" 200 1\\x0a\\x1b[31m\\\\\\xc3\\xa9\\xe2\\x80\\xae HTTP/1.1" 200 1234\n',
  );
  const json = formatOne('json', hostile);
  assert.equal(json.indexOf('\n'), json.length - 1);
  assert.equal(JSON.parse(json).uri, hostile.uri);
  assert.doesNotMatch(json.trimEnd(), /[\p{Cc}\u202e]/u);
});

test('long values are cut', () => {
  const long = { ...record, uri: `/${'x'.repeat(100_000)}`, userAgent: 'y'.repeat(100_000) };
  assert.ok(formatOne('json', long).length < 2 * accessValueCharsMax + 1_000);
  assert.ok(formatOne('common', long).length < accessValueCharsMax + 1_000);
});

test('lines are passed on when a batch is full or at a flush, and not else', () => {
  const batches: string[] = [];
  const log = new AccessLog('common', (lines) => batches.push(lines));
  log.flush();
  assert.equal(batches.length, 0);
  let lines = 0;
  while (batches.length === 0) {
    log.log(record);
    lines += 1;
  }
  assert.ok(batches[0].length >= accessBatchChars && batches[0].length < accessBatchChars + 200);
  assert.equal(batches[0].split('\n').length, lines + 1);
  log.flush();
  assert.equal(batches.length, 1);
  log.log(record);
  log.flush();
  assert.equal(batches.length, 2);
});
