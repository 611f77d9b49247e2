/** `heddle check`: whether a mesh is well, and what to do where it is not. */

import { Command, Option } from 'commander';
import { systemClock } from '../core/base/clock.ts';
import { systemPause } from '../core/base/timers.ts';
import { type CheckFacts, gatherFacts } from './check/facts.ts';
import { judgeConfig, judgeControls, judgeSources } from './check/judge-control.ts';
import { judgeIdentity } from './check/judge-identity.ts';
import { judgeProxies, judgeRuntime, judgeVersions } from './check/judge-proxies.ts';
import { type Category, checksJson, hasFailed, renderChecks } from './check/report.ts';
import { type CommandContext, exitFailure } from './context.ts';
import { controlOption } from './control-flag.ts';
import { durationOption } from './durations.ts';
import { collectAdmins } from './labels.ts';
import { openViewClients } from './view-clients.ts';

interface CheckOptions {
  readonly control: readonly string[];
  readonly proxy: readonly string[];
  readonly config: string;
  readonly output: 'table' | 'short' | 'json';
  /** Milliseconds. */
  readonly wait: number;
}

export function checkCommand(context: CommandContext): Command {
  return new Command('check')
    .description(
      'Check a mesh: configuration, control planes, proxies, identity; exits with 1 for a failure.',
    )
    .addOption(controlOption('off'))
    .option('--proxy <admin...>', 'more proxies, by admin address, host:port', collectAdmins, [])
    .option(
      '-c, --config <file>',
      'a configuration to validate, else that of the control plane',
      '',
    )
    .addOption(
      new Option('-o, --output <form>', 'how to print it; short leaves out what is well')
        .choices(['table', 'short', 'json'])
        .default('table'),
    )
    .addOption(durationOption('--wait <time>', 'go on until nothing fails', [0, waitMsMax], 0))
    .addHelpText(
      'after',
      [
        '',
        'Warnings do not fail. Each line that is not well names a section of docs/CHECKS.md.',
        '',
        'Example:',
        '  heddle check --control 127.0.0.1:8086 --wait 30s',
      ].join('\n'),
    )
    .action(async (options: CheckOptions) => {
      const categories = await checkUntil(options);
      if (hasFailed(categories)) context.exitCode = exitFailure;
      const { output } = options;
      if (output === 'json') context.print(checksJson(categories));
      else context.print(renderChecks(categories, output, context.color));
    });
}

/** Again while something fails and there is time. */
async function checkUntil(options: CheckOptions): Promise<readonly Category[]> {
  const clients = await openViewClients(options.control);
  const request = { clients, admins: options.proxy, configPath: options.config };
  const untilMs = systemClock.monotonicMs() + options.wait;
  try {
    for (;;) {
      const categories = judgeFacts(await gatherFacts(request));
      const leftMs = untilMs - systemClock.monotonicMs();
      if (!hasFailed(categories) || leftMs <= 0) return categories;
      await systemPause(Math.min(againMs, leftMs));
    }
  } finally {
    for (const client of clients) client.close();
  }
}

/** A category without a check has nothing to do with this mesh. */
function judgeFacts(facts: CheckFacts): Category[] {
  return [
    judgeConfig(facts.config),
    judgeControls(facts.controls),
    judgeSources(facts.controls, systemClock.wallMs()),
    judgeProxies(facts),
    judgeIdentity(facts, systemClock.wallMs()),
    judgeVersions(facts),
    judgeRuntime(facts),
  ].filter(({ checks }) => checks.length > 0);
}

const waitMsMax = 3_600_000;
const againMs = 1_000;
