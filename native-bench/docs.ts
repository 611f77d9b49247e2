/** Fills the generated section of docs/BENCHMARKS.md from the results; the rest stays as it is. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeGoals } from './goals.ts';
import type { Machine } from './machine.ts';
import { projectDir } from './peer.ts';
import { renderMarkdown } from './report.ts';
import type { Result } from './results.ts';

export function writeDocs(results: readonly Result[]): string {
  const file = join(projectDir, 'docs', 'BENCHMARKS.md');
  writeFileSync(file, fillSection(readFileSync(file, 'utf8'), renderResults(results)));
  return file;
}

/** Throws when the document has lost its markers. */
export function fillSection(document: string, text: string): string {
  const from = document.indexOf(beginMarker);
  const to = document.indexOf(endMarker);
  if (from < 0 || to < from) throw new Error(`the document needs ${beginMarker} and ${endMarker}`);
  return `${document.slice(0, from + beginMarker.length)}\n\n${text}\n${document.slice(to)}`;
}

function renderResults(results: readonly Result[]): string {
  const goals = judgeGoals(results).map((one) => `| ${one.goal} | ${one.figure} | ${one.met} |`);
  const sections = results.map((result) =>
    [
      `### ${result.scenario}`,
      '',
      `\`${result.command}\`, ${result.takenAt}, commit ${result.machine.commit}`,
      '',
      ...result.outcomes.map(renderMarkdown),
    ].join('\n'),
  );
  return [
    ...renderMachines(results),
    '### Goals',
    '',
    '| goal | median (min-max) | met |',
    '| --- | ---: | --- |',
    ...goals,
    '',
    ...sections,
  ].join('\n');
}

function renderMachines(results: readonly Result[]): string[] {
  const lines = new Set(results.map(({ machine }) => renderMachine(machine)));
  return ['### Machine', '', ...[...lines].map((line) => `- ${line}`), ''];
}

function renderMachine({ cpu, cores, memoryGb, system, kernel, node }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGb} GB; ${system}, Linux ${kernel}; Node ${node}`;
}

const beginMarker = '<!-- results: begin -->';
const endMarker = '<!-- results: end -->';
