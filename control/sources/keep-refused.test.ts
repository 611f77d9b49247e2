/**
 * Goal: an entry that is refused stays what it was, where it was something, and nothing else of the
 * configuration notices. Method: what two texts say, the second with mistakes.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigRest, LoadedConfig } from '../model/loaded-config.ts';
import { keepRefused, tellKept } from './keep-refused.ts';
import { parseConfig } from './parse-config.ts';

function load(text: string): LoadedConfig {
  const result = parseConfig('/m/heddle.yaml', text);
  assert.ok('config' in result, JSON.stringify(result));
  return result.config;
}

function restOf(text: string) {
  const result = parseConfig('/m/heddle.yaml', text);
  assert.ok('problems' in result && result.rest !== undefined, JSON.stringify(result));
  const rest: ConfigRest = result.rest;
  return { rest, problems: result.problems };
}

const before = load(`services:
  web: { port: 80, dns: "web.internal:1", bind: 127.0.0.1:9 }
  api: { port: 80, dns: "api.internal:1", bind: 127.0.0.1:10 }
  old: { port: 80, dns: "old.internal:1", bind: 127.0.0.1:11 }
`);

test('of a refused service all of what it was stays, in its place', () => {
  const { rest, problems } = restOf(`services:
  new: { port: 80, dns: "new.internal:1", bind: 127.0.0.1:12 }
  api: { port: 81, dns: "api.internal:1", bind: 127.0.0.1:10 }
  web: { port: 82, dns: "web.internal", bind: 127.0.0.1:13 }
  none: { port: 80 }
`);
  const after = keepRefused(rest, before);
  assert.deepEqual(
    after.services.map(({ name, port }) => `${name} ${port}`),
    ['web 80', 'api 81', 'new 80'],
  );
  assert.deepEqual(after.services[0], before.services[0]);
  assert.deepEqual(
    after.settings.binds.map(({ address }) => address.port),
    [9, 12, 10],
  );
  assert.deepEqual(
    tellKept(problems, before).map(({ entry, remedy }) => `${entry}: ${remedy.split('; ').at(-1)}`),
    [
      'services.web: until then what it said before stays',
      'services.none: until then it is left out',
    ],
  );
  const same = keepRefused(restOf('services:\n  web: 5\n').rest, before);
  const [web] = before.settings.binds;
  assert.deepEqual(same.settings.binds, [web], 'no bind seems to have changed');
});

test('a service that is in another one by mistake is not gone', () => {
  const { rest } = restOf(`services:
  web: { port: 80, dns: "web.internal:1" }
  api:
    port: 80
    dns: api.internal:1
    old: { port: 80, dns: "old.internal:1" }
`);
  assert.deepEqual(
    keepRefused(rest, before).services.map(({ name }) => name),
    ['web', 'api', 'old'],
  );
});
