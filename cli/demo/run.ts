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
import {
  type ScrapePair,
  type ServiceRow,
  summarizeErrors,
  summarizeServices,
} from '../service-rows.ts';
import { renderServices } from '../stat-table.ts';
import { type Child, Children } from './children.ts';
import { introduce } from './introduction.ts';
import { startLoad } from './load.ts';
import {
  findProxies,
  type Mesh,
  type MeshOptions,
  planeName,
  restartApp,
  restartControl,
  startMesh,
} from './mesh.ts';

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
  readonly #meshOptions: MeshOptions;
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
    const childrenOptions = {
      timers: this.#timers,
      // Proxies that small need no threads.
      environment: { ...context.environment, HEDDLE_WORKERS: '0' },
      onEnd: ({ name, lines }: Child, reason: string) => this.#onEnd(name, reason, lines),
    };
    this.#meshOptions = {
      folder: this.#folder,
      planes: new Children(childrenOptions),
      children: new Children(childrenOptions),
      timers: this.#timers,
    };
  }

  async run(): Promise<number> {
    for (const signal of signals) process.on(signal, this.#onSignal);
    process.on('exit', this.#onExit);
    let stopLoad: (() => void) | null = null;
    try {
      this.#context.note('heddle: starting a control plane, 7 applications and 8 proxies\n');
      const mesh = await startMesh(this.#meshOptions);
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
    await this.#stopAll();
    this.#onExit();
    process.off('exit', this.#onExit);
    for (const signal of signals) process.off(signal, this.#onSignal);
    this.#context.note('heddle: all processes have ended, nothing is left behind\n');
    return this.#exitCode;
  }

  async #show(mesh: Mesh): Promise<void> {
    const { intervalSeconds, durationSeconds } = this.#options;
    const duration = durationSeconds ?? Number.POSITIVE_INFINITY;
    const endMs = systemClock.monotonicMs() + duration * 1000;
    let before = await scrapeProxies(await findProxies(mesh));
    while (!this.#stopping) {
      const leftMs = Math.max(0, endMs - systemClock.monotonicMs());
      const isLast = leftMs <= intervalSeconds * 1000;
      await this.#pause(isLast ? leftMs : intervalSeconds * 1000);
      if (this.#stopping) return;
      const after = await scrapeProxies(await findProxies(mesh));
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
    const table = renderServices(services, errors, { form: 'outbound', color, columns });
    const text = `${table}${describeSecured(services).slice(0, columns)}\n`;
    if (live) {
      print(`${this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A\x1b[J`}${text}`);
      this.#drawn = text.split('\n').length - 1;
    } else {
      print(`\n${text}`);
    }
  }

  /** What is broken on purpose comes back; without the edge proxy there is nothing to see. */
  #onEnd(name: string, reason: string, lines: readonly string[]): void {
    const mesh = this.#mesh;
    if (mesh === null) return;
    this.#drawn = 0;
    const restart = this.#restartOf(mesh, name);
    if (restart === null) {
      this.#context.note(`heddle: ${name} ended (${reason}):\n${lines.join('\n')}\n`);
      this.#stop(exitFailure);
      return;
    }
    const seconds = restartAfterMs / 1000;
    this.#context.note(`heddle: ${name} ended (${reason}); it comes back in ${seconds} s\n`);
    runAfter(this.#timers, restartAfterMs, () => {
      if (!this.#stopping) void this.#restart(name, restart);
    });
  }

  /** What starts it again and resolves with its new process; null where nothing does. */
  #restartOf(mesh: Mesh, name: string): (() => Promise<number>) | null {
    if (name === planeName) return () => restartControl(this.#meshOptions, mesh);
    const app = mesh.apps.find((one) => one.name === name);
    return app === undefined ? null : () => restartApp(this.#meshOptions, mesh, app);
  }

  async #restart(name: string, restart: () => Promise<number>): Promise<void> {
    try {
      const pid = await restart();
      this.#drawn = 0;
      this.#context.note(`heddle: ${name} is back, process ${pid}\n`);
    } catch (error) {
      if (!this.#stopping) this.#context.note(`heddle: ${(error as Error).message}\n`);
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
    void this.#stopAll();
  }

  /** The control plane last: those that leave tell it so. */
  async #stopAll(): Promise<void> {
    await this.#meshOptions.children.stop();
    await this.#meshOptions.planes.stop();
    this.#mesh?.view.close();
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
    this.#meshOptions.children.kill();
    this.#meshOptions.planes.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  };
}

/** A pair of services that has talked, each of both sides verified. */
function describeSecured(services: readonly ServiceRow[]): string {
  const edges = services.filter(({ noTlsReason }) => noTlsReason !== null);
  const plain = edges.filter(({ noTlsReason }) => noTlsReason !== '');
  const secured = `${edges.length - plain.length} of ${edges.length} edges by mutual TLS`;
  if (plain.length === 0) return `secured: ${secured}`;
  const names = plain.map(({ proxy, service, noTlsReason }) => {
    return `${proxy} -> ${service} ${noTlsReason}`;
  });
  return `secured: ${secured}; ${names.join(', ')}`;
}

interface Scrape {
  readonly proxy: string;
  readonly atMs: number;
  readonly samples: readonly Sample[];
}

/** One that does not answer is left out of this table: its end is reported by itself. */
async function scrapeProxies(proxies: readonly (readonly [string, string])[]): Promise<Scrape[]> {
  const scrapes = await Promise.all(
    proxies.map(async ([proxy, admin]): Promise<Scrape[]> => {
      try {
        const samples = await scrape(admin);
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
