/**
 * The processes that the demo started: what each said last, when it ended, and the end of all of
 * them, which no process can refuse. What they are for is decided elsewhere.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { runAfter } from '../../control/model/delay.ts';
import type { TimerWheel } from '../../core/base/timers.ts';

export class Child {
  readonly name: string;
  readonly process: ChildProcess;
  /** Resolves with what ended it, as a person reads it. */
  readonly ended: Promise<string>;
  /** Its last lines on stderr. */
  readonly lines: string[] = [];
  isEnded = false;

  constructor(name: string, args: readonly string[]) {
    this.name = name;
    this.process = spawn(process.execPath, [...nodeFlags, ...args], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => this.#keep(text));
    this.ended = new Promise((resolve) => {
      const end = (reason: string): void => {
        this.isEnded = true;
        resolve(reason);
      };
      this.process.once('error', (error) => end(error.message));
      this.process.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    });
  }

  /** The port that an application announces; null when it ended before. */
  async port(): Promise<number | null> {
    const said = new Promise<number>((resolve) => {
      this.process.once('message', (message: { port: number }) => resolve(message.port));
    });
    return Promise.race([said, this.ended.then(() => null)]);
  }

  #keep(text: string): void {
    this.lines.push(...text.split('\n').filter((line) => line !== ''));
    if (this.lines.length > linesMax) this.lines.splice(0, this.lines.length - linesMax);
  }
}

export class Children {
  readonly #timers: TimerWheel;
  readonly #children = new Set<Child>();
  readonly #onEnd: (child: Child, reason: string) => void;
  #stopping = false;

  /** `onEnd` hears of those that end before `stop`. */
  constructor(timers: TimerWheel, onEnd: (child: Child, reason: string) => void) {
    this.#timers = timers;
    this.#onEnd = onEnd;
  }

  /** Runs a file of ours, named relative to this folder, or node with the given arguments. */
  start(name: string, args: readonly string[]): Child {
    const child = new Child(name, args);
    this.#children.add(child);
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
      runAfter(this.#timers, forceAfterMs, () => this.#signal('SIGTERM')),
      runAfter(this.#timers, killAfterMs, () => this.#signal('SIGKILL')),
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
    if (!this.#stopping) this.#onEnd(child, reason);
  }

  #signal(signal: NodeJS.Signals): void {
    for (const child of this.#children) child.process.kill(signal);
  }
}

export function pathOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

const nodeFlags = ['--disable-warning=ExperimentalWarning'];
const linesMax = 20;
const forceAfterMs = 500;
const killAfterMs = 2_000;
