/** The table of services that `heddle stat` prints and the demo draws. Pure. */

import { formatSecured } from './edges-table.ts';
import { formatGrpcFailures, formatGrpcShares } from './grpc-status.ts';
import type { ErrorRow, ServiceRow } from './service-rows.ts';
import {
  type Column,
  cleanText,
  formatByteRate,
  formatMilliseconds,
  formatRate,
  formatShare,
  renderTable,
} from './table.ts';

/**
 * `table` fits a terminal of 80 columns and `wide` has all there is. `outbound` is for rows of that
 * direction alone, so that PROTOCOL has room in 80 columns.
 */
type TableForm = 'table' | 'wide' | 'outbound';

interface TableStyle {
  readonly form: TableForm;
  readonly color: boolean;
  /** Where lines are cut, because a line that wraps cannot be drawn over; Infinity for nowhere. */
  readonly columns: number;
}

/** Ends with gRPC calls that were not OK, and errors that the proxies themselves made. */
export function renderServices(
  rows: readonly ServiceRow[],
  errors: readonly ErrorRow[],
  style: TableStyle,
): string {
  const shown = columns.filter(({ forms }) => forms.includes(style.form));
  const table = renderTable(
    shown,
    rows.map((row) => shown.map(({ cell }) => cell(row))),
    style.columns,
  );
  const lines = table.split('\n').map((whole, index) => {
    const line = whole.slice(0, style.columns);
    const share = index === 0 ? null : (rows[index - 1]?.success ?? null);
    return style.color ? colored(line, index, share) : line;
  });
  const calls = style.form === 'wide' ? [] : rows.flatMap(describeCalls);
  const notes = [noteLine('grpc', calls), noteLine('errors', describeErrors(errors))]
    .filter((note) => note !== '')
    .map((note) => `${note.slice(0, style.columns)}\n`);
  return `${lines.join('\n')}${notes.join('')}`;
}

/** A wide table has a column for them. */
function describeCalls({ proxy, direction, service, grpc }: ServiceRow): string[] {
  const failures = grpc === null ? '' : formatGrpcFailures(grpc);
  return failures === '' ? [] : [`${proxy} ${direction} ${service}: ${failures}`];
}

function describeErrors(errors: readonly ErrorRow[]): string[] {
  const places = Map.groupBy(errors, ({ proxy, direction }) => `${proxy} ${direction}`);
  return [...places].map(([place, rows]) => {
    const codes = rows.map(({ code, count }) => `${code} ${Math.round(count)}x`);
    return `${place}: ${codes.join(', ')}`;
  });
}

function noteLine(title: string, notes: readonly string[]): string {
  return notes.length === 0 ? '' : cleanText(`${title}: ${notes.join('; ')}`);
}

function colored(line: string, index: number, share: number | null): string {
  if (line === '') return line;
  if (index === 0) return `${bold}${line}${reset}`;
  return share !== null && share < 1 ? `${share < shareBad ? red : yellow}${line}${reset}` : line;
}

interface StatColumn extends Column {
  readonly forms: readonly TableForm[];
  readonly cell: (row: ServiceRow) => string;
}

const all: readonly TableForm[] = ['table', 'wide', 'outbound'];

const columns: readonly StatColumn[] = [
  left('PROXY', all, ({ proxy }) => proxy),
  left('DIRECTION', ['table', 'wide'], ({ direction }) => direction),
  left('SERVICE', all, ({ service }) => service),
  left('PROTOCOL', ['wide', 'outbound'], ({ protocol }) => protocol),
  right('SUCCESS', all, ({ success }) => formatShare(success)),
  right('RPS', all, ({ perSecond }) => formatRate(perSecond)),
  right('P50', all, ({ p50Ms }) => formatMilliseconds(p50Ms)),
  right('P95', all, ({ p95Ms }) => formatMilliseconds(p95Ms)),
  right('P99', all, ({ p99Ms }) => formatMilliseconds(p99Ms)),
  right('TCP', all, ({ connections }) => String(connections)),
  left('SECURED', ['wide'], ({ noTlsReason }) => formatSecured(noTlsReason)),
  left('TLS', ['outbound'], ({ noTlsReason }) => formatSecured(noTlsReason && no)),
  right('READ', ['wide'], ({ readPerSecond }) => formatByteRate(readPerSecond)),
  right('WRITTEN', ['wide'], ({ writePerSecond }) => formatByteRate(writePerSecond)),
  // Last, because it is as long as there are statuses.
  left('GRPC', ['wide'], ({ grpc }) => (grpc === null ? '-' : formatGrpcShares(grpc) || '-')),
];

function left(title: string, forms: readonly TableForm[], cell: StatColumn['cell']): StatColumn {
  return { title, align: 'left', forms, cell };
}

function right(title: string, forms: readonly TableForm[], cell: StatColumn['cell']): StatColumn {
  return { title, align: 'right', forms, cell };
}

/** Where there is no room for the reason: `heddle edges` has it. */
const no = '\u00d7';
const shareBad = 0.95;
const bold = '\x1b[1m';
const red = '\x1b[31m';
const yellow = '\x1b[33m';
const reset = '\x1b[0m';
