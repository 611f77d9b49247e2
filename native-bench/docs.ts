/**
 * Fills the generated sections of docs/BENCHMARKS.md, and of docs/COMPARED.md with what is about
 * sidecars, from the results; the rest stays as it is.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeGoals } from './goals.ts';
import type { Machine } from './machine.ts';
import { projectDir } from './peer.ts';
import { renderMarkdown } from './report.ts';
import type { Result } from './results.ts';

export function writeDocs(results: readonly Result[]): string {
  const compared = results.filter(({ scenario }) => sidecarScenarios.has(scenario));
  return [
    writeSection('BENCHMARKS.md', renderResults(results)),
    writeSection('COMPARED.md', renderCompared(compared)),
  ].join(', ');
}

function writeSection(name: string, text: string): string {
  const file = join(projectDir, 'docs', name);
  writeFileSync(file, fillSection(readFileSync(file, 'utf8'), text));
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
  return [
    ...renderMachines(results),
    '### Goals',
    '',
    '| goal | median (min-max) | met |',
    '| --- | ---: | --- |',
    ...goals,
    '',
    ...results.map(renderResult),
  ].join('\n');
}

function renderCompared(results: readonly Result[]): string {
  if (results.length === 0) return 'Nothing has been measured yet.\n';
  return [...renderMachines(results), ...results.map(renderResult)].join('\n');
}

function renderResult({ scenario, command, takenAt, machine, outcomes }: Result): string {
  return [
    `### ${scenario}`,
    '',
    `\`${command}\`, ${takenAt}, commit ${machine.commit}`,
    '',
    ...outcomes.map(renderMarkdown),
  ].join('\n');
}

function renderMachines(results: readonly Result[]): string[] {
  const lines = new Set(results.map(({ machine }) => renderMachine(machine)));
  return ['### Machine', '', ...[...lines].map((line) => `- ${line}`), ''];
}

function renderMachine({ cpu, cores, memoryGb, system, kernel, node }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGb} GB; ${system}, Linux ${kernel}; Node ${node}`;
}

const sidecarScenarios = new Set(['mesh-http1', 'mesh-h2']);
const beginMarker = '<!-- results: begin -->';
const endMarker = '<!-- results: end -->';
