/**
 * Goal: the file's services follow the file, and whatever is wrong with it is a problem while the
 * last good ones stay. Method: a real file, and a clock that is moved by hand.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { ConfigCatalog } from './config-catalog.ts';
import { loadConfig } from './load-config.ts';

test('services follow the file, problems say why they do not', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-catalog-'));
  const path = join(folder, 'heddle.yaml');
  const write = (port: number | string, manifests = './mesh.d'): void =>
    writeFileSync(
      path,
      `services: { web: { port: ${port}, join: true } }\nmanifests: ${manifests}\n`,
    );
  write(80);
  const loaded = await loadConfig(path);
  assert.ok('config' in loaded);
  const clock = new FakeClock(1_000, Date.now());
  const timers = new TimerWheel(clock, clock.wakeSource);
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (text: string) => void warnings.push(text) };
  const catalog = new ConfigCatalog(loaded.config, { clock, timers, log });
  t.after(() => {
    catalog.close();
    timers.close();
    rmSync(folder, { recursive: true });
  });
  // Whoever is looking at the file just now looks again after a while.
  const changed = async (): Promise<void> => {
    let told = false;
    const stop = catalog.onChange(() => {
      told = true;
    });
    await untilTurn('a change', () => {
      if (!told) clock.advance(100);
      return told;
    });
    stop();
  };
  const ports = (): number[] => catalog.services().map(({ port }) => port);
  assert.deepEqual([ports(), catalog.isSettling(), catalog.status().error], [[80], false, null]);
  write(81);
  await changed();
  assert.deepEqual([ports(), catalog.problems(), catalog.status().objects], [[81], [], 1]);
  write('none');
  await changed();
  assert.deepEqual(ports(), [81]);
  const [problem] = catalog.problems();
  const said = 'got "none"; for example port: 80; until then what it said before stays';
  assert.deepEqual([problem.object, problem.field], ['services.web in heddle.yaml:1', 'port']);
  assert.ok(problem.reason.endsWith(said), problem.reason);
  assert.deepEqual(warnings, ['an object is refused, the others apply']);
  assert.deepEqual([catalog.result, catalog.status().error], ['partial', null]);
  writeFileSync(path, 'services: 5\n');
  await changed();
  assert.deepEqual([ports(), catalog.result], [[81], 'refused']);
  assert.match(catalog.status().error ?? '', /^.*heddle\.yaml:1:11: services: expected a mapping/);
  const { object, field } = catalog.problems()[0];
  assert.deepEqual([object, field], ['heddle.yaml:1', 'services']);
  rmSync(path);
  await changed();
  assert.match(catalog.problems()[0].reason, /it does not exist/);
  assert.deepEqual(ports(), [81]);
  write(82, './other.d');
  await changed();
  assert.deepEqual([ports(), catalog.problems(), catalog.status().error], [[82], [], null]);
  assert.equal(catalog.result, 'applied');
  assert.match(warnings.at(-1) ?? '', /wait for a restart/);
});
