/**
 * The processes that the demo started: what each said, when it ended, and the end of all of them,
 * which no process can refuse. What they are for is decided elsewhere.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { runAfter } from '../../control/model/delay.ts';
import type { TimerWheel } from '../../core/base/timers.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export class Child {
  readonly name: string;
  readonly process: ChildProcess;
  /** Resolves with what ended it, as a person reads it. */
  readonly ended: Promise<string>;
  /** Its last lines on stderr. */
  readonly lines: string[] = [];
  isEnded = false;
  #onLine: (line: string) => void = () => undefined;

  constructor(name: string, args: readonly string[], env: Environment) {
    this.name = name;
    // In a session of its own: Ctrl-C in a terminal is for us alone, who know the order.
    this.process = spawn(process.execPath, [...nodeFlags, ...args], {
      detached: true,
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const input of [this.process.stdout, this.process.stderr]) {
      if (input !== null) createInterface({ input }).on('line', (line) => this.#keep(line));
    }
    this.ended = new Promise((resolve) => {
      const end = (reason: string): void => {
        this.isEnded = true;
        resolve(reason);
      };
      this.process.once('error', (error) => end(error.message));
      this.process.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    });
  }

  /** The first line from now on in which `find` finds something; null when it ended before. */
  async until<Found>(find: (line: string) => Found | null): Promise<Found | null> {
    const said = new Promise<Found>((resolve) => {
      this.#onLine = (line) => {
        const found = find(line);
        if (found !== null) resolve(found);
      };
    });
    return Promise.race([said, this.ended.then(() => null)]);
  }

  #keep(line: string): void {
    this.lines.push(line);
    if (this.lines.length > linesMax) this.lines.shift();
    this.#onLine(line);
  }
}

interface ChildrenOptions {
  readonly timers: TimerWheel;
  readonly environment: Environment;
  /** Hears of those that end before `stop`. */
  readonly onEnd: (child: Child, reason: string) => void;
}

export class Children {
  readonly #options: ChildrenOptions;
  readonly #children = new Set<Child>();
  #stopping = false;

  constructor(options: ChildrenOptions) {
    this.#options = options;
  }

  /** Runs `heddle` with these arguments. */
  start(name: string, args: readonly string[]): Child {
    const heddle = ['--import', pathOf('end-with-parent.ts'), pathOf('../main.ts')];
    const child = new Child(name, [...heddle, ...args], this.#options.environment);
    this.#children.add(child);
    if (this.#stopping) child.process.kill('SIGKILL');
    void this.#follow(child);
    return child;
  }

  /**
   * Asks all to end, the second time because that forces a drain, and then does not ask any more.
   * Resolves when none is left.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    const cancels = [
      runAfter(this.#options.timers, forceAfterMs, () => this.#signal('SIGTERM')),
      runAfter(this.#options.timers, killAfterMs, () => this.#signal('SIGKILL')),
    ];
    this.#signal('SIGTERM');
    await Promise.all([...this.#children].map((child) => child.ended));
    for (const cancel of cancels) cancel();
  }

  /** Without a wait, for the last moment of this process. */
  kill(): void {
    this.#stopping = true;
    this.#signal('SIGKILL');
  }

  async #follow(child: Child): Promise<void> {
    const reason = await child.ended;
    this.#children.delete(child);
    if (!this.#stopping) this.#options.onEnd(child, reason);
  }

  #signal(signal: NodeJS.Signals): void {
    for (const child of this.#children) child.process.kill(signal);
  }
}

/** Of a program beside this file; in a bundle all of them lie in one folder. */
export function pathOf(name: string): string {
  const isSource = import.meta.url.endsWith('.ts');
  const file = isSource ? name : `${basename(name, '.ts')}.js`;
  return fileURLToPath(new URL(file, import.meta.url));
}

/** As `cli/heddle` gives them. */
export const nodeFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=1'];
const linesMax = 20;
const forceAfterMs = 500;
/** Beyond the grace that they have themselves. */
const killAfterMs = 6_000;
