/**
 * Goal: what a process says of itself is taken or refused with a reason, and one that is refused
 * leaves nothing. Method: one wrong field each.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimerWheel } from '../../core/base/timers.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { registration } from '../../test/support/joined.ts';
import type { Registration } from '../model/registration.ts';
import { Registry } from './registry.ts';

const wrong: Readonly<Record<string, Partial<Record<keyof Registration, unknown>>>> = {
  'instance: ': { instance: 'a b' },
  'namespace: ': { namespace: 'Demo' },
  'service: ': { service: 'web.demo' },
  'servicePort: ': { servicePort: 0 },
  'protocol: ': { protocol: 'http3' },
  'host: ': { host: 'localhost' },
  'port: ': { port: -1 },
  'weight: ': { weight: Number.NaN },
  'zone: ': { zone: 'a\nb' },
  'admin: ': { admin: 'localhost:1' },
  'version: ': { version: 'x'.repeat(65) },
};

for (const [field, values] of Object.entries(wrong)) {
  test(`refuses a wrong ${field}`, (t) => {
    const clock = new FakeClock();
    const timers = new TimerWheel(clock, clock.wakeSource);
    const log = { info: () => undefined, warn: () => undefined };
    const registry = new Registry({ clock, timers, log, trustDomain: 'mesh.local', path: null });
    t.after(() => registry.close());
    const result = registry.join({ ...registration(), ...(values as Partial<Registration>) }, 1);
    assert.ok('refused' in result && result.refused.startsWith(field), JSON.stringify(result));
    assert.deepEqual(registry.services(), []);
  });
}
