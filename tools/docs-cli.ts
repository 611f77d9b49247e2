/**
 * `node tools/docs-cli.ts [--check]`: writes docs/CLI.md from what the commands themselves say, or
 * with `--check` only says whether it is stale, by the exit code.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const path = resolve(root, 'docs/CLI.md');

function help(...args: readonly string[]): string {
  return execFileSync(resolve(root, 'cli/heddle'), [...args, '--help'], { encoding: 'utf8' });
}

/** The names in the list of commands, without the one for help. */
function commandsIn(text: string): string[] {
  const list = /\nCommands:\n([\s\S]*?)\n\n/.exec(text)?.[1] ?? '';
  return [...list.matchAll(/^ {2}([a-z-]+)/gm)].map((match) => match[1]).filter(isNoHelp);
}

function isNoHelp(name: string): boolean {
  return name !== 'help';
}

function section(mark: string, ...words: readonly string[]): string {
  return `${mark} heddle ${words.join(' ')}\n\n\`\`\`text\n${help(...words)}\`\`\`\n`;
}

function render(): string {
  const overview = help();
  const sections = commandsIn(overview).map((name) => {
    const text = help(name);
    const parts = commandsIn(text).map((part) => section('###', name, part));
    return `${section('##', name)}${parts.map((part) => `\n${part}`).join('')}`;
  });
  return `# Commands

Made by \`tools/docs-cli.ts\` from what the commands say; a test fails when this page is stale.
Data goes to stdout, everything else to stderr. Exit codes: 0 for success, 1 for a failure, 2 for
wrong usage, 64 for a wrong configuration. \`NO_COLOR\` and \`FORCE_COLOR\` are heard.

\`\`\`text
${overview}\`\`\`

${sections.join('\n')}`;
}

const wanted = render();
if (process.argv.includes('--check')) {
  if (readFileSync(path, 'utf8') !== wanted) {
    process.stderr.write('docs/CLI.md is stale: run npx node tools/docs-cli.ts\n');
    process.exitCode = 1;
  }
} else {
  writeFileSync(path, wanted);
}
