/** The table of services that `heddle stat` prints and the demo draws. Pure. */

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

interface TableStyle {
  readonly wide: boolean;
  readonly color: boolean;
  /** Where lines are cut, because a line that wraps cannot be drawn over; Infinity for nowhere. */
  readonly columns: number;
}

/** Ends with a line for each kind of error that the proxies themselves made. */
export function renderServices(
  rows: readonly ServiceRow[],
  errors: readonly ErrorRow[],
  style: TableStyle,
): string {
  const shown = columns.filter(({ wide }) => style.wide || !wide);
  const table = renderTable(
    shown,
    rows.map((row) => shown.map(({ cell }) => cell(row))),
  );
  const lines = table.split('\n').map((whole, index) => {
    const line = whole.slice(0, style.columns);
    const share = index === 0 ? null : (rows[index - 1]?.success ?? null);
    return style.color ? colored(line, index, share) : line;
  });
  const notes = errors.map(
    ({ proxy, direction, code, count }) =>
      `${cleanText(`${proxy} ${direction}: ${code}`)} ${Math.round(count)}x`,
  );
  const last = notes.length === 0 ? '' : `errors: ${notes.join(', ')}`.slice(0, style.columns);
  return `${lines.join('\n')}${last === '' ? '' : `${last}\n`}`;
}

function colored(line: string, index: number, share: number | null): string {
  if (line === '') return line;
  if (index === 0) return `${bold}${line}${reset}`;
  return share !== null && share < 1 ? `${share < shareBad ? red : yellow}${line}${reset}` : line;
}

interface StatColumn extends Column {
  readonly wide: boolean;
  readonly cell: (row: ServiceRow) => string;
}

const columns: readonly StatColumn[] = [
  { title: 'PROXY', align: 'left', wide: false, cell: ({ proxy }) => proxy },
  { title: 'DIRECTION', align: 'left', wide: false, cell: ({ direction }) => direction },
  { title: 'SERVICE', align: 'left', wide: false, cell: ({ service }) => service },
  { title: 'PROTOCOL', align: 'left', wide: true, cell: ({ protocol }) => protocol },
  { title: 'SUCCESS', align: 'right', wide: false, cell: ({ success }) => formatShare(success) },
  { title: 'RPS', align: 'right', wide: false, cell: ({ perSecond }) => formatRate(perSecond) },
  { title: 'P50', align: 'right', wide: false, cell: ({ p50Ms }) => formatMilliseconds(p50Ms) },
  { title: 'P95', align: 'right', wide: false, cell: ({ p95Ms }) => formatMilliseconds(p95Ms) },
  { title: 'P99', align: 'right', wide: false, cell: ({ p99Ms }) => formatMilliseconds(p99Ms) },
  { title: 'TCP', align: 'right', wide: false, cell: ({ connections }) => String(connections) },
  {
    title: 'READ',
    align: 'right',
    wide: true,
    cell: ({ readPerSecond }) => formatByteRate(readPerSecond),
  },
  {
    title: 'WRITTEN',
    align: 'right',
    wide: true,
    cell: ({ writePerSecond }) => formatByteRate(writePerSecond),
  },
];

const shareBad = 0.95;
const bold = '\x1b[1m';
const red = '\x1b[31m';
const yellow = '\x1b[33m';
const reset = '\x1b[0m';
