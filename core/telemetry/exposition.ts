/**
 * Merged metrics as Prometheus text 0.0.4, with the closing `# EOF` that Linkerd writes. The text
 * comes in slices, so that a scrape of many series does not hold up the thread: the caller lets
 * other work run between two of them.
 */

import { expositionSliceChars } from '../base/limits.ts';
import type { MergedFamily, MergedSeries } from './merge.ts';

export const expositionContentType = 'text/plain; version=0.0.4; charset=utf-8';

export function* renderExposition(collected: Iterable<MergedFamily>): Generator<string, void> {
  let text = '';
  for (const { name, traits, series } of collected) {
    let headed = false;
    for (const one of series) {
      if (!headed)
        text += `# HELP ${name} ${escapeHelp(traits.help)}\n# TYPE ${name} ${traits.type}\n`;
      headed = true;
      if (traits.bounds === undefined) text += renderValue(name, one);
      else text += renderHistogram(name, traits.bounds, one);
      if (text.length >= expositionSliceChars) {
        yield text;
        text = '';
      }
    }
  }
  yield `${text}# EOF\n`;
}

function renderValue(name: string, { labels, values }: MergedSeries): string {
  const rendered = renderLabels(labels);
  return `${name}${rendered === '' ? '' : `{${rendered}}`} ${renderNumber(values[0])}\n`;
}

/** The last bucket is the count: they are one number, whatever was counted while we read. */
function renderHistogram(
  name: string,
  bounds: readonly number[],
  { labels, values }: MergedSeries,
): string {
  const rendered = renderLabels(labels);
  const prefix = rendered === '' ? '' : `${rendered},`;
  const braces = rendered === '' ? '' : `{${rendered}}`;
  const sum = values[bounds.length + 1];
  const count = values[bounds.length + 2];
  let cumulative = 0;
  let text = '';
  for (let index = 0; index < bounds.length; index++) {
    cumulative += values[index];
    text += `${name}_bucket{${prefix}le="${bounds[index]}"} ${renderNumber(cumulative)}\n`;
  }
  text += `${name}_bucket{${prefix}le="+Inf"} ${renderNumber(count)}\n`;
  text += `${name}_sum${braces} ${renderNumber(sum)}\n`;
  text += `${name}_count${braces} ${renderNumber(count)}\n`;
  return text;
}

function renderLabels(labels: MergedSeries['labels']): string {
  let text = '';
  for (const [name, value] of labels) {
    if (text !== '') text += ',';
    text += `${name}="${escapeLabel(value)}"`;
  }
  return text;
}

function renderNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

/** Label values: backslash, double quote and line feed. */
function escapeLabel(value: string): string {
  if (!inLabel.test(value)) return value;
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** Help texts: backslash and line feed. */
function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

const inLabel = /["\\\n]/;
