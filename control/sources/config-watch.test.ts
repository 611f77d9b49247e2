/**
 * Goal: a valid change arrives as a configuration, a broken one as problems, once, and neither
 * stops the next. Method: a real file that is written over.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { watchConfig } from './config-watch.ts';
import { formatProblem, loadConfig } from './load-config.ts';

test('valid changes apply, broken ones are told and the old stays', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-config-'));
  const path = join(folder, 'heddle.yaml');
  const services = (port: number) =>
    `services: { web: { port: ${port}, dns: "web.internal:1" } }\n`;
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
      onConfig: (config) => add(`port ${config.services[0]?.port}`),
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
  assert.equal(await next(), 'port 81');
  assert.match(await change(services(0)), /^\/heddle\.yaml:1:26: services\.web\.port: expected/);
  assert.match(await change('services: [\n'), /not valid YAML/);
  assert.match(await change(null), /it does not exist; the configuration that was loaded last/);
  assert.equal(await change(services(81)), 'port 81', 'that the file is well again is told');
  assert.equal(await change(services(82)), 'port 82');
});
