/**
 * What a test undoes at its end, in the reverse order of how it came: a process ends before the
 * folder goes that it writes into. `t.after` of node:test runs in the order of registration. What
 * else starts the same pods, a load test or a benchmark, is an owner of its own kind.
 */

type Work = () => unknown;

/** A test, or whatever has an end of its own. */
export interface Owner {
  after(work: Work): void;
}

const stacks = new WeakMap<Owner, Work[]>();

/** All of it runs, also behind a failure; the first failure is the test's. */
export function cleanUp(t: Owner, work: Work): void {
  const stack = stacks.get(t);
  if (stack !== undefined) {
    stack.push(work);
    return;
  }
  const fresh = [work];
  stacks.set(t, fresh);
  t.after(() => unwind(fresh));
}

/** For a program that is no test: `end` undoes all of it, and so does the end of the process. */
export function createOwner(): Owner & { end(): Promise<void> } {
  const stack: Work[] = [];
  // As much of each as needs no waiting: processes are killed, folders go.
  const endNow = (): void => {
    for (const work of stack.toReversed()) void work();
  };
  process.on('exit', endNow);
  const owner = {
    after: (work: Work) => void stack.push(work),
    end: async () => {
      await unwind(stack);
      process.off('exit', endNow);
    },
  };
  stacks.set(owner, stack);
  return owner;
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
