/**
 * What a test undoes at its end, in the reverse order of how it came: a process ends before the
 * folder goes that it writes into. `t.after` of node:test runs in the order of registration.
 */

import type { TestContext } from 'node:test';

type Work = () => unknown;

const stacks = new WeakMap<TestContext, Work[]>();

/** All of it runs, also behind a failure; the first failure is the test's. */
export function cleanUp(t: TestContext, work: Work): void {
  const stack = stacks.get(t);
  if (stack !== undefined) {
    stack.push(work);
    return;
  }
  const fresh = [work];
  stacks.set(t, fresh);
  t.after(() => unwind(fresh));
}

async function unwind(stack: Work[]): Promise<void> {
  const failures: unknown[] = [];
  for (let work = stack.pop(); work !== undefined; work = stack.pop()) {
    try {
      await work();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
