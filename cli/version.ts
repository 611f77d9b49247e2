/** `heddle version`. */

import { Command, Option } from 'commander';
import { version } from '../core/base/version.ts';
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
        heddle: version,
        node: process.versions.node,
        platform: `${process.platform}-${process.arch}`,
      };
      if (output === 'json') context.print(`${JSON.stringify(facts)}\n`);
      else context.print(`heddle ${facts.heddle} (node ${facts.node}, ${facts.platform})\n`);
    });
}
