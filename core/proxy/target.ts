/**
 * One thing that traffic goes to, as this thread knows it: the endpoints of its newest snapshot,
 * the balancer over them, and who waits for either. Snapshots come from main; between them the
 * last one stands, whatever happens to discovery.
 */

import type { EndpointSnapshot, TargetSnapshot } from '../../api/snapshot.ts';
import { Balancer } from '../balance/balancer.ts';
import type { ErrorCode } from '../base/errors.ts';
import { WaitList } from '../http/wait-list.ts';
import { isLoopback } from '../io/ip-text.ts';
import { Access } from '../policy/access.ts';
import type { PoolContext, UpstreamVersion } from '../pool/pools.ts';
import type { ClientCells } from './client-cells.ts';
import type { Core, DirectionName } from './core.ts';
import { Endpoint } from './endpoint.ts';
import { serviceSpans } from './log-spans.ts';
import { failfastTarget, recordFailfast } from './record-failfast.ts';
import { TargetAccess } from './target-access.ts';

/** A connection that cannot go on before its target is known. */
export interface TargetWaiter {
  /** Since when it waits. */
  readonly arrivedMs: number;
  /** The target has a first snapshot, or discovery took too long (`target.known` is false). */
  onTarget(target: Target): void;
}

/** What the endpoints of a target are made with. */
export interface TargetDirection {
  readonly core: Core;
  readonly pools: PoolContext;
}

export class Target {
  readonly key: string;
  readonly direction: DirectionName;
  /** It is the original destination of connections that were redirected. */
  readonly redirected: boolean;
  authority = '';
  namespace = '';
  service = '';
  protocol: TargetSnapshot['protocol'] = 'auto';
  /** What its endpoints are spoken to in. */
  version: UpstreamVersion = 'kept';
  endpoints: readonly Endpoint[] = [];
  /** A snapshot has come. */
  known = false;
  /** There is no such service. */
  absent = false;
  /** Why its traffic is refused although it is known; empty for no. */
  refusal = '';
  /** Whom it lets in; null: everybody. */
  access: TargetAccess | null = null;
  #accessText = '';
  generation = -1;
  lastUsedMs: number;
  /** Connections and tunnels that refer to this target. */
  holders = 0;
  /** Nobody finds this target any more. */
  dropped = false;
  /** Requests that wait for the first snapshot, in order of arrival, and connections likewise. */
  readonly undiscovered = new WaitList();
  readonly waiters: TargetWaiter[] = [];
  /** Requests that wait for an endpoint to become ready. */
  readonly queue = new WaitList();
  /** Since when requests have waited for an endpoint, without a gap. */
  unreadySinceMs = 0;
  failfast = false;
  #failfastSinceMs = 0;
  /** Cells of its queue and of failfast, once it has needed them. */
  #queueCell = -1;
  #failfastCell = -1;
  /** All its endpoints are listeners of this proxy. */
  loops = false;

  readonly #core: Core;
  readonly #pools: PoolContext;
  readonly #balancer: Balancer<Endpoint>;
  /** Endpoints that are no longer in the set but have something in flight. */
  #leaving: Endpoint[] = [];

  constructor({ core, pools }: TargetDirection, key: string, direction: DirectionName) {
    this.#core = core;
    this.#pools = pools;
    this.key = key;
    this.direction = direction;
    this.redirected = redirectedKey.test(key);
    this.lastUsedMs = core.io.nowMs;
    this.#balancer = new Balancer<Endpoint>(core.slots, core.random);
  }

  /** Takes over a snapshot; endpoints that stay keep their connections and everything known. */
  apply(snapshot: TargetSnapshot): void {
    if (snapshot.generation <= this.generation) return;
    this.generation = snapshot.generation;
    this.known = true;
    this.absent = snapshot.state === 'absent';
    this.refusal = snapshot.refusal ?? '';
    this.#applyAccess(snapshot);
    this.authority = snapshot.authority;
    this.namespace = snapshot.namespace;
    this.service = snapshot.service;
    this.protocol = snapshot.protocol;
    this.version = versionOf(snapshot.protocol);
    const before = new Map(this.endpoints.map((endpoint) => [keyOf(endpoint), endpoint]));
    const after: Endpoint[] = [];
    for (const endpoint of snapshot.endpoints) {
      const wanted = this.#withoutMesh(endpoint);
      if (this.#isOurs(wanted)) continue;
      const key = keyOf(wanted);
      const known = before.get(key);
      if (known !== undefined) before.delete(key);
      after.push(known ?? this.#create(wanted, snapshot));
    }
    this.endpoints = after;
    this.loops = after.length === 0 && snapshot.endpoints.length > 0;
    this.#balancer.update(after);
    for (const endpoint of before.values()) {
      endpoint.pools.retire();
      this.#leaving.push(endpoint);
    }
    this.sweep();
  }

  /** An endpoint that is ready, other than `exclude` if possible; null when none is. */
  pick(exclude: Endpoint | null): Endpoint | null {
    const { io, slots } = this.#core;
    const endpoint = this.#balancer.pick(exclude, slots.timeOf(io.nowMs));
    if (endpoint !== null && this.failfast) this.#leaveFailfast();
    return endpoint;
  }

  /** So many more requests wait for an endpoint. */
  countQueued(change: number): void {
    const { cells, registry } = this.#core;
    if (this.#queueCell === -1) {
      this.#queueCell = registry.gauge('heddle_queue_length', { authority: this.authority });
    }
    cells[this.#queueCell] += change;
  }

  /** No endpoint has been ready for too long: requests are refused until one is. */
  enterFailfast(): void {
    const { cells, registry, io, log, settings } = this.#core;
    this.failfast = true;
    this.#failfastSinceMs = io.nowMs;
    const spans = serviceSpans(settings, this);
    const { failfastTimeoutMs: limitMs } = settings;
    if (this.direction === 'outbound') {
      const fields = { service: this.authority, timeout: limitMs / 1000 };
      log.info(balanceTarget, 'Unavailable; entering failfast', fields, spans);
    } else {
      recordFailfast(log, this.authority, limitMs, spans);
    }
    if (this.#failfastCell === -1) {
      this.#failfastCell = registry.counter('heddle_failfast_total', { authority: this.authority });
    }
    cells[this.#failfastCell] += 1;
  }

  #leaveFailfast(): void {
    this.failfast = false;
    const { io, log, settings } = this.#core;
    const elapsed = (io.nowMs - this.#failfastSinceMs) / 1000;
    const spans = serviceSpans(settings, this);
    const fields = { service: this.authority, elapsed };
    if (this.direction === 'inbound')
      log.info(failfastTarget, 'Service has recovered', fields, spans);
    else log.info(balanceTarget, 'Available; exiting failfast', fields, spans);
  }

  /** Tells main of endpoints that have left and have nothing in flight any more. */
  sweep(): void {
    if (this.#leaving.length === 0) return;
    const released: number[] = [];
    const staying: Endpoint[] = [];
    for (const endpoint of this.#leaving) {
      if (endpoint.inFlight > 0 || endpoint.pools.connections > 0) {
        staying.push(endpoint);
        continue;
      }
      released.push(endpoint.slot);
      endpoint.release();
    }
    this.#leaving = staying;
    if (released.length > 0) this.#core.post({ kind: 'released', slots: released });
  }

  /** Replaces or ends connections that were verified by a trust anchor that has left. */
  renew(): void {
    for (const { pools } of this.endpoints) pools.renew();
    for (const { pools } of this.#leaving) pools.renew();
  }

  /** Gives back what was counted of clients that are known no more. */
  forgetClients(cells: ClientCells): void {
    for (const endpoint of this.endpoints) endpoint.forget(cells);
    for (const endpoint of this.#leaving) endpoint.forget(cells);
    this.access?.forget(cells);
  }

  /** Why it has no endpoints. */
  get emptyCode(): ErrorCode {
    if (this.absent) return 'UNKNOWN_SERVICE';
    return this.loops ? 'LOOP' : 'NO_ENDPOINTS';
  }

  /** When the first of those came who wait for the first snapshot; Infinity when nobody does. */
  oldestArrivalMs(): number {
    const { undiscovered, waiters } = this;
    const requestMs = undiscovered.first?.startedMs ?? Number.POSITIVE_INFINITY;
    return Math.min(requestMs, waiters.at(0)?.arrivedMs ?? Number.POSITIVE_INFINITY);
  }

  /** Nothing refers to it, so that it can be forgotten. */
  get idle(): boolean {
    if (this.holders > 0 || this.#leaving.length > 0) return false;
    if (this.queue.length > 0 || this.undiscovered.length > 0 || this.waiters.length > 0) {
      return false;
    }
    return this.endpoints.every((endpoint) => endpoint.inFlight === 0 && endpoint.pools.quiet);
  }

  /** Ends the idle connections and gives everything back. Only when `idle`. */
  drop(): void {
    this.dropped = true;
    for (const endpoint of this.endpoints) {
      endpoint.pools.retire();
      endpoint.release();
    }
    this.endpoints = [];
    this.#balancer.update([]);
    this.access?.release();
    const { registry } = this.#core;
    if (this.#queueCell !== -1) registry.release(this.#queueCell);
    if (this.#failfastCell !== -1) registry.release(this.#failfastCell);
  }

  /** What was found of clients stays found while the policy stays the same. */
  #applyAccess({ access = null, endpoints }: TargetSnapshot): void {
    const text = access === null ? '' : JSON.stringify([access, endpoints[0]]);
    if (text === this.#accessText) return;
    this.#accessText = text;
    this.access?.release();
    const { registry } = this.#core;
    const [to = { host: '', port: 0 }] = endpoints;
    this.access = access === null ? null : new TargetAccess(registry, new Access(access), to);
  }

  /** What was going to the admin port of its own accord does not come back by it. */
  #isOurs({ host, port }: EndpointSnapshot): boolean {
    const { isOwnListener, settings } = this.#core;
    if (!isOwnListener(host, port)) return false;
    return !(this.redirected && port === settings.admin?.port && !isLoopback(host));
  }

  /** This pod itself is reached without its own proxy: no TLS, and nothing that only that knows. */
  #withoutMesh(endpoint: EndpointSnapshot): EndpointSnapshot {
    if (endpoint.traits === undefined || this.direction === 'inbound') return endpoint;
    if (!this.#core.settings.inboundIps.includes(endpoint.host)) return endpoint;
    const { traits: _, ...plain } = endpoint;
    return plain;
  }

  #create(wanted: EndpointSnapshot, snapshot: TargetSnapshot): Endpoint {
    return new Endpoint(this.#core, this.#pools, wanted, {
      key: this.key,
      direction: this.direction,
      authority: snapshot.authority,
      namespace: snapshot.namespace,
      service: snapshot.service,
    });
  }
}

const balanceTarget = 'heddle::proxy::balance';
const redirectedKey = /^(?:addr|inbound):./;

function versionOf(protocol: TargetSnapshot['protocol']): UpstreamVersion {
  if (protocol === 'http1') return 'http1';
  return protocol === 'http2' || protocol === 'grpc' ? 'http2' : 'kept';
}

/** An endpoint whose slot, weight or traits changed is another endpoint, with other connections. */
function keyOf(endpoint: EndpointSnapshot | Endpoint): string {
  const { slot, host, port, weight, traits } = endpoint;
  const place = `${slot} ${host} ${port} ${weight}`;
  if (traits === undefined) return place;
  const { identity, serverName, protocolHint, opaqueTransportPort, authorityOverride } = traits;
  const peer = `${identity} ${serverName} ${protocolHint} ${opaqueTransportPort}`;
  return `${place} ${peer} ${authorityOverride}`;
}
