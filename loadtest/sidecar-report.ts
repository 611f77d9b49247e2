/** What sidecars with several numbers of workers did, as a table for the terminal and the docs. */

import type { SidecarFound, SidecarProtocol } from './sidecar-load.ts';

export interface SidecarRun {
  readonly workers: number;
  readonly protocol: SidecarProtocol;
  readonly found: SidecarFound;
}

export interface SidecarReport {
  /** Machine and cores. */
  readonly heading: string;
  readonly command: string;
  readonly runs: readonly SidecarRun[];
}

export function renderSidecars({ heading, command, runs }: SidecarReport): string {
  const rows = [columns, ...runs.map(rowOf)];
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  const lines = rows.map((row) => row.map((cell, at) => cell.padStart(widths[at])).join('  '));
  return [heading, command, '', ...lines, ''].join('\n');
}

export function renderSidecarsMarkdown({ heading, command, runs }: SidecarReport): string {
  const rows = [columns, columns.map(() => '---:'), ...runs.map(rowOf)];
  const lines = rows.map((row) => `| ${row.join(' | ')} |`);
  return [`\`${command}\`, ${heading}`, '', ...lines, ''].join('\n');
}

function rowOf({ workers, protocol, found }: SidecarRun): string[] {
  const { requestsPerSecond, cpuMicros, busy, anonBytes, peak, open, errors } = found;
  return [
    protocol,
    String(workers),
    requestsPerSecond.toFixed(0),
    cpuMicros.toFixed(1),
    busy.toFixed(2),
    (anonBytes / mb).toFixed(0),
    peak.p50Micros.toFixed(0),
    peak.p99Micros.toFixed(0),
    open.rate.toFixed(0),
    open.p50Micros.toFixed(0),
    open.p99Micros.toFixed(0),
    String(errors),
  ];
}

const columns = [
  'protocol',
  'workers',
  'requests/s',
  'CPU us/request',
  'busy',
  'RssAnon MB',
  'p50 us',
  'p99 us',
  'open loop/s',
  'p50 us',
  'p99 us',
  'errors',
];
const mb = 1_000_000;
