/** `heddle version`. */

import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { CommandContext } from './context.ts';

export function versionCommand(context: CommandContext): Command {
  return new Command('version')
    .description('Print the versions of Heddle and of the Node that it runs on.')
    .addOption(
      new Option('-o, --output <form>', 'how to print it')
        .choices(['text', 'json'])
        .default('text'),
    )
    .addHelpText('after', '\nExample:\n  heddle version -o json')
    .action(({ output }: { output: 'text' | 'json' }) => {
      const facts = {
        heddle: readVersion(),
        node: process.versions.node,
        platform: `${process.platform}-${process.arch}`,
      };
      if (output === 'json') context.print(`${JSON.stringify(facts)}\n`);
      else context.print(`heddle ${facts.heddle} (node ${facts.node}, ${facts.platform})\n`);
    });
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  return (manifest as { version: string }).version;
}
