/** Line plots as SVG, complete in themselves: no script, no font, no file from elsewhere. */

export interface Series {
  readonly name: string;
  /** Greater than 0 both, in the order of x. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

interface Axis {
  readonly label: string;
  /** Where a value stands, in any unit: scaled to the width or height. */
  readonly place: (value: number) => number;
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
}

export function drawPlot(title: string, x: Axis, y: Axis, series: readonly Series[]): string {
  const drawn = series.filter(({ points }) => points.length > 0);
  const toX = scale(x, left, width - right);
  const toY = scale(y, height - bottom, top);
  const lines = drawn.map(({ points }, index) => {
    const path = points.map((point) => `${toX(point.x)},${toY(point.y)}`).join(' ');
    const color = colors[index % colors.length];
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`;
  });
  const names = drawn.map(({ name }, index) => {
    const at = left + 10 + index * 130;
    const color = colors[index % colors.length];
    const mark = `<rect x="${at}" y="${top - 14}" width="10" height="10" fill="${color}"/>`;
    return `${mark}<text x="${at + 14}" y="${top - 5}">${escapeText(name)}</text>`;
  });
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" xmlns="http://www.w3.org/2000/svg">`,
    `<title>${escapeText(title)}</title>`,
    `<text class="title" x="${left}" y="18">${escapeText(title)}</text>`,
    ...x.ticks.map(({ value, text }) => drawTick(toX(value), null, text)),
    ...y.ticks.map(({ value, text }) => drawTick(null, toY(value), text)),
    `<text x="${width - right}" y="${height - 6}" text-anchor="end">${escapeText(x.label)}</text>`,
    `<text x="6" y="${top - 5}">${escapeText(y.label)}</text>`,
    ...lines,
    ...names,
    '</svg>',
  ].join('\n');
}

/** 50, 90, 99, 99.9 … at equal distances: each is ten times rarer than the one before. */
export function percentileAxis(): Axis {
  const ticks = [50, 90, 99, 99.9, 99.99].map((value) => ({ value, text: `${value} %` }));
  return {
    label: 'percentile',
    place: (value) => -Math.log10(Math.max(1 - value / 100, 0.0001)),
    ticks,
  };
}

/** Powers of ten that enclose all values. */
export function logAxis(label: string, values: readonly number[]): Axis {
  const exponents = values.filter((value) => value > 0).map(Math.log10);
  const from = Math.floor(Math.min(0, ...exponents));
  const to = Math.max(from + 1, Math.ceil(Math.max(0, ...exponents)));
  const ticks = Array.from({ length: to - from + 1 }, (_, index) => {
    const value = 10 ** (from + index);
    return { value, text: value >= 1 ? String(value) : value.toPrecision(1) };
  });
  return { label, place: (value) => Math.log10(Math.max(value, 10 ** from)), ticks };
}

export function linearAxis(label: string, valueMax: number): Axis {
  const step = Math.max(1, Math.ceil(valueMax / 10));
  const count = Math.max(1, Math.ceil(valueMax / step));
  const ticks = Array.from({ length: count + 1 }, (_, index) => ({
    value: index * step,
    text: String(index * step),
  }));
  return { label, place: (value) => value, ticks };
}

export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** The ends of an axis are its first and last tick. */
function scale(axis: Axis, from: number, to: number): (value: number) => string {
  const first = axis.place(axis.ticks[0].value);
  const span = axis.place(axis.ticks[axis.ticks.length - 1].value) - first;
  return (value) => (from + ((axis.place(value) - first) / span) * (to - from)).toFixed(1);
}

function drawTick(x: string | null, y: string | null, text: string): string {
  if (x !== null) {
    const line = `<line x1="${x}" y1="${top}" x2="${x}" y2="${height - bottom}"/>`;
    return `${line}<text x="${x}" y="${height - bottom + 16}" text-anchor="middle">${text}</text>`;
  }
  const line = `<line x1="${left}" y1="${y}" x2="${width - right}" y2="${y}"/>`;
  return `${line}<text x="${left - 6}" y="${y}" text-anchor="end">${text}</text>`;
}

const width = 760;
const height = 340;
const [left, right, top, bottom] = [70, 20, 50, 40];
const colors = ['#0b6e99', '#d1495b', '#3a7d44', '#e09f3e', '#6d597a'];
