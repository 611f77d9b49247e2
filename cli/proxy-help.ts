/** `heddle proxy` for the help: `proxy.ts` runs it, without loading what this file needs. */

import { Command } from 'commander';
import { proxyFlags } from './proxy-flags.ts';

export function proxyCommand(): Command {
  const command = new Command('proxy')
    .description(
      'Run a proxy from a watched configuration file, a control plane, or the environment.',
    )
    .option('-c, --config <file>', 'a file like heddle.yaml; docs/CONFIG.md describes it')
    .option('--prepare-identity', 'first make key.p8 and csr.der, as in a sidecar');
  for (const { name, value, help } of proxyFlags) {
    command.option(`--${name} <value>`, `${help} (${value})`);
  }
  return command.addHelpText(
    'after',
    [
      '',
      'A flag takes the place of the setting of the same name in the file. Without a file and a',
      'control plane, the environment of a Linkerd proxy is read, which docs/CONFIG.md lists. Exit',
      'codes: 0 after an orderly end, 1 for a failure, 2 for wrong usage, 64 for a wrong',
      'configuration.',
      '',
      'Example:',
      '  heddle proxy --config heddle.yaml --workers 2',
      '  heddle proxy --control 127.0.0.1:8086 --inbound-to 127.0.0.1:8080',
    ].join('\n'),
  );
}
