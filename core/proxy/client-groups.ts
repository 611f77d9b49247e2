/**
 * The groups of clients that one direction has met: as many as it may keep, the least recently used
 * without a connection gives way. Beyond that each connection has a group of its own, so that its
 * identity stays exact, and the metric cells of all of those are the same, labelled `other`.
 */

import { clientIdentitiesMax, clientNamesMax } from '../base/limits.ts';
import { otherValue } from '../telemetry/registry.ts';
import { ClientCells, type ClientLabels } from './client-cells.ts';
import { ClientGroup, type GroupDirection } from './client-group.ts';

export class ClientGroups {
  readonly #direction: GroupDirection;
  /** In the order of their last use. */
  readonly #identified = new Map<string, ClientGroup>();
  readonly #passing = new Map<string, ClientGroup>();
  /** Those of one connection each that have proved who they are. */
  readonly #single = new Set<ClientGroup>();
  /** Distrusted ones, until their last connection has ended. */
  #leaving: ClientGroup[] = [];
  #distrusts: number;
  readonly #others = new Map<string, ClientCells>();
  readonly #forgotten: (group: ClientGroup) => void;

  /** `forgotten` hears of a group whose cells are about to be given back. */
  constructor(direction: GroupDirection, forgotten: (group: ClientGroup) => void) {
    this.#direction = direction;
    this.#forgotten = forgotten;
    this.#distrusts = direction.core.tls.distrusts;
  }

  /** Those that have proved to be `name` over TLS; empty: that have shown no certificate. */
  identified(name: string): ClientGroup {
    this.#distrust();
    return this.#find(this.#identified, clientIdentitiesMax, name, (id) => ({
      tls: 'true',
      client_id: id,
    }));
  }

  /** Those whose TLS is for somebody else; its name is theirs to choose. */
  passing(sni: string): ClientGroup {
    return this.#find(this.#passing, clientNamesMax, sni, (name) => ({ tls: 'opaque', sni: name }));
  }

  /**
   * Since when the first are distrusted that are still there; Infinity for none. Called when no
   * connection is about to become another thing.
   */
  sweep(): number {
    this.#distrust();
    for (const group of this.#single) if (group.open === 0) this.#single.delete(group);
    if (this.#leaving.length === 0) return Number.POSITIVE_INFINITY;
    const staying: ClientGroup[] = [];
    for (const group of this.#leaving) {
      if (group.open > 0) staying.push(group);
      else this.#release(group);
    }
    this.#leaving = staying;
    return staying[0]?.distrustedMs ?? Number.POSITIVE_INFINITY;
  }

  /** Nobody asks by which anchor a connection was verified: after one has left, all go. */
  #distrust(): void {
    const { distrusts, distrustedMs } = this.#direction.core.tls;
    if (distrusts === this.#distrusts) return;
    this.#distrusts = distrusts;
    for (const group of [...this.#identified.values(), ...this.#single]) {
      group.distrusted = true;
      group.distrustedMs = distrustedMs;
      this.#leaving.push(group);
    }
    this.#identified.clear();
    this.#single.clear();
  }

  #release(group: ClientGroup): void {
    for (const cells of this.#others.values()) if (group.cells === cells) return;
    this.#forgotten(group);
    group.cells.release();
  }

  #find(
    groups: Map<string, ClientGroup>,
    max: number,
    name: string,
    labelsOf: (name: string) => ClientLabels,
  ): ClientGroup {
    let group = groups.get(name);
    if (group !== undefined) {
      groups.delete(name);
    } else {
      const labels = labelsOf(name);
      const identity = labels.tls === 'true' ? name : null;
      if (groups.size >= max && !this.#makeRoom(groups)) {
        group = new ClientGroup(this.#direction, this.#otherCells(labelsOf(otherValue)), identity);
        if (identity !== null) this.#single.add(group);
        return group;
      }
      group = new ClientGroup(this.#direction, this.#createCells(labels), identity);
    }
    groups.set(name, group);
    return group;
  }

  #makeRoom(groups: Map<string, ClientGroup>): boolean {
    let looked = 0;
    for (const [name, group] of groups) {
      if (group.open === 0) {
        groups.delete(name);
        this.#release(group);
        return true;
      }
      looked += 1;
      if (looked === roomSearchMax) return false;
    }
    return false;
  }

  #otherCells(labels: ClientLabels): ClientCells {
    let cells = this.#others.get(labels.tls);
    if (cells === undefined) {
      cells = this.#createCells(labels);
      this.#others.set(labels.tls, cells);
    }
    return cells;
  }

  #createCells(labels: ClientLabels): ClientCells {
    const { core, name } = this.#direction;
    return new ClientCells(core.registry, name, labels);
  }
}

const roomSearchMax = 64;
