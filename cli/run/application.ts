/**
 * The application: a process in a session of its own, which has our terminal or pipes, but gets no
 * signal except from us. It has ended when nothing of its process group runs any more. It ends
 * with us also when we are killed: a guard, a shell that reads from us, sees our end.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { runAfter } from '../../control/model/delay.ts';
import { nodeErrorCode } from '../../core/base/node-error.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import type { End } from './life.ts';
import { isGroupAlive } from './process-table.ts';

interface ApplicationOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** What the guard gives it, between asking it to end and killing it. */
  readonly graceMs: number;
}

interface ApplicationEvents {
  /** The process itself has ended, others of its group have not: they are to be told. */
  onOrphans(): void;
  /** Once; `reason` is a sentence where it could not be started. */
  onEnd(end: End, reason: string | null): void;
}

export class Application {
  readonly #timers: TimerWheel;
  readonly #child: ChildProcess;
  readonly #guard: ChildProcess | null;
  readonly #events: ApplicationEvents;
  #isRunning = true;

  constructor(options: ApplicationOptions, timers: TimerWheel, events: ApplicationEvents) {
    const { command, args, environment } = options;
    this.#timers = timers;
    this.#events = events;
    // `setsid`: who is of another session than the terminal's may still read from it.
    const child = spawn(command, args, { detached: true, env: environment, stdio: 'inherit' });
    this.#child = child;
    this.#guard = child.pid === undefined ? null : startGuard(child.pid, options.graceMs);
    child.once('error', (error) => {
      if (child.pid === undefined) this.#over(...refusedStart(command, error));
    });
    child.once('exit', (code, signal) => {
      this.#leaderEnded(signal === null ? { code: code ?? 0 } : { signal });
    });
  }

  /** To the process and all of its group. */
  signal(name: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (!this.#isRunning || pid === undefined) return;
    try {
      process.kill(-pid, name);
    } catch {
      // It has just ended, which we are about to hear.
    }
  }

  /** A shell is gone with the first signal, while what it has started finishes its work. */
  #leaderEnded(end: End): void {
    const { pid } = this.#child;
    if (pid === undefined || !isGroupAlive(pid)) {
      this.#over(end, null);
      return;
    }
    this.#events.onOrphans();
    this.#untilEmpty(pid, end);
  }

  #untilEmpty(group: number, end: End): void {
    if (isGroupAlive(group)) runAfter(this.#timers, lookMs, () => this.#untilEmpty(group, end));
    else this.#over(end, null);
  }

  #over(end: End, reason: string | null): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    // Even one that is stopped ends so; whoever waits for us then finds no process of ours.
    const guard = this.#guard;
    if (guard?.kill('SIGKILL')) guard.once('exit', () => this.#events.onEnd(end, reason));
    else this.#events.onEnd(end, reason);
  }
}

/** Exit codes as of a shell. */
function refusedStart(command: string, error: Error): [End, string] {
  const code = nodeErrorCode(error);
  const isMissing = code === 'ENOENT';
  const reason = isMissing ? 'there is no such command' : code;
  return [{ code: isMissing ? 127 : 126 }, `${command}: ${reason}`];
}

/** Less than a megabyte. Without `sh` there is none, and the application survives our kill. */
function startGuard(group: number, graceMs: number): ChildProcess {
  const seconds = String(Math.ceil(graceMs / 1000));
  const guard = spawn('sh', ['-c', guardScript, 'heddle-guard', String(group), seconds], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.on('error', () => undefined);
  guard.stdin.on('error', () => undefined);
  return guard;
}

/** It is killed when all is over; the end of its pipe says that nobody is left to do so. */
const guardScript = [
  'trap "" TERM INT HUP',
  'read -r _',
  'kill -s TERM -- "-$1"',
  'while kill -s 0 -- "-$1"; do',
  '  [ "$2" -gt 0 ] || exec kill -s KILL -- "-$1"',
  '  sleep 1',
  '  set -- "$1" "$(($2 - 1))"',
  'done',
].join('\n');
const lookMs = 50;
