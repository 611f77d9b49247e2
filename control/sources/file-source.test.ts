/**
 * Goal: all forms of an endpoints file are understood, and whatever is wrong with one is named by
 * its line and takes nothing away. Method: texts, and a real file that is written over.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { parseEndpointsFile } from './endpoints-file.ts';
import { openFileSource } from './file-source.ts';

const both = {
  endpoints: [
    { host: '10.0.0.1', port: 80, weight: 1, zone: '' },
    { host: '2001:db8::1', port: 81, weight: 2.5, zone: '' },
  ],
};

const forms: Readonly<Record<string, string>> = {
  lines: '# ours\n\n10.0.0.1 80 # first\n  2001:db8::1\t81  *  2.5\r\n',
  'lines with colons': '10.0.0.1:80\n[2001:db8:0::1]:81 * 2.5\n',
  JSON: '["10.0.0.1:80", { "address": "[2001:db8::1]:81", "weight": 2.5 }]\n',
  'a YAML list': '# ours\n- 10.0.0.1:80\n- { address: "[2001:db8::1]:81", weight: 2.5 }\n',
  'a YAML list in brackets': '[10.0.0.1:80, { address: "[2001:db8::1]:81", weight: 2.5 }]\n',
};

for (const [form, text] of Object.entries(forms)) {
  test(`understands ${form}`, async () => {
    assert.deepEqual(await parseEndpointsFile('/e', text), both);
  });
}

test('a file is empty only when it says so', async () => {
  for (const text of ['# empty\n', '  #empty  \n\n', '[]', '# none\n[]\n']) {
    assert.deepEqual(await parseEndpointsFile('/e', text), { endpoints: [] }, text);
  }
  for (const text of ['', '\n', '# nothing here\n', '# empty?\n']) {
    const result = await parseEndpointsFile('/e', text);
    assert.match('error' in result ? result.error : '', /no endpoints.*"# empty"/, text);
  }
});

const wrong: readonly (readonly [text: string, error: RegExp])[] = [
  ['10.0.0.1 80\n10.0.0.2\n', /^\/e:2: expected "IP port \[\* weight\]", got "10\.0\.0\.2"/],
  ['web 80\n', /^\/e:1: .*use dns: instead/],
  ['10.0.0.1 0\n', /^\/e:1: /],
  ['10.0.0.1 65536\n', /^\/e:1: /],
  ['10.0.0.1 80 2\n', /^\/e:1: /],
  ['10.0.0.1 80 * 0\n', /^\/e:1: expected a weight above 0/],
  ['10.0.0.1 80 * -1\n', /^\/e:1: expected a weight/],
  ['10.0.0.1 80 *\n', /^\/e:1: expected a weight/],
  ['10.0.0.1 80\0\n', /^\/e:1: /],
  ['["10.0.0.1:80", "10.0.0.2:8', /^\/e:\d:\d+: not valid YAML/],
  ['["10.0.0.1:80",\n "web:80"]', /^\/e:2:2: \[1\]: expected IP:port/],
  ['[{ "address": "10.0.0.1:80", "weigth": 2 }]', /weigth: unknown key; did you mean weight/],
  ['10.0.0.1 80\n'.repeat(10_001), /^\/e:10001: more than 10000 endpoints/],
];

for (const [text, error] of wrong) {
  test(`refuses ${JSON.stringify(text.slice(0, 40))}`, async () => {
    const result = await parseEndpointsFile('/e', text);
    assert.match('error' in result ? result.error : '', error);
  });
}

test('a file that is half written, emptied or deleted keeps the last good set', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-endpoints-'));
  const path = join(folder, 'web.endpoints');
  writeFileSync(path, '10.0.0.1 80\n10.0.0.2 80\n');
  const clock = new FakeClock(1_000, Date.now());
  const timers = new TimerWheel(clock, clock.wakeSource);
  const events: string[] = [];
  let wake: () => void = () => undefined;
  const add = (event: string): void => {
    events.push(event);
    wake();
  };
  const source = openFileSource(
    path,
    { clock, timers },
    {
      onEndpoints: (endpoints) => add(`${endpoints.length} endpoints`),
      onError: (reason) => add(reason.replace(folder, '')),
    },
  );
  t.after(() => {
    source.close();
    timers.close();
    rmSync(folder, { recursive: true });
  });
  const next = async (): Promise<string> => {
    while (events.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return events.shift() ?? '';
  };
  const change = async (text: string | null): Promise<string> => {
    if (text === null) rmSync(path);
    else writeFileSync(path, text);
    clock.advance(2_100);
    return next();
  };
  assert.equal(await next(), '2 endpoints');
  assert.match(await change('10.0.0.1 80\n10.0.0.\n'), /^\/web\.endpoints:2: expected/);
  assert.match(await change(''), /has no endpoints/);
  assert.match(await change(null), /^\/web\.endpoints: it does not exist/);
  assert.equal(await change('10.0.0.1 80\n'), '1 endpoints');
  clock.advance(2_100);
  assert.equal(await next(), '1 endpoints', 'an unchanged file confirms its endpoints');
  assert.equal(await change('# empty\n'), '0 endpoints');
});
