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
  readonly #others = new Map<string, ClientCells>();
  readonly #forgotten: (group: ClientGroup) => void;

  /** `forgotten` hears of a group whose cells are about to be given back. */
  constructor(direction: GroupDirection, forgotten: (group: ClientGroup) => void) {
    this.#direction = direction;
    this.#forgotten = forgotten;
  }

  /** Those that have proved to be `name` over TLS; empty: that have shown no certificate. */
  identified(name: string): ClientGroup {
    return this.#find(this.#identified, clientIdentitiesMax, name, (id) => ({
      tls: 'true',
      client_id: id,
    }));
  }

  /** Those whose TLS is for somebody else; its name is theirs to choose. */
  passing(sni: string): ClientGroup {
    return this.#find(this.#passing, clientNamesMax, sni, (name) => ({ tls: 'opaque', sni: name }));
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
        return new ClientGroup(this.#direction, this.#otherCells(labelsOf(otherValue)), identity);
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
        this.#forgotten(group);
        group.cells.release();
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
