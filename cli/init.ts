/** `heddle init`: brings the connections of a network namespace to the proxy. */

import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { descriptorCalls } from '../workers/descriptor-calls.ts';
import { type CommandContext, exitUsage } from './context.ts';
import {
  applyFirewall,
  type FirewallChoice,
  modeOfProgram,
  simulateFirewall,
} from './init/firewall.ts';
import { exitNoPermission, InitError } from './init/init-error.ts';
import {
  booleanOption,
  collectPorts,
  collectRanges,
  collectSubnets,
  listOption,
  parseLevelFlag,
  parseOwner,
  parseSeconds,
} from './init/init-flags.ts';
import type { PortRange, RedirectOptions } from './init/rules.ts';
import type { Subnet } from './init/subnet.ts';
import { createToolLog, type ToolLevel, type ToolLog } from './init/tool-log.ts';
import { parsePortFlag } from './labels.ts';
import { cleanText } from './table.ts';

interface InitFlags {
  readonly incomingProxyPort: number;
  readonly outgoingProxyPort: number;
  readonly proxyUid: number;
  readonly proxyGid: number;
  readonly portsToRedirect: readonly number[];
  readonly inboundPortsToIgnore: readonly PortRange[];
  readonly outboundPortsToIgnore: readonly PortRange[];
  readonly subnetsToIgnore: readonly Subnet[];
  readonly iptablesMode?: FirewallChoice['mode'];
  readonly firewallBinPath?: string;
  readonly ipv6: boolean;
  readonly netns?: string;
  readonly useWaitFlag: boolean;
  readonly timeoutCloseWaitSecs: number;
  readonly simulate: boolean;
  readonly undo: boolean;
  readonly logFormat: 'plain' | 'json';
  readonly logLevel: ToolLevel;
}

export function initCommand(context: CommandContext): Command {
  const command = new Command('init')
    .description('Redirect the connections of this network namespace to the proxy.')
    .option('-p, --incoming-proxy-port <port>', 'where inbound ones go', parsePortFlag, 4143)
    .option('-o, --outgoing-proxy-port <port>', 'where outbound ones go', parsePortFlag, 4140)
    .addOption(ownerOption('-u, --proxy-uid <uid>', 'the user that the proxy runs as'))
    .addOption(ownerOption('-g, --proxy-gid <gid>', 'the group that the proxy runs as'));
  addLists(command);
  return command
    .addOption(
      new Option('--iptables-mode <mode>', 'which tool writes them (default: legacy)').choices([
        'legacy',
        'nft',
        'plain',
        'nftables',
      ]),
    )
    .option('--firewall-bin-path <program>', 'iptables-legacy, iptables-nft or iptables')
    .option('--firewall-save-bin-path <program>', 'follows from the one above')
    .addOption(booleanOption('--ipv6', 'also for IPv6', true))
    .option('--netns <file>', 'the namespace, if it is not our own')
    .addOption(booleanOption('-w, --use-wait-flag', 'wait for others who change rules', false))
    .option(
      '--timeout-close-wait-secs <seconds>',
      'nf_conntrack_tcp_timeout_close_wait, 0 to leave it',
      parseSeconds,
      0,
    )
    .addOption(booleanOption('--simulate', 'only print what would be done', false))
    .addOption(booleanOption('--undo', 'remove the rules', false))
    .addOption(new Option('--log-format <form>').choices(['plain', 'json']).default('plain'))
    .option('--log-level <level>', 'error, warn, info or debug', parseLevelFlag, 'info' as const)
    .addHelpText('after', help)
    .action((flags: InitFlags) => {
      const { logFormat: format, logLevel: level } = flags;
      const log = createToolLog({ target: 'heddle::init', level, format }, context.note);
      const choice = chooseFirewall(flags, log);
      if (typeof choice === 'string') {
        context.note(`heddle init: ${cleanText(choice)}\n(heddle init --help)\n`);
        context.exitCode = exitUsage;
        return;
      }
      const rules = flags.undo ? null : redirectOptions(flags);
      if (flags.simulate) {
        context.print(simulateFirewall(choice, rules));
        return;
      }
      try {
        redirect({ flags, choice, rules }, context, log);
      } catch (error) {
        if (!(error instanceof InitError)) throw error;
        log.error(error.message);
        context.exitCode = error.exitCode;
      }
    });
}

function addLists(command: Command): void {
  command
    .addOption(
      listOption(
        '-r, --ports-to-redirect <ports>',
        'only these inbound ports',
        collectPorts,
      ).default([], 'all'),
    )
    .addOption(
      listOption(
        '--inbound-ports-to-ignore <ports>',
        'inbound ports and ranges that are left alone',
        collectRanges,
      ),
    )
    .addOption(
      listOption(
        '--outbound-ports-to-ignore <ports>',
        'outbound ports and ranges that are left alone',
        collectRanges,
      ),
    )
    .addOption(
      listOption(
        '--subnets-to-ignore <subnets>',
        'inbound connections from these are left alone',
        collectSubnets,
      ),
    );
}

function ownerOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser(parseOwner).default(0, 'nobody');
}

/** A sentence when there is no such tool. */
function chooseFirewall(flags: InitFlags, log: ToolLog): FirewallChoice | string {
  const { firewallBinPath: program = 'iptables-legacy', iptablesMode: mode } = flags;
  const named = modeOfProgram(program);
  if (named === null) {
    return `--firewall-bin-path: ${program} is not iptables-legacy, iptables-nft or iptables`;
  }
  const hasIpv6 = existsSync('/proc/net/if_inet6');
  if (flags.ipv6 && !hasIpv6) log.warn('this kernel has no IPv6: there are no rules for it');
  return {
    mode: mode ?? named.mode,
    folder: mode === undefined ? named.folder : null,
    families: flags.ipv6 && hasIpv6 ? ['ipv4', 'ipv6'] : ['ipv4'],
    waits: flags.useWaitFlag,
  };
}

function redirectOptions(flags: InitFlags): RedirectOptions {
  const { incomingProxyPort: inboundPort, outgoingProxyPort: outboundPort, ...others } = flags;
  const { proxyUid, proxyGid, ...lists } = others;
  return {
    inboundPort,
    outboundPort,
    proxyUid: proxyUid === 0 ? null : proxyUid,
    proxyGid: proxyGid === 0 ? null : proxyGid,
    ...lists,
  };
}

interface Work {
  readonly flags: InitFlags;
  readonly choice: FirewallChoice;
  readonly rules: RedirectOptions | null;
}

function redirect({ flags, choice, rules }: Work, context: CommandContext, log: ToolLog): void {
  const { netns, timeoutCloseWaitSecs: closeWaitSeconds } = flags;
  if (netns !== undefined) enterNamespace(netns);
  if (rules !== null && rules.proxyUid === null && rules.proxyGid === null) {
    log.warn('without --proxy-uid the connections of the proxy itself come back to it');
  }
  if (rules !== null && closeWaitSeconds !== 0) setCloseWait(closeWaitSeconds);
  const { PATH: path = '' } = context.environment;
  applyFirewall(choice, rules, { path, info: log.info, warn: log.warn });
  log.info(rules === null ? 'the rules are removed' : 'the rules are written and read back');
}

/** What this thread starts from now on is in that namespace. */
function enterNamespace(file: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    throw new InitError(`--netns: ${(error as Error).message}\n${namespaceRemedy}`);
  }
  const failure = descriptorCalls.enterNetwork(descriptor);
  closeSync(descriptor);
  if (failure === null) return;
  throw new InitError(`--netns: ${file}: ${failure}\n${namespaceRemedy}`, exitNoPermission);
}

function setCloseWait(seconds: number): void {
  try {
    writeFileSync(closeWaitFile, String(seconds), { flag: 'r+' });
  } catch (error) {
    const remedy =
      'It is there when the module nf_conntrack is loaded, and may be written by root in a ' +
      'privileged container.';
    const text = `--timeout-close-wait-secs: ${(error as Error).message}\n${remedy}`;
    throw new InitError(text, exitNoPermission);
  }
}

const namespaceRemedy =
  'It needs CAP_SYS_ADMIN and a file such as /run/netns/NAME or /proc/PID/ns/net.';
const closeWaitFile = '/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait';
const help = `
Takes the flags of Linkerd's proxy-init and writes the same rules: TCP that comes in goes to the
inbound port, TCP that goes out to the outbound port, except what the loopback carries, what the
proxy itself sends, and what is to be ignored. UDP is not touched. Running it again replaces the
rules; --undo removes them and nothing else. Each tool takes all rules or none, they are read back,
and a failure leaves what was there before.

--iptables-mode legacy, nft and plain are iptables-legacy, iptables-nft and iptables; where that is
not installed, another one of them is taken. nftables is nft itself, with a table of its own.

Exits with 1 when the rules cannot be written, 2 for wrong usage, 69 when the tool is not
installed, 77 when a permission is missing. docs/REDIRECT.md shows the rules.

Example:
  heddle init --proxy-uid 2102 --inbound-ports-to-ignore 4190,4191`;
