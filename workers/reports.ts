/** What becomes of each report of a worker: to the publisher, to the metrics, to the log. */

import type { MetricsMerger } from '../core/telemetry/merge.ts';
import type { AcceptPauses } from './accept-pauses.ts';
import type { LogOutput } from './log-output.ts';
import type { Publisher } from './snapshot.ts';
import type { WorkerReport } from './workforce.ts';

interface ReportReceivers {
  readonly publisher: Publisher;
  readonly merger: MetricsMerger;
  readonly pauses: AcceptPauses;
  readonly output: LogOutput;
}

export function receiveReport(
  receivers: ReportReceivers,
  worker: number,
  report: WorkerReport,
): void {
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
      output.write(report, worker + 1);
      return;
    case 'access':
      output.writeAccess(report.lines);
      return;
  }
}
