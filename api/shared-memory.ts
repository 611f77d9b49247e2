/**
 * Layout of the memory that main and workers share. Who may write what:
 * a status row and a load column belong to one worker; main zeroes them when that worker has
 * ended. The shared words of a slot are changed by compare-and-swap. Cells belong to one worker;
 * main reads them, keeps a dead worker's counters, and writes only the mark of freed cells.
 */

/** Words of a status row. */
export const statusField = {
  connectionsInbound: 0,
  connectionsOutbound: 1,
  exchangesInbound: 2,
  exchangesOutbound: 3,
  /** Stamp of the last heartbeat. */
  heartbeat: 4,
  /** Event-loop utilisation of the last second, in thousandths. */
  loadPermille: 5,
  /** Stamp of the last outbound byte or connection, for the drain. */
  outboundActivity: 6,
  /** Sockets adopted since the start; main compares it with what it handed over. */
  adoptedTotal: 7,
  /** By how much the last heartbeat was late. */
  loopDelayMs: 8,
  /** 1 from before a worker that fails resets its connections: their clients come again at once. */
  ending: 9,
  /** Listeners of the worker's own that still let clients in. */
  listenersInbound: 10,
  listenersOutbound: 11,
} as const;
export const statusWords = 16;

/** Words of a slot that all workers change by compare-and-swap. */
export const slotField = {
  /** Peak EWMA of the response time, as a level (`core/base/ewma.ts`). */
  ewmaLevel: 0,
  /** Milliseconds since `epochMs` up to which samples have been weighed; wraps. */
  ewmaSampledMs: 1,
  /** Stamp until which the endpoint is out of the set; 0 when its gate is open. */
  shutUntil: 2,
  /** Consecutive connect failures. */
  failures: 3,
  /** Worker (+1) that holds the probation permit in the low 8 bits, stamp of its end above. */
  permit: 4,
} as const;
export const slotWords = 8;

/** Stamps are 32-bit counts of 16 ms since `epochMs`; they wrap after more than a year. */
export const stampUnitMs = 16;

export interface SharedMemory {
  /** Monotonic milliseconds of stamp 0. */
  readonly epochMs: number;
  readonly slotCount: number;
  /** `status[worker * statusWords + field]` */
  readonly status: Int32Array;
  /** `slots[slot * slotWords + field]` */
  readonly slots: Int32Array;
  /** Requests in flight: `columns[worker * slotCount + slot]`, one writer each. */
  readonly columns: Int32Array;
  /** Metric cells, an array for each worker. */
  readonly cells: readonly Float64Array[];
}

interface SharedMemorySize {
  readonly workers: number;
  readonly slots: number;
  readonly cells: number;
}

/** Pages are touched when used: the sizes here are address space, not memory. */
export function createSharedMemory(size: SharedMemorySize, epochMs: number): SharedMemory {
  const columns = Math.max(size.workers, 1);
  return {
    epochMs,
    slotCount: size.slots,
    status: new Int32Array(new SharedArrayBuffer(columns * statusWords * 4)),
    slots: new Int32Array(new SharedArrayBuffer(size.slots * slotWords * 4)),
    columns: new Int32Array(new SharedArrayBuffer(columns * size.slots * 4)),
    cells: Array.from(
      { length: columns },
      () => new Float64Array(new SharedArrayBuffer(size.cells * 8)),
    ),
  };
}

/** The stamp of a monotonic reading; compare two by `(a - b) | 0`, because stamps wrap. */
export function stampOf(memory: { readonly epochMs: number }, monotonicMs: number): number {
  return Math.floor((monotonicMs - memory.epochMs) / stampUnitMs) | 0;
}
