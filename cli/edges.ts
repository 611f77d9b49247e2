/** `heddle edges`: who talks to whom, who they prove to be, and whether it is encrypted. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { isDnsName } from '../control/model/address.ts';
import { scrape } from './admin-client.ts';
import { askMany } from './ask-many.ts';
import type { CommandContext } from './context.ts';
import { controlOption } from './control-flag.ts';
import { type Edge, type EdgeSource, summarizeEdges } from './edge-rows.ts';
import { edgesJson, renderEdges } from './edges-table.ts';
import { gatherProxies, tellFailure } from './gather-proxies.ts';
import type { KnownProxy } from './known-proxies.ts';
import { collectAdmins } from './labels.ts';
import { readProxyIdentity } from './proxy-identity.ts';
import { openViewClients } from './view-clients.ts';

interface EdgesOptions {
  readonly control: readonly string[];
  readonly proxy: readonly string[];
  readonly output: 'table' | 'wide' | 'json';
}

export function edgesCommand(context: CommandContext): Command {
  return new Command('edges')
    .description('Show who talks to whom, by which identities, and whether it is encrypted.')
    .argument('[name]', 'only edges from or to this service, web or web.demo', readName, '')
    .addOption(controlOption('off'))
    .option('--proxy <admin...>', 'more proxies, by admin address, host:port', collectAdmins, [])
    .addOption(
      new Option('-o, --output <form>', 'how to print it; wide has whole identities')
        .choices(['table', 'wide', 'json'])
        .default('table'),
    )
    .addHelpText('after', help)
    .action(async (name: string, options: EdgesOptions) => {
      const sources = await gatherSources(options, context);
      if (sources === null) return;
      const edges = summarizeEdges(sources).filter((edge) => name === '' || touches(edge, name));
      if (options.output === 'json') context.print(edgesJson(edges));
      else if (edges.length > 0) context.print(renderEdges(edges, options.output, context.color));
      else context.note(`heddle: no connection${name === '' ? '' : ` of ${name}`} has been seen\n`);
    });
}

/** Null where nobody could be asked who there is. */
async function gatherSources(
  { control, proxy }: EdgesOptions,
  context: CommandContext,
): Promise<EdgeSource[] | null> {
  const clients = await openViewClients(control);
  try {
    const proxies = await gatherProxies(clients, proxy, context);
    if (proxies === null) return null;
    const asked = await askMany(
      proxies.filter(({ admin }) => admin !== ''),
      (one) => ask(one),
    );
    for (const one of asked) if (typeof one === 'string') tellFailure(one, context);
    return asked.filter((one) => typeof one !== 'string');
  } finally {
    for (const client of clients) client.close();
  }
}

async function ask(proxy: KnownProxy): Promise<EdgeSource | string> {
  const { name, service, namespace, admin } = proxy;
  try {
    const [samples, identity] = await Promise.all([scrape(admin), readProxyIdentity(admin)]);
    return { name: service, namespace, identity: identity?.name || proxy.identity, samples };
  } catch (error) {
    return `${name}: ${(error as Error).message}`;
  }
}

function touches(edge: Edge, name: string): boolean {
  const fits = (one: string, namespace: string): boolean => {
    return one === name || `${one}.${namespace}` === name;
  };
  return fits(edge.source, edge.sourceNamespace) || fits(edge.target, edge.targetNamespace);
}

function readName(text: string): string {
  if (isDnsName(text)) return text;
  throw new InvalidArgumentError('Expected the name of a service such as web or web.demo.');
}

const help = `
Every proxy that a control plane knows, and whose admin port can be reached from here, is asked for
its connections; replicas of a service are one line. SECURED is a tick where the connection is
encrypted and both sides have proved who they are, else the reason why not. A service that has no
connection open now is shown by those that it had in the last ten minutes.

Example:
  heddle edges web --control 127.0.0.1:8086 -o wide`;
