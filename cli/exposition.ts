/** Reads Prometheus text as admin ports write it. What the numbers mean is decided elsewhere. */

export interface Sample {
  readonly family: string;
  /** Name and labels as written: the same in every scrape. */
  readonly series: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Lines that are no samples are left out: another exporter may write what we do not know. */
export function parseExposition(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const match = sampleLine.exec(line);
    if (match === null) continue;
    const [, family, block = '', number] = match;
    const value = parseValue(number);
    if (Number.isNaN(value)) continue;
    samples.push({ family, series: family + block, labels: parseLabels(block), value });
  }
  return samples;
}

function parseLabels(block: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [, name, value] of block.matchAll(labelPair)) {
    labels[name] = value.replace(/\\(.)/g, (_, escaped: string) =>
      escaped === 'n' ? '\n' : escaped,
    );
  }
  return labels;
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  return text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text);
}

const sampleLine =
  /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",? ?)*\})? (\S+)(?: \S+)?$/;
const labelPair = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
