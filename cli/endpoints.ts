/** `heddle endpoints`: which endpoints a service has, and who knows something else. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { isDnsName, splitPort } from '../control/model/address.ts';
import { systemClock } from '../core/base/clock.ts';
import { systemPause } from '../core/base/timers.ts';
import { compareHoldings } from './compare-endpoints.ts';
import { type CommandContext, exitFailure } from './context.ts';
import { controlOption } from './control-flag.ts';
import {
  comparisonJson,
  endpointsJson,
  renderComparison,
  renderEndpoints,
} from './endpoints-table.ts';
import { gatherHoldings } from './gather-holdings.ts';
import { parseLabel } from './labels.ts';
import { cleanText } from './table.ts';
import type { ViewClient } from './view-client.ts';
import { openViewClients } from './view-clients.ts';
import type { ServiceView } from './view-messages.ts';

interface EndpointsOptions {
  readonly control: readonly string[];
  readonly namespace: string;
  readonly compare?: boolean;
  readonly output: 'table' | 'wide' | 'json';
}

export function endpointsCommand(context: CommandContext): Command {
  return new Command('endpoints')
    .description('Show the endpoints of services as a control plane knows them.')
    .argument('[name]', 'a service: short, with its namespace, or whole', readName, '')
    .option(
      '--compare',
      'hold control planes and proxies to the source; exits with 1 for a difference',
    )
    .addOption(controlOption())
    .option('-n, --namespace <name>', 'where a short name is looked up', parseLabel, 'default')
    .addOption(
      new Option('-o, --output <form>', 'how to print it')
        .choices(['table', 'wide', 'json'])
        .default('table'),
    )
    .addHelpText(
      'after',
      [
        '',
        'Equal sets of endpoints have equal versions, whoever has them. With --compare the source',
        'of each service is read here where it can be, every control plane of --control is asked,',
        'and every proxy that one of them knows; what differs is looked at twice, because a change',
        'may be under way.',
        '',
        'Example:',
        '  heddle endpoints web --namespace demo --compare',
      ].join('\n'),
    )
    .action(async (name: string, options: EndpointsOptions) => {
      const clients = await openViewClients(options.control);
      try {
        if (options.compare === true) await compare(clients, name, options, context);
        else await show(clients, name, options, context);
      } finally {
        for (const client of clients) client.close();
      }
    });
}

/** The first control plane that answers is believed. */
async function show(
  clients: readonly ViewClient[],
  name: string,
  { namespace, output }: EndpointsOptions,
  context: CommandContext,
): Promise<void> {
  for (const client of clients) {
    const answer = await client.endpoints(name, namespace);
    if ('reason' in answer) {
      context.note(`heddle: ${cleanText(answer.reason)}\n`);
      continue;
    }
    const nowMs = systemClock.wallMs();
    if (isUnknown(answer.value, name, namespace, context)) return;
    if (output === 'json') {
      context.print(endpointsJson(answer.value, nowMs));
      return;
    }
    context.print(renderEndpoints(answer.value, nowMs, output, context.color));
    tellErrors(answer.value, context);
    return;
  }
  context.exitCode = exitFailure;
}

async function compare(
  clients: readonly ViewClient[],
  name: string,
  { namespace, output }: EndpointsOptions,
  context: CommandContext,
): Promise<void> {
  let gathered = await gatherHoldings(clients, name, namespace);
  let rows = compareHoldings(gathered.holdings);
  if (rows.some(({ difference }) => difference !== '')) {
    await systemPause(changeMs);
    gathered = await gatherHoldings(clients, name, namespace);
    rows = compareHoldings(gathered.holdings);
  }
  for (const failure of gathered.failures) context.note(`heddle: ${cleanText(failure)}\n`);
  if (gathered.failures.length > 0) context.exitCode = exitFailure;
  if (!gathered.asked) return;
  if (isUnknown(gathered.holdings, name, namespace, context)) return;
  const isDifferent = rows.some(({ difference }) => difference !== '');
  if (isDifferent) context.exitCode = exitFailure;
  context.print(output === 'json' ? comparisonJson(rows) : renderComparison(rows, context.color));
}

function isUnknown(
  found: readonly unknown[],
  name: string,
  namespace: string,
  context: CommandContext,
): boolean {
  if (found.length > 0 || name === '') return false;
  context.note(
    `heddle: no service ${name} in namespace ${namespace}; heddle endpoints lists all\n`,
  );
  context.exitCode = exitFailure;
  return true;
}

/** The last good endpoints stay in use, so that this is no failure of the command. */
function tellErrors(services: readonly ServiceView[], context: CommandContext): void {
  for (const { authority, source, location, error } of services) {
    if (error === '') continue;
    const where = location === '' ? source : `${source} ${location}`;
    context.note(`heddle: ${cleanText(`${authority}: ${where}: ${error}`)}\n`);
  }
}

function readName(text: string): string {
  const split = splitPort(text);
  if (split !== null && isDnsName(split.name) && split.port !== 0) return text;
  throw new InvalidArgumentError('Expected the name of a service such as web or web.demo:80.');
}

/** Within this time a change is at every proxy. */
const changeMs = 1_000;
