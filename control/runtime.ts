/**
 * A running control plane: state folder, catalogs, index, services, ports, wired in one place. It
 * knows no signals and no exit codes, so that tests and other commands can run it too.
 */

import type { Address } from '../api/settings.ts';
import { systemClock as clock } from '../core/base/clock.ts';
import { systemRandom } from '../core/base/random.ts';
import { TimerWheel } from '../core/base/timers.ts';
import type { Logger } from '../core/telemetry/log.ts';
import { ControlIdentity, type IdentityPlaces } from './identity.ts';
import { MeshIndex } from './index/mesh-index.ts';
import { verifyJoinToken } from './issuer/join-token.ts';
import { joinTokenReviewer } from './issuer/review-token.ts';
import { formatAddress } from './model/address.ts';
import type { Catalog } from './model/catalog.ts';
import type { LoadedConfig } from './model/loaded-config.ts';
import type { SourceLog } from './model/source.ts';
import { createAdminServer } from './serve/admin.ts';
import { controlSecurity } from './serve/control-security.ts';
import { ControlServer } from './serve/control-server.ts';
import { acceptOn, type Listening, listen } from './serve/listen.ts';
import { ControlMetrics } from './serve/metrics.ts';
import { sampleMesh } from './serve/sample-mesh.ts';
import { ConfigCatalog } from './sources/config-catalog.ts';
import { Manifests } from './sources/manifests.ts';
import { createSourceOpener, type ResolverOptions } from './sources/open-source.ts';
import { Registry } from './sources/registry.ts';
import { systemResolverPaths } from './sources/resolver-files.ts';
import { openStateFolder, type StateFolder } from './state-folder.ts';

interface ControlPlaneOptions {
  /** Without a path it is not followed. */
  readonly config: LoadedConfig;
  readonly listen: Address;
  readonly admin: Address;
  /** Where others reach it, `host:port`; empty for where it listens. */
  readonly advertise: string;
  readonly stateFolder: string;
  readonly joinKeyPath: string | null;
  /** In the state folder when not given. */
  readonly places?: IdentityPlaces;
  readonly log: Logger;
  /** The system's own when not given. */
  readonly resolver?: ResolverOptions;
}

export interface RunningControlPlane {
  /** With the ports that the system chose where 0 was asked for. */
  readonly address: Address;
  readonly admin: Address;
  /** Sends clients elsewhere, then ends. */
  drain(): Promise<void>;
  /** Ends at once. */
  stop(): void;
}

/** Rejects with a `ListenError` or a `StateError`. */
export async function startControlPlane(
  options: ControlPlaneOptions,
): Promise<RunningControlPlane> {
  const { stateFolder: path, joinKeyPath } = options;
  const state = openStateFolder({ path, joinKeyPath });
  let plane: ControlPlane | null = null;
  try {
    plane = new ControlPlane(options, state);
    await plane.start();
    return plane;
  } catch (error) {
    if (plane === null) state.close();
    else plane.stop();
    throw error;
  }
}

class ControlPlane implements RunningControlPlane {
  readonly #options: ControlPlaneOptions;
  readonly #timers = new TimerWheel(clock);
  readonly #metrics = new ControlMetrics(clock);
  readonly #registry: Registry;
  readonly #index: MeshIndex;
  readonly #server: ControlServer;
  readonly #identity: ControlIdentity;
  /** In the order in which they are closed. */
  readonly #closers: (() => void)[] = [];
  #listening: Listening | null = null;
  #adminListening: Listening | null = null;
  #isReady = false;
  #stopped = false;

  constructor(options: ControlPlaneOptions, state: StateFolder) {
    this.#options = options;
    const env = { clock, timers: this.#timers, random: systemRandom(), log: this.#sourceLog() };
    this.#registry = new Registry({
      ...env,
      path: state.registryPath,
      isFirst: state.isFirst,
      trustDomain: options.config.trustDomain,
    });
    const { config } = options;
    const manifests = config.manifests === null ? null : new Manifests(config.manifests, env);
    const followed = config.path === '' ? null : new ConfigCatalog(config, env);
    followed?.onChange(() => {
      this.#metrics.count('heddle_config_reloads_total', { result: followed.result });
    });
    const catalogs: Catalog[] = [followed, manifests, this.#registry].filter((one) => one !== null);
    const opener = createSourceOpener({
      ...env,
      resolver: options.resolver ?? { paths: systemResolverPaths, port: dnsPort },
      catalogs: {
        registry: (service, listener) => this.#registry.openEndpoints(service, listener),
        ...(manifests !== null && {
          manifests: (service, listener) => manifests.openEndpoints(service, listener),
        }),
      },
    });
    const { clusterDomain } = config;
    const verify = (token: string, nowWallMs: number) =>
      verifyJoinToken(state.joinKey.publicKey, token, nowWallMs);
    const identity = new ControlIdentity({
      ...env,
      log: options.log,
      config,
      state,
      places: options.places ?? ownPlaces,
    });
    this.#identity = identity;
    this.#index = new MeshIndex({ ...env, openSource: opener.open, catalogs, clusterDomain });
    this.#server = new ControlServer({
      ...env,
      index: this.#index,
      registry: this.#registry,
      metrics: this.#metrics,
      verify,
      authority: identity.authority,
      ownEndMs: () => identity.ownLeaf.endMs,
      reviewer: joinTokenReviewer(verify, config.trustDomain),
      spiffe: config.spiffe,
      clusterDomain,
      address: () => options.advertise || formatAddress(this.address),
      security: controlSecurity(identity.ownLeaf, { log: options.log, metrics: this.#metrics }),
      onViolation: (peer, text) =>
        options.log.warn(target, 'a client breaks HTTP/2', { peer, text }),
    });
    this.#closers.push(
      () => this.#server.close(),
      () => this.#index.close(),
      () => opener.close(),
      ...catalogs.map((catalog) => () => catalog.close()),
      () => identity.close(),
      () => this.#timers.close(),
      () => state.close(),
    );
  }

  get address(): Address {
    return this.#listening?.address ?? this.#options.listen;
  }

  get admin(): Address {
    return this.#adminListening?.address ?? this.#options.admin;
  }

  async start(): Promise<void> {
    const { listen: address, admin, log, config } = this.#options;
    const server = createAdminServer({
      isReady: () => this.#isReady,
      renderMetrics: () => this.#renderMetrics(),
    });
    this.#closers.unshift(() => server.closeAllConnections());
    const onError = (error: Error): void => {
      log.error(target, 'accepting has failed', { error: error.message });
    };
    this.#adminListening = await listen({ setting: '--admin', address: admin, onError }, server);
    this.#listening = await acceptOn({ setting: '--listen', address, onError }, (socket) =>
      this.#server.accept(socket),
    );
    this.#isReady = true;
    log.info('heddle', `Admin interface on ${formatAddress(this.admin)}`);
    log.info('heddle', `Control plane on ${formatAddress(this.address)}`);
    log.info('heddle', 'ready', { services: config.services.length });
  }

  async drain(): Promise<void> {
    this.#isReady = false;
    this.#listening?.close();
    await this.#server.drain();
    this.stop();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#isReady = false;
    this.#listening?.close();
    this.#adminListening?.close();
    for (const close of this.#closers) close();
  }

  #renderMetrics(): Promise<Iterable<string>> {
    this.#server.sample();
    this.#identity.sample(this.#metrics);
    sampleMesh(this.#metrics, this.#index, this.#registry.instances());
    return this.#metrics.render();
  }

  #sourceLog(): SourceLog {
    const { log } = this.#options;
    return {
      info: (message, fields) => log.info(target, message, fields),
      warn: (message, fields) => log.warn(target, message, fields),
    };
  }
}

const target = 'heddle::control';
const dnsPort = 53;
const ownPlaces: IdentityPlaces = { identityDir: null, issuerDir: null, trustAnchorsPath: null };
