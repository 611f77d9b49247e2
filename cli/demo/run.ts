/** A demo from its first process to its last: what is shown, what happens meanwhile, the end. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runAfter } from '../../control/model/delay.ts';
import { systemClock } from '../../core/base/clock.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { scrape } from '../admin-client.ts';
import { type CommandContext, exitFailure } from '../context.ts';
import type { Sample } from '../exposition.ts';
import { type ScrapePair, summarizeErrors, summarizeServices } from '../service-rows.ts';
import { renderServices } from '../stat-table.ts';
import { Children } from './children.ts';
import { introduce } from './introduction.ts';
import { startLoad } from './load.ts';
import { type Mesh, restartApp, startMesh } from './mesh.ts';

interface DemoOptions {
  readonly rate: number;
  readonly intervalSeconds: number;
  /** Null: until it is interrupted. */
  readonly durationSeconds: number | null;
}

/** Resolves with the exit code when everything that it started has ended and nothing is left. */
export function runDemo(options: DemoOptions, context: CommandContext): Promise<number> {
  return new Demo(options, context).run();
}

class Demo {
  readonly #options: DemoOptions;
  readonly #context: CommandContext;
  readonly #timers = new TimerWheel(systemClock);
  readonly #folder = mkdtempSync(join(tmpdir(), 'heddle-demo-'));
  readonly #children = new Children(this.#timers, (child, reason) => {
    this.#onEnd(child.name, reason, child.lines);
  });
  #mesh: Mesh | null = null;
  #exitCode = 0;
  #stopping = false;
  #stoppedAtMs = 0;
  /** Ends the pause between two tables. */
  #wake = (): void => undefined;
  /** Lines that the next table is drawn over. */
  #drawn = 0;

  constructor(options: DemoOptions, context: CommandContext) {
    this.#options = options;
    this.#context = context;
  }

  async run(): Promise<number> {
    for (const signal of signals) process.on(signal, this.#onSignal);
    process.on('exit', this.#onExit);
    let stopLoad: (() => void) | null = null;
    try {
      this.#context.note('heddle: starting 7 applications and 2 proxies\n');
      const mesh = await startMesh({
        folder: this.#folder,
        children: this.#children,
        timers: this.#timers,
      });
      this.#mesh = mesh;
      for (const remark of mesh.remarks) this.#context.note(`heddle: ${remark}\n`);
      this.#context.print(introduce(mesh, this.#folder));
      const { rate } = this.#options;
      stopLoad = startLoad({
        timers: this.#timers,
        outboundPort: mesh.edge.outbound,
        echoPort: mesh.edge.echoBind,
        rate,
      });
      await this.#show(mesh);
    } catch (error) {
      if (!this.#stopping) {
        this.#context.note(`heddle: ${(error as Error).message}\n`);
        this.#exitCode = exitFailure;
      }
    }
    stopLoad?.();
    await this.#children.stop();
    this.#onExit();
    process.off('exit', this.#onExit);
    for (const signal of signals) process.off(signal, this.#onSignal);
    this.#context.note('heddle: all processes have ended, nothing is left behind\n');
    return this.#exitCode;
  }

  async #show(mesh: Mesh): Promise<void> {
    const proxies: readonly (readonly [string, number])[] = [
      ['edge', mesh.edge.admin],
      ['web', mesh.sidecar.admin],
    ];
    const { intervalSeconds, durationSeconds } = this.#options;
    const duration = durationSeconds ?? Number.POSITIVE_INFINITY;
    const endMs = systemClock.monotonicMs() + duration * 1000;
    let before = await scrapeProxies(proxies);
    while (!this.#stopping) {
      const leftMs = Math.max(0, endMs - systemClock.monotonicMs());
      const isLast = leftMs <= intervalSeconds * 1000;
      await this.#pause(isLast ? leftMs : intervalSeconds * 1000);
      if (this.#stopping) return;
      const after = await scrapeProxies(proxies);
      this.#draw(pairUp(before, after));
      before = after;
      if (isLast) this.#stop(0);
    }
  }

  #draw(pairs: readonly ScrapePair[]): void {
    const services = pairs
      .flatMap(summarizeServices)
      .filter(({ direction }) => direction === 'outbound');
    const errors = pairs.flatMap(summarizeErrors);
    const { color, columns, live, print } = this.#context;
    const text = renderServices(services, errors, { form: 'outbound', color, columns });
    if (live) {
      print(`${this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A\x1b[J`}${text}`);
      this.#drawn = text.split('\n').length - 1;
    } else {
      print(`\n${text}`);
    }
  }

  /** An application may be broken on purpose; without a proxy there is nothing to see. */
  #onEnd(name: string, reason: string, lines: readonly string[]): void {
    const mesh = this.#mesh;
    if (mesh === null) return;
    this.#drawn = 0;
    const app = mesh.apps.find((one) => one.name === name);
    if (app === undefined) {
      this.#context.note(`heddle: ${name} ended (${reason}):\n${lines.join('\n')}\n`);
      this.#stop(exitFailure);
      return;
    }
    const seconds = restartAfterMs / 1000;
    this.#context.note(`heddle: ${name} ended (${reason}); it comes back in ${seconds} s\n`);
    runAfter(this.#timers, restartAfterMs, () => {
      if (!this.#stopping) void this.#restart(mesh, name);
    });
  }

  async #restart(mesh: Mesh, name: string): Promise<void> {
    const app = mesh.apps.find((one) => one.name === name);
    if (app === undefined) return;
    try {
      await restartApp(this.#children, mesh, app);
      this.#drawn = 0;
      this.#context.note(`heddle: ${name} is back, process ${app.pid}\n`);
    } catch (error) {
      this.#context.note(`heddle: ${(error as Error).message}\n`);
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resume) => {
      const cancel = runAfter(this.#timers, delayMs, resume);
      this.#wake = () => {
        cancel();
        resume();
      };
    });
  }

  #stop(exitCode: number): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#stoppedAtMs = systemClock.monotonicMs();
    this.#exitCode = exitCode;
    this.#wake();
    // Also what has not come up yet ends now, so that nobody waits for it.
    void this.#children.stop();
  }

  /** A second signal forces the end, but not the same one again: npm repeats the terminal's. */
  readonly #onSignal = (): void => {
    if (this.#stopping) {
      if (systemClock.monotonicMs() - this.#stoppedAtMs > repeatedWithinMs) {
        process.exit(exitFailure);
      }
      return;
    }
    this.#context.note('\nheddle: ending\n');
    this.#stop(0);
  };

  /** Also for an end that was not waited for: synchronous, and harmless when it is done twice. */
  readonly #onExit = (): void => {
    this.#children.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  };
}

interface Scrape {
  readonly proxy: string;
  readonly atMs: number;
  readonly samples: readonly Sample[];
}

/** One that does not answer is left out of this table: its end is reported by itself. */
async function scrapeProxies(proxies: readonly (readonly [string, number])[]): Promise<Scrape[]> {
  const scrapes = await Promise.all(
    proxies.map(async ([proxy, port]): Promise<Scrape[]> => {
      try {
        const samples = await scrape(`127.0.0.1:${port}`);
        return [{ proxy, atMs: systemClock.monotonicMs(), samples }];
      } catch {
        return [];
      }
    }),
  );
  return scrapes.flat();
}

function pairUp(before: readonly Scrape[], after: readonly Scrape[]): ScrapePair[] {
  return after.flatMap(({ proxy, atMs, samples }) => {
    const first = before.find((one) => one.proxy === proxy);
    if (first === undefined) return [];
    const seconds = (atMs - first.atMs) / 1000;
    return [{ proxy, before: first.samples, after: samples, seconds }];
  });
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const repeatedWithinMs = 500;
const restartAfterMs = 15_000;
