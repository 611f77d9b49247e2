/** `heddle identity`: the certificates that proxies really serve, and what replaces them. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { isDnsName, isHostAndPort, splitPort } from '../control/model/address.ts';
import { systemClock } from '../core/base/clock.ts';
import type { Certificate } from '../core/identity/certificate.ts';
import { isIdentityName } from '../core/identity/names.ts';
import { askMany } from './ask-many.ts';
import { type CommandContext, exitFailure } from './context.ts';
import { controlOption } from './control-flag.ts';
import { fetchCertificates } from './fetch-certificate.ts';
import { gatherProxies, tellFailure } from './gather-proxies.ts';
import {
  identityRepairCommand,
  identityRotateCommand,
  identityStatusCommand,
} from './identity-changes.ts';
import type { KnownProxy } from './known-proxies.ts';
import { readProxyIdentity } from './proxy-identity.ts';
import {
  describeServed,
  judgeServed,
  renderServed,
  type ServedIdentity,
  servedJson,
} from './served-identity.ts';
import type { ViewClient } from './view-client.ts';
import { openViewClients } from './view-clients.ts';

interface IdentityOptions {
  readonly control: readonly string[];
  readonly serverName: string;
  readonly output?: 'table' | 'wide' | 'text' | 'json';
}

export function identityCommand(context: CommandContext): Command {
  return new Command('identity')
    .enablePositionalOptions()
    .description('Show the certificates that proxies really serve, fetched from them by TLS.')
    .argument('[name...]', 'services, proxies, or host:port of one', collectName, [])
    .addOption(controlOption('off'))
    .option('--server-name <name>', 'who a host:port is asked for', readServerName, '')
    .addOption(
      new Option(
        '-o, --output <form>',
        'how to print it (default: text for what is named, else table)',
      ).choices(['table', 'wide', 'text', 'json']),
    )
    .addHelpText('after', help)
    .action(async (names: readonly string[], options: IdentityOptions) => {
      const gathered = await gatherServed(names, options, context);
      if (gathered === null) return;
      const { served, roots } = gathered;
      const nowMs = systemClock.wallMs();
      const { output = names.length === 0 ? 'table' : 'text' } = options;
      if (served.some((one) => judgeServed(one, roots, nowMs) !== '')) {
        context.exitCode = exitFailure;
      }
      if (output === 'json') context.print(servedJson(served, roots, nowMs));
      else if (output !== 'text') context.print(renderServed(served, roots, nowMs, output));
      else for (const one of served) context.print(describeServed(one, roots, nowMs));
    })
    .addCommand(identityStatusCommand(context))
    .addCommand(identityRotateCommand(context))
    .addCommand(identityRepairCommand(context))
    .helpCommand(false);
}

interface Gathered {
  readonly served: readonly ServedIdentity[];
  /** The trust anchors; null where no control plane tells of them. */
  readonly roots: readonly Certificate[] | null;
}

/** Null where there is nobody to ask. */
async function gatherServed(
  names: readonly string[],
  { control, serverName }: IdentityOptions,
  context: CommandContext,
): Promise<Gathered | null> {
  const places = names.filter((name) => isHostAndPort(name));
  const clients = await openViewClients(control);
  try {
    const known = await gatherProxies(clients, places, context);
    if (known === null) return null;
    const asked = names.length === 0 ? known : select(known, names, context);
    const served = await askMany(asked, (proxy) => askProxy(proxy, serverName));
    return { served, roots: await findRoots(clients) };
  } finally {
    for (const client of clients) client.close();
  }
}

/** The first control plane that tells of some is believed; an older one knows of none. */
async function findRoots(clients: readonly ViewClient[]): Promise<readonly Certificate[] | null> {
  for (const client of clients) {
    const answer = await client.authority();
    if ('value' in answer) return answer.value.anchors.map(({ certificate }) => certificate);
  }
  return null;
}

function select(
  known: readonly KnownProxy[],
  names: readonly string[],
  context: CommandContext,
): KnownProxy[] {
  const chosen = new Set<KnownProxy>();
  for (const name of names) {
    const found = known.filter((proxy) => {
      const { service, namespace, admin, inbound } = proxy;
      const words = [proxy.name, service, `${service}.${namespace}`, admin, inbound];
      return words.includes(name);
    });
    if (found.length === 0) tellFailure(`no proxy of ${name} is known: ${howToList}`, context);
    // By its inbound port it may be known already.
    const [first] = found.toSorted((a, b) => b.inbound.length - a.inbound.length);
    for (const one of isHostAndPort(name) && first !== undefined ? [first] : found) chosen.add(one);
  }
  return [...chosen];
}

/** By the port that peers use where it is known, else by that of its admin. */
async function askProxy(proxy: KnownProxy, serverName: string): Promise<ServedIdentity> {
  const told = proxy.admin === '' ? null : await readProxyIdentity(proxy.admin);
  const identity = told?.name || proxy.identity || serverName;
  const address = proxy.inbound || proxy.admin;
  const about = { proxy: proxy.name, address, identity, chain: [] };
  if (identity === '')
    return { ...about, failure: explainNone(told?.state ?? '', told?.error ?? '') };
  const split = splitPort(address);
  if (split === null || split.port === null) {
    return { ...about, failure: 'it is on another host, and takes no traffic there' };
  }
  try {
    const chain = await fetchCertificates({ host: split.name, port: split.port }, identity);
    return { ...about, chain, failure: '' };
  } catch (error) {
    const reason = told?.error ?? '';
    return {
      ...about,
      failure: `${(error as Error).message}${reason === '' ? '' : `; ${reason}`}`,
    };
  }
}

function explainNone(state: string, error: string): string {
  if (state === 'off') return '';
  if (state === '') return 'it does not say who it is: name it by --server-name';
  return `it is ${state}${error === '' ? '' : `: ${error}`}`;
}

function collectName(text: string, before: readonly string[]): readonly string[] {
  if (isDnsName(text) || isHostAndPort(text)) return [...before, text];
  throw new InvalidArgumentError('Expected a name such as web or web.demo, or host:port.');
}

function readServerName(text: string): string {
  if (isIdentityName(text)) return text;
  throw new InvalidArgumentError('Expected the whole name of an identity.');
}

const howToList = 'heddle identity without a name lists all';
const help = `
Without a name every proxy that a control plane knows is asked, by the port at which it takes mutual
TLS from others, or by its admin port. STATUS is a tick where the certificate is good now; the
command ends with 1 where one is not. A proxy without an identity has none to show.

Example:
  heddle identity web.demo
  heddle identity 10.0.0.5:4143 --control off \\
    --server-name web.demo.serviceaccount.identity.heddle.mesh.local`;
