/** Tables for people, each column as wide as its content. Which content is decided elsewhere. */

export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

/**
 * One line for the titles and one for each row, three spaces between columns, or two where that
 * makes lines fit that may be `lineColumns` long.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  lineColumns: number,
): string {
  const cells = rows.map((row) => row.map(cleanText));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((row) => row[index].length)),
  );
  const full = widths.reduce((sum, width) => sum + width + 3, -3);
  const gap = full > lineColumns ? '  ' : '   ';
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) =>
        columns[index].align === 'left' ? cell.padEnd(widths[index]) : cell.padStart(widths[index]),
      )
      .join(gap)
      .trimEnd();
  return `${[columns.map(({ title }) => title), ...cells].map(line).join('\n')}\n`;
}

/** Names come from other people: what would steer a terminal is shown as a question mark. */
export function cleanText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
}

/** `99.95%`, or a dash where there is nothing to judge. */
export function formatShare(share: number | null): string {
  return share === null ? '-' : `${(Math.floor(share * 10_000) / 100).toFixed(2)}%`;
}

/** `0.4ms`, `12ms`, `1.20s`. */
export function formatMilliseconds(value: number | null): string {
  if (value === null) return '-';
  if (value < 9.95) return `${value.toFixed(1)}ms`;
  return value < 999.5 ? `${Math.round(value)}ms` : `${(value / 1000).toFixed(2)}s`;
}

/** `0.5`, `12.3`, `1234`. */
export function formatRate(perSecond: number): string {
  return perSecond < 100 ? perSecond.toFixed(1) : perSecond.toFixed(0);
}

/** `512B/s`, `1.5KB/s`, `20.0MB/s`; a thousand bytes are a kilobyte. */
export function formatByteRate(bytesPerSecond: number): string {
  let value = bytesPerSecond;
  let unit = 0;
  while (value >= 1000 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value.toFixed(0) : value.toFixed(1)}${byteUnits[unit]}/s`;
}

/** How long ago: `0s`, `119s`, `12m`, `3h`, `2d`; a dash where nobody knows. */
export function formatAge(ageMs: number | null): string {
  if (ageMs === null) return '-';
  const seconds = Math.floor(Math.max(0, ageMs) / 1000);
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

const byteUnits = ['B', 'KB', 'MB', 'GB'];
