/** Goal: why a proxy gets no traffic, and why it takes none. Method: facts, one missing at a time. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainUnready, type ReadinessFacts, whyPaused } from './readiness.ts';

const all: ReadinessFacts = {
  hasStarted: true,
  isDraining: false,
  readyWorkers: 1,
  isRedirectedTo: true,
  identityNotReady: '',
  discoveryNotReady: '',
};

const rows: readonly (readonly [
  missing: Partial<ReadinessFacts>,
  unready: string,
  paused: ReturnType<typeof whyPaused>,
])[] = [
  [{}, '', null],
  [{ isDraining: true, hasStarted: false }, 'it is shutting down', null],
  [{ hasStarted: false }, 'it is starting', null],
  [{ readyWorkers: 0, identityNotReady: 'none' }, 'no worker is ready', 'workers'],
  [{ identityNotReady: 'none', discoveryNotReady: 'silent' }, 'none', 'identity'],
  [{ identityNotReady: 'none', isRedirectedTo: false }, 'none', null],
  [{ discoveryNotReady: 'silent' }, 'silent', null],
];

for (const [missing, unready, paused] of rows) {
  test(`${JSON.stringify(missing)} is "${unready}" and ${paused}`, () => {
    const facts = { ...all, ...missing };
    assert.equal(explainUnready(facts), unready);
    assert.equal(whyPaused(facts), paused);
  });
}
