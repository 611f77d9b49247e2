/**
 * The services of a control plane in this process, on a real port, with a clock that the test moves
 * and a catalog that it fills. The client is the one of `control-client.ts`.
 */

import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ResolvedEndpoint } from '../../api/discovery.ts';
import { MeshIndex } from '../../control/index/mesh-index.ts';
import { Authority } from '../../control/issuer/authority.ts';
import { IdentityFiles } from '../../control/issuer/identity-files.ts';
import { createJoinToken, verifyJoinToken } from '../../control/issuer/join-token.ts';
import { OwnLeaf } from '../../control/issuer/own-leaf.ts';
import { joinTokenReviewer, type TokenReviewer } from '../../control/issuer/review-token.ts';
import { type Catalog, noRefusals, type PolicyRefusals } from '../../control/model/catalog.ts';
import type { ServiceConfig } from '../../control/model/loaded-config.ts';
import { controlSecurity } from '../../control/serve/control-security.ts';
import { ControlServer } from '../../control/serve/control-server.ts';
import { ControlMetrics } from '../../control/serve/metrics.ts';
import { Registry } from '../../control/sources/registry.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { Logger } from '../../core/telemetry/log.ts';
import { cleanUp } from './cleanup.ts';
import { ControlClient } from './control-client.ts';
import { FakeClock } from './fake-clock.ts';

export interface ControlRig {
  readonly clock: FakeClock;
  readonly registry: Registry;
  readonly authority: Authority;
  /** Where its keys are. */
  readonly identityFolder: string;
  readonly port: number;
  readonly client: ControlClient;
  /** Says which services there are; each change is told at once. */
  readonly setServices: (...services: readonly ServiceConfig[]) => void;
  readonly setRefusals: (refusals: Partial<PolicyRefusals>) => void;
  readonly token: (namespace?: string, service?: string, expiresInMs?: number) => string;
  readonly readMetrics: () => Promise<string>;
  /** After the registry has settled. */
  readonly settle: () => void;
}

/** A service with endpoints on 127.0.0.1. */
export function inlineService(
  name: string,
  ports: readonly number[],
  more: Partial<ServiceConfig> = {},
): ServiceConfig {
  const endpoints = ports.map(
    (port): ResolvedEndpoint => ({ host: '127.0.0.1', port, weight: 1, zone: '' }),
  );
  const source = { kind: 'inline', endpoints } as const;
  return { name, namespace: 'default', port: 80, protocol: 'auto', source, ...more };
}

class TestCatalog implements Catalog {
  readonly kind = 'config';
  readonly location = 'test';
  list: readonly ServiceConfig[] = [];
  refused: PolicyRefusals = noRefusals;
  readonly #listeners = new Set<() => void>();

  services() {
    return this.list;
  }

  refusals() {
    return this.refused;
  }

  problems() {
    return [];
  }

  status() {
    return { objects: this.list.length, confirmedWallMs: 1, error: null };
  }

  isSettling() {
    return false;
  }

  onChange(listener: () => void) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  close(): void {}
}

function createIndex(env: { clock: FakeClock; timers: TimerWheel }) {
  const log = { info: () => {}, warn: () => {} };
  const registry = new Registry({ ...env, log, path: null, trustDomain: 'mesh.local' });
  const catalog = new TestCatalog();
  const index = new MeshIndex({
    ...env,
    log,
    clusterDomain: 'cluster.local',
    catalogs: [catalog, registry],
    openSource: (config, listener) => {
      if (config.kind === 'registry') return registry.openEndpoints(config, listener);
      if (config.kind === 'inline') listener.onEndpoints(config.endpoints);
      return { close: () => {} };
    },
  });
  return { registry, catalog, index };
}

function createAuthority(folder: string, clock: FakeClock): Authority {
  return new Authority({
    clock,
    log: { info: () => {}, warn: () => {} },
    files: new IdentityFiles(folder, true),
    trustDomain: 'mesh.local',
    external: null,
    anchors: [],
  });
}

async function listen(t: TestContext, server: ControlServer): Promise<number> {
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
    server.accept(socket),
  );
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  cleanUp(t, () => listener.close());
  return (listener.address() as AddressInfo).port;
}

interface RigOptions {
  readonly spiffe?: boolean;
  /** In place of the one for join tokens. */
  readonly reviewer?: TokenReviewer;
}

export async function startControlRig(
  t: TestContext,
  { spiffe = false, reviewer }: RigOptions = {},
): Promise<ControlRig> {
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  const { registry, catalog, index } = createIndex({ clock, timers });
  const metrics = new ControlMetrics(clock);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const verify = (token: string, nowWallMs: number) => verifyJoinToken(publicKey, token, nowWallMs);
  const identityFolder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  cleanUp(t, () => rmSync(identityFolder, { recursive: true }));
  const authority = createAuthority(identityFolder, clock);
  const log = new Logger(() => undefined, clock, 'off');
  const server = new ControlServer({
    security: controlSecurity(new OwnLeaf(authority, clock), { log, metrics }),
    authority,
    reviewer: reviewer ?? joinTokenReviewer(verify, authority.trustDomain),
    spiffe,
    ownEndMs: () => 0,
    index,
    registry,
    metrics,
    clock,
    timers,
    verify,
    clusterDomain: 'cluster.local',
    address: () => '127.0.0.1:8086',
    onViolation: (peer, text) => t.diagnostic(`${peer}: ${text}`),
  });
  const port = await listen(t, server);
  cleanUp(t, () => {
    server.close();
    index.close();
    registry.close();
    timers.close();
  });
  const change = (): void => {
    catalog.tell();
    // What changes often is told at its end.
    clock.advance(1_000);
  };
  return {
    clock,
    registry,
    authority,
    identityFolder,
    port,
    client: new ControlClient(t, port),
    setServices(...services) {
      catalog.list = services;
      change();
    },
    setRefusals(refusals) {
      catalog.refused = { ...noRefusals, ...refusals };
      change();
    },
    token(namespace = '*', service = '*', expiresInMs = 3_600_000) {
      const expiresWallMs = clock.wallMs() + expiresInMs;
      return createJoinToken(privateKey, { namespace, service, expiresWallMs });
    },
    async readMetrics() {
      server.sample();
      return [...(await metrics.render())].join('');
    },
    settle: () => clock.advance(11_000),
  };
}
