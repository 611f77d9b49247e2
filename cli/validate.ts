/** `heddle validate`: every problem of a configuration file at once, before a proxy meets it. */

import { Command } from 'commander';
import { formatAddress } from '../control/model/address.ts';
import type { LoadedConfig, ServiceConfig } from '../control/model/loaded-config.ts';
import { formatProblem, loadConfig } from '../control/sources/load-config.ts';
import { unreachable } from '../core/base/assert.ts';
import { type CommandContext, exitConfig } from './context.ts';
import { cleanText } from './table.ts';

export function validateCommand(context: CommandContext): Command {
  return new Command('validate')
    .description('Check configuration files; exits with 64 when one has a problem.')
    .argument('<file...>', 'files like heddle.yaml')
    .option('-q, --quiet', 'print problems only')
    .addHelpText('after', '\nExample:\n  heddle validate heddle.yaml')
    .action(async (files: readonly string[], { quiet }: { quiet?: boolean }) => {
      for (const file of files) {
        const result = await loadConfig(file);
        if ('problems' in result) {
          context.exitCode = exitConfig;
          const lines = result.problems.map(
            (problem) => `${cleanText(formatProblem({ ...problem, path: file }))}\n`,
          );
          context.print(lines.join(''));
        } else if (quiet !== true) {
          context.print(summarize(file, result.config));
        }
      }
    });
}

function summarize(file: string, config: LoadedConfig): string {
  const { outbound, outboundSecond, inbound, inboundTo, admin, binds } = config.settings;
  const to = inboundTo === null ? 'where it was going' : formatAddress(inboundTo);
  const listeners = [
    outbound === null ? [] : [`outbound ${formatAddress(outbound)}`],
    outboundSecond === null ? [] : [`outbound ${formatAddress(outboundSecond)}`],
    inbound === null ? [] : [`inbound ${formatAddress(inbound)} to ${to}`],
    binds.map((bind) => `${bind.authority} on ${formatAddress(bind.address)}`),
    admin === null ? [] : [`admin ${formatAddress(admin)}`],
  ].flat();
  const lines = [
    `${file}: OK, ${count(config.services.length, 'service')}`,
    ...config.services.map(
      (service) => `  ${service.name}:${service.port}  ${describeSource(service.source)}`,
    ),
    `  ${listeners.join(', ')}`,
  ];
  return `${lines.map(cleanText).join('\n')}\n`;
}

function describeSource(source: ServiceConfig['source']): string {
  switch (source.kind) {
    case 'inline':
      return count(source.endpoints.length, 'endpoint');
    case 'file':
      return `endpoints of ${source.path}`;
    case 'dns':
      return `addresses of ${source.name}, port ${source.port}`;
    case 'srv':
      return `SRV records of ${source.name}`;
    case 'manifests':
      return 'slices of its manifests';
    case 'registry':
      return 'processes that join';
    default:
      return unreachable(source);
  }
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}
