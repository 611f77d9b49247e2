/**
 * Goal: a valid change arrives as a configuration, one with mistakes as what is right of it and
 * what was there before, or as problems alone, each once, and none of them stops the next. Method:
 * a real file that is written over.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { watchConfig } from './config-watch.ts';
import { formatProblem, loadConfig } from './load-config.ts';

async function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-config-'));
  const path = join(folder, 'heddle.yaml');
  writeFileSync(path, services(80));
  const loaded = await loadConfig(path);
  assert.ok('config' in loaded);
  // Written between the load and the watch: must not be lost.
  writeFileSync(path, services(81));
  const clock = new FakeClock(1_000, Date.now());
  const timers = new TimerWheel(clock, clock.wakeSource);
  const events: string[] = [];
  let wake: () => void = () => undefined;
  const add = (event: string): void => {
    events.push(event);
    wake();
  };
  const close = watchConfig(
    loaded.config,
    loadConfig,
    { clock, timers },
    {
      onConfig: ({ services: all }, problems) =>
        add(
          [
            ...all.map(({ name, port }) => `${name} ${port}`),
            ...problems.map(({ key, remedy }) => `${key}: ${remedy.split('; ').at(-1)}`),
          ].join(', '),
        ),
      onProblems: (problems) => add(problems.map(formatProblem).join().replace(folder, '')),
    },
  );
  t.after(() => {
    close();
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
  const change = (text: string | null): Promise<string> => {
    if (text === null) rmSync(path);
    else writeFileSync(path, text);
    clock.advance(2_100);
    return next();
  };
  return { next, change };
}

test('what is right of a change applies, mistakes are told and the old stays', async (t) => {
  const { next, change } = await setUp(t);
  assert.equal(await next(), 'web 81');
  const stays = 'services.web.port: until then what it said before stays';
  assert.equal(await change(services(0)), `web 81, ${stays}`);
  assert.equal(await change(api(1, 0)), `web 81, api 1, ${stays}`);
  const out = 'services.new: until then it is left out';
  assert.equal(
    await change('services: { api: { port: 2, dns: "a:1" }, new: 1 }\n'),
    `api 2, ${out}`,
  );
  assert.match(await change('services: [\n'), /not valid YAML/);
  assert.match(await change('\n'), /heddle\.yaml:1:1: it is empty; write a comment/);
  assert.match(await change(null), /it does not exist; the configuration that was loaded last/);
  assert.equal(await change(api(2, 0)), 'api 2, services.web.port: until then it is left out');
  assert.equal(await change(api(2, 81)), 'api 2, web 81');
  assert.match(await change('services: 1\n'), /services: expected a mapping/);
  assert.equal(await change(api(2, 81)), 'api 2, web 81', 'that the file is well again is told');
  assert.equal(await change(services(82)), 'web 82');
});

function services(port: number): string {
  return `services: { web: { port: ${port}, dns: "web.internal:1" } }\n`;
}

function api(port: number, web: number): string {
  return services(web).replace('{', `{ api: { port: ${port}, dns: "a:1" },`);
}
