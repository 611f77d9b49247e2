/**
 * `heddle run` at work: starts the proxy, the application and the announcement, passes signals on
 * and puts what happens to each into `life.ts`, which knows the order.
 */

import { formatAddress } from '../../control/model/address.ts';
import { runAfter } from '../../control/model/delay.ts';
import { tcpAddress } from '../../control/serve/net.ts';
import { systemClock } from '../../core/base/clock.ts';
import { type Random, systemRandom } from '../../core/base/random.ts';
import { systemInterval, TimerWheel } from '../../core/base/timers.ts';
import { version } from '../../core/base/version.ts';
import { askAdmin } from '../admin-client.ts';
import { createGrpcEnv } from '../grpc-env.ts';
import { Announcer } from './announcer.ts';
import { Application } from './application.ts';
import { applicationEnvironment, withoutOwn } from './environment.ts';
import { Health, httpProbe, tcpProbe } from './health.ts';
import { type End, Life } from './life.ts';
import type { RunOptions } from './options.ts';
import { proxyArgs, proxyStateFolder } from './proxy-args.ts';
import { type ProxyAddresses, ProxyChild } from './proxy-child.ts';
import { ProxyTrust } from './proxy-trust.ts';
import type { Token } from './registration.ts';
import { describeSelf, removeRunFile, tokenPath, writeRunFile } from './run-file.ts';
import { TokenFile } from './run-identity.ts';
import { untilUnused } from './until-unused.ts';

interface RunEnv {
  /** What starts the proxy. */
  readonly executable: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly readToken: () => Token;
  readonly say: (line: string) => void;
}

/** Resolves with what ours is to end with, when everything that it has started has ended. */
export function runSupervised(options: RunOptions, env: RunEnv): Promise<End> {
  return new Promise((resolve) => new Supervisor(options, env, resolve));
}

class Supervisor {
  readonly #options: RunOptions;
  readonly #env: RunEnv;
  readonly #random: Random = systemRandom();
  readonly #timers = new TimerWheel(systemClock);
  readonly #grpc = createGrpcEnv(systemClock, this.#timers);
  readonly #life: Life;
  readonly #token: TokenFile | null;
  readonly #proxy: ProxyChild;
  readonly #listeners: (readonly [NodeJS.Signals, () => void])[] = [];
  readonly #release = systemInterval(() => undefined, 60_000, true);
  readonly #resolve: (end: End) => void;
  #addresses: ProxyAddresses | null = null;
  #application: Application | null = null;
  #announcer: Announcer | null = null;
  #health: Health | null = null;
  #isHealthy = false;
  #isClosing = false;
  /** Why the proxy is not ready, as it says itself. */
  #unready = 'it does not answer';
  #interruptedMs = Number.NEGATIVE_INFINITY;

  constructor(options: RunOptions, env: RunEnv, resolve: (end: End) => void) {
    this.#options = options;
    this.#env = env;
    this.#resolve = resolve;
    this.#life = new Life(options, this.#timers, {
      startApplication: (late) => this.#startApplication(late),
      withdraw: () => this.#announcer?.withdraw() ?? false,
      passOn: (signal) => this.#application?.signal(signal),
      killApplication: () => this.#killApplication(),
      closeProxy: () => this.#closeProxy(),
      killProxy: () => this.#proxy.kill(),
      finish: (end) => this.#finish(end),
    });
    this.#listen();
    this.#token = this.#createTokenFile();
    this.#proxy = this.#createProxy();
    this.#proxy.start();
  }

  #createTokenFile(): TokenFile | null {
    const { identity, stateFolder, instance } = this.#options;
    if (identity === '') return null;
    const { readToken, say } = this.#env;
    return new TokenFile(tokenPath(stateFolder, instance), {
      timers: this.#timers,
      readToken,
      say,
    });
  }

  #createProxy(): ProxyChild {
    const { executable, environment, say } = this.#env;
    const proxyOptions = {
      executable,
      args: (known: ProxyAddresses | null) => proxyArgs(this.#options, environment, known),
      environment: withoutOwn(environment),
    };
    const env = { clock: systemClock, timers: this.#timers, random: this.#random };
    return new ProxyChild(proxyOptions, env, {
      onUp: (addresses) => this.#proxyUp(addresses),
      onDown: (reason, delayMs) => {
        say(`the proxy ended (${reason}), starting it again in ${Math.round(delayMs)} ms`);
        this.#tellServing();
      },
      onFailed: (code) => {
        say(`the proxy cannot start (exit code ${code})`);
        this.#life.failed(code);
      },
      onEnded: () => this.#life.proxyEnded(),
    });
  }

  #proxyUp(addresses: ProxyAddresses): void {
    const isFirst = this.#addresses === null;
    this.#addresses = addresses;
    if (!isFirst) {
      this.#env.say('the proxy is back');
      this.#tellServing();
      return;
    }
    this.#writeRunFile(addresses);
    this.#announce(addresses);
    // It was waited for, and is needed to say where it is.
    if (this.#life.state === 'running') this.#launch(addresses);
    else void this.#awaitReady(addresses);
  }

  async #awaitReady({ admin }: ProxyAddresses): Promise<void> {
    while (this.#life.state === 'starting') {
      try {
        const { status, body } = await askAdmin(formatAddress(admin), '/ready');
        if (status === 200) this.#life.ready();
        else this.#unready = body.trim().slice(0, sayCharsMax);
      } catch (error) {
        this.#unready = (error as Error).message;
      }
      await new Promise<void>((resolve) => runAfter(this.#timers, readyPollMs, resolve));
    }
  }

  #announce({ inbound, admin }: ProxyAddresses): void {
    const { announced, namespace, instance, identity, controls } = this.#options;
    if (announced === null || inbound === null) return;
    const { service, servicePort, protocol, zone, advertise: host, port } = announced;
    const about = { instance, namespace, service, servicePort, protocol, zone, version };
    // Callers name the application's own port, and are let in by the proxy that has the identity.
    const address = tcpAddress(identity === '' ? inbound : { host, port });
    const inboundPort = identity === '' ? 0 : inbound.port;
    const place = { address, inboundPort, admin: formatAddress(admin) };
    const facts = { ...about, ...place, weight: usualWeight };
    this.#announcer = new Announcer(controls, facts, {
      clock: systemClock,
      random: this.#random,
      grpc: this.#grpc,
      readToken: this.#env.readToken,
      trust: this.#createTrust(),
      say: this.#env.say,
      onWithdrawn: () => this.#life.withdrawn(),
    });
  }

  #createTrust(): ProxyTrust | null {
    const { identity } = this.#options;
    if (identity === '') return null;
    return new ProxyTrust(proxyStateFolder(this.#options), identity, this.#env.readToken);
  }

  #startApplication(late: boolean): void {
    const { say } = this.#env;
    const { waitMs, command } = this.#options;
    const waited = `after ${waitMs / 1000} s`;
    if (this.#addresses !== null) {
      if (late) say(`the proxy is not ready ${waited} (${this.#unready}), starting ${command}`);
      this.#launch(this.#addresses);
      return;
    }
    say(`the proxy is not up ${waited}, ${command} starts when it is`);
    runAfter(this.#timers, proxyStartMs, () => {
      if (this.#addresses !== null) return;
      say('the proxy has not come up: its messages above say why, or the machine is too busy');
      this.#life.failed(1);
    });
  }

  #launch(addresses: ProxyAddresses): void {
    if (this.#application !== null) return;
    const { command, args, controls, announced, namespace, instance, graceMs } = this.#options;
    const service = announced?.service ?? '';
    const place = { control: controls.join(','), service, namespace, instance };
    const environment = applicationEnvironment(this.#env.environment, addresses, place);
    this.#application = new Application({ command, args, environment, graceMs }, this.#timers, {
      onOrphans: () => {
        if (this.#life.state === 'running') this.#life.signalled('SIGTERM');
      },
      onEnd: (end, reason) => {
        if (reason !== null) this.#env.say(reason);
        this.#health?.close();
        this.#life.applicationEnded(end);
      },
    });
    if (announced === null) return;
    const { port, healthPath } = announced;
    const probe =
      healthPath === null ? tcpProbe(port, this.#grpc) : httpProbe(port, healthPath, this.#timers);
    const onChange = (isHealthy: boolean): void => {
      this.#isHealthy = isHealthy;
      if (!isHealthy) this.#env.say(`port ${port} does not answer any more: withdrawn meanwhile`);
      this.#tellServing();
    };
    const asked = healthPath === null ? 'no answer' : `no 2xx or 3xx of GET ${healthPath}`;
    const onSilence = (): void =>
      this.#env.say(`${service} is not announced yet: ${asked} at 127.0.0.1:${port}`);
    const env = { clock: systemClock, timers: this.#timers };
    this.#health = new Health(probe, env, onChange, onSilence);
  }

  #killApplication(): void {
    if (this.#application === null) return;
    this.#env.say(`${this.#options.command} has not ended within the grace: it is killed`);
    this.#application.signal('SIGKILL');
  }

  #closeProxy(): void {
    const isFirst = !this.#isClosing;
    this.#isClosing = true;
    this.#proxy.close();
    if (isFirst && this.#addresses !== null) void this.#hurryProxy(this.#addresses);
  }

  async #hurryProxy({ admin }: ProxyAddresses): Promise<void> {
    if (await untilUnused(formatAddress(admin), this.#timers)) this.#proxy.close();
  }

  #tellServing(): void {
    this.#announcer?.setServing(this.#isHealthy && this.#proxy.isUp);
  }

  #writeRunFile({ admin }: ProxyAddresses): void {
    const { stateFolder, instance, announced, namespace, command, graceMs } = this.#options;
    const self = describeSelf();
    if (self === null) return;
    const service = announced?.service ?? '';
    const about = { instance, service, namespace, admin: formatAddress(admin), command, graceMs };
    try {
      writeRunFile(stateFolder, { ...self, ...about });
    } catch (error) {
      this.#env.say(`heddle stop will not find this: ${(error as Error).message}`);
    }
  }

  #listen(): void {
    for (const signal of endingSignals) this.#on(signal, () => this.#signalled(signal));
    for (const signal of passedSignals) this.#on(signal, () => this.#application?.signal(signal));
  }

  #on(signal: NodeJS.Signals, listener: () => void): void {
    process.on(signal, listener);
    this.#listeners.push([signal, listener]);
  }

  /** A terminal tells npm and us of Ctrl-C, and npm tells us again: that is one signal. */
  #signalled(signal: NodeJS.Signals): void {
    const nowMs = systemClock.monotonicMs();
    const isRepeated = signal === 'SIGINT' && nowMs - this.#interruptedMs < repeatedWithinMs;
    if (signal === 'SIGINT') this.#interruptedMs = nowMs;
    if (!isRepeated) this.#life.signalled(signal);
  }

  #finish(end: End): void {
    this.#health?.close();
    this.#announcer?.close();
    this.#token?.close();
    removeRunFile(this.#options.stateFolder, this.#options.instance);
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
    this.#release();
    this.#timers.close();
    this.#resolve(end);
  }
}

/** What a shell, systemd or a person ends a process by. */
const endingSignals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const;
/** These mean nothing to us. */
const passedSignals = ['SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const;
const repeatedWithinMs = 500;
const readyPollMs = 50;
/** Beyond the wait: without the proxy's addresses there is nothing to tell the application. */
const proxyStartMs = 15_000;
const usualWeight = 10_000;
const sayCharsMax = 300;
