/**
 * What becomes of the comings and goings of workers and of each of their reports: to the
 * publisher, to the metrics, to the log.
 */

import type { MetricsMerger } from '../core/telemetry/merge.ts';
import type { AcceptPauses } from './accept-pauses.ts';
import type { ProxyIdentity } from './identity/proxy-identity.ts';
import type { LogOutput } from './log-output.ts';
import type { MainMetrics } from './metrics.ts';
import type { Publisher } from './snapshot.ts';
import type { WorkerEnd, WorkerReport, WorkforceEvents } from './workforce.ts';

interface EventReceivers {
  readonly publisher: Publisher;
  readonly merger: MetricsMerger;
  readonly metrics: MainMetrics;
  readonly pauses: AcceptPauses;
  readonly output: LogOutput;
  /** The number of the first worker's thread; main's is 1. */
  readonly firstThread: number;
  readonly onReady: (worker: number) => void;
  readonly onEnded: () => void;
  readonly onStuck: () => void;
  /** Who keeps the identity of all workers; null for a proxy that has none. */
  readonly readIdentity: () => ProxyIdentity['workers'] | null;
}

export function createWorkforceEvents(receivers: EventReceivers): WorkforceEvents {
  const { publisher, metrics, onReady } = receivers;
  return {
    onStarting: (worker, incarnation) => publisher.workerStarting(worker, incarnation),
    onReady: (worker) => {
      receivers.readIdentity()?.workerReady(worker);
      onReady(worker);
    },
    onEnded: (worker, end) => receiveEnd(receivers, worker, end),
    onStuck: (worker, lostConnections) => receiveStuck(receivers, worker, lostConnections),
    onRefused: () => metrics.count('heddle_handoff_retries_total', {}),
    onReport: (worker, report) => receiveReport(receivers, worker, report),
  };
}

function receiveEnd(receivers: EventReceivers, worker: number, end: WorkerEnd): void {
  const { metrics, output } = receivers;
  const { reason, detail, lostConnections: connections, restartDelayMs } = end;
  forgetWorker(receivers, worker, connections);
  metrics.count('heddle_worker_restarts_total', { reason });
  const fields = { worker, reason, detail, connections, restartDelayMs };
  output.log.error('heddle::workers', 'a worker has ended and is replaced', fields);
  receivers.onEnded();
}

/** The others finish what they carry; whoever supervises the process starts it again. */
function receiveStuck(receivers: EventReceivers, worker: number, connections: number): void {
  const { metrics, output } = receivers;
  forgetWorker(receivers, worker, connections);
  metrics.count('heddle_workers_stuck_total', {});
  const fields = { worker, connections };
  output.log.error('heddle::workers', 'a worker does not end: the proxy drains and ends', fields);
  receivers.onStuck();
}

function forgetWorker(receivers: EventReceivers, worker: number, connections: number): void {
  const { publisher, merger, metrics, pauses } = receivers;
  receivers.readIdentity()?.workerEnded(worker);
  publisher.workerEnded(worker);
  merger.workerEnded(worker);
  pauses.workerEnded(worker);
  metrics.count('heddle_worker_connections_lost_total', {}, connections);
}

function receiveReport(receivers: EventReceivers, worker: number, report: WorkerReport): void {
  const { publisher, merger, pauses, output } = receivers;
  switch (report.kind) {
    case 'want':
      publisher.want(worker, report.key);
      return;
    case 'idle':
      publisher.idle(worker, report.key);
      return;
    case 'released':
      publisher.released(worker, report.slots);
      return;
    case 'identified':
      receivers.readIdentity()?.identified(worker, report.generation);
      return;
    case 'accept-paused':
      pauses.paused(worker, report.reason);
      return;
    case 'accept-resumed':
      pauses.resumed(worker);
      return;
    case 'cells':
      merger.define(worker, report.definitions);
      return;
    case 'cells-freed':
      merger.free(worker, report.cells);
      return;
    case 'log':
      output.write(report, worker + receivers.firstThread);
      return;
    case 'access':
      output.writeAccess(report.lines);
      return;
  }
}
