/** What main needs of those who carry connections: threads under a supervisor, or itself. */

import type { Socket } from 'node:net';
import type { ListenerName, MainToWorker, WorkerToMain } from '../api/messages.ts';

export type ControlMessage = Exclude<MainToWorker, { kind: 'socket' }>;
export type WorkerReport = Exclude<WorkerToMain, { kind: 'ready' }>;

export interface Workforce {
  readonly count: number;
  /** Workers that take connections now. */
  readonly readyCount: number;
  /** Open connections, and those that are on their way to a worker. */
  countConnections(): number;
  /** False when nobody has taken the socket; it is closed then. */
  give(listener: ListenerName, socket: Socket): boolean;
  send(worker: number, message: ControlMessage): void;
  broadcast(message: ControlMessage): void;
  /** False when a thread cannot be ended; then the process cannot end by itself either. */
  stop(): Promise<boolean>;
}

export interface WorkforceEvents {
  /** A worker's thread starts; its reports may come from now on. */
  onStarting(worker: number, incarnation: number): void;
  /** It takes connections from now on. */
  onReady(worker: number): void;
  /** A worker's thread is gone; nobody writes its row, column or cells any more. */
  onEnded(worker: number, end: WorkerEnd): void;
  /** Its thread was told to end and does not: its connections hang, its place stays empty. */
  onStuck(worker: number, lostConnections: number): void;
  /** A worker did not take a socket; another one is asked. */
  onRefused(): void;
  onReport(worker: number, report: WorkerReport): void;
}

export interface WorkerEnd {
  readonly reason: WorkerEndReason;
  readonly detail: string;
  /** Connections that were reset with it. */
  readonly lostConnections: number;
  readonly restartDelayMs: number;
}

/** `heap`: its heap limit; `exit`: it ended itself; `silent`: it gave no sign of life. */
export type WorkerEndReason = 'exception' | 'heap' | 'exit' | 'silent';
