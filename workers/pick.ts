/** Which worker gets a fresh connection. Pure: the caller reads shared memory beforehand. */

export interface WorkerLoad {
  ready: boolean;
  /** Open connections and those that are still on their way to it. */
  connections: number;
  /** Event-loop utilisation of its last second, in thousandths. */
  loadPermille: number;
}

/**
 * The index of the ready worker with the fewest connections, ties by event-loop load, then by
 * index; -1 when none is left. Bit `i` of `refused` leaves worker `i` out.
 */
export function pickWorker(workers: readonly WorkerLoad[], refused: number): number {
  let best = -1;
  for (let index = 0; index < workers.length; index++) {
    const worker = workers[index];
    if (!worker.ready || (refused & (1 << index)) !== 0) continue;
    if (best === -1 || isLighter(worker, workers[best])) best = index;
  }
  return best;
}

function isLighter(a: WorkerLoad, b: WorkerLoad): boolean {
  if (a.connections !== b.connections) return a.connections < b.connections;
  return a.loadPermille < b.loadPermille;
}
