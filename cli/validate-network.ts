/**
 * `heddle validate-network`: whether connections that leave come to the outbound port. A listener
 * there sends a random line to whoever connects, and an address elsewhere is asked for it.
 */

import { connect } from 'node:net';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Address } from '../api/settings.ts';
import { formatAddress, parseAddress } from '../control/model/address.ts';
import { acceptOn, ListenError } from '../control/serve/listen.ts';
import { nodeErrorCode } from '../core/base/node-error.ts';
import { systemName } from '../core/base/random.ts';
import { systemWaitAtMost } from '../core/base/timers.ts';
import type { CommandContext } from './context.ts';
import { durationOption, formatDuration } from './durations.ts';
import { parseLevelFlag } from './init/init-flags.ts';
import { createToolLog, type ToolLevel, type ToolLog } from './init/tool-log.ts';

interface ValidateNetworkFlags {
  readonly connectAddr: Address;
  readonly listenAddr: Address;
  readonly timeout: number;
  readonly logFormat: 'plain' | 'json';
  readonly logLevel: ToolLevel;
}

export function validateNetworkCommand(context: CommandContext): Command {
  return new Command('validate-network')
    .description('See whether connections that leave come to the outbound port of the proxy.')
    .addOption(
      new Option('--connect-addr <IP:port>', 'an address elsewhere, best one that nobody has')
        .argParser(parseAddressFlag)
        .default({ host: '192.0.2.2', port: 1404 }, '192.0.2.2:1404'),
    )
    .addOption(
      new Option('--listen-addr <IP:port>', 'where it should come back to')
        .argParser(parseAddressFlag)
        .default({ host: '0.0.0.0', port: 4140 }, '0.0.0.0:4140'),
    )
    .addOption(durationOption('--timeout <time>', 'how long at the most', [0, hourMs], 10_000))
    .addOption(
      new Option('--log-format <form>')
        .env('LINKERD_NETWORK_VALIDATOR_LOG_FORMAT')
        .choices(['plain', 'json'])
        .default('plain'),
    )
    .addOption(
      new Option('--log-level <level>', 'error, warn, info or debug')
        .env('LINKERD_NETWORK_VALIDATOR_LOG_LEVEL')
        .argParser(parseLevelFlag)
        .default('info' as const),
    )
    .addHelpText('after', help)
    .action(async (flags: ValidateNetworkFlags) => {
      const { logFormat: format, logLevel: level } = flags;
      const log = createToolLog(
        { target: 'heddle::validate_network', level, format },
        context.note,
      );
      const reason = await validate(flags, log);
      if (reason === null) {
        log.info('validated');
        return;
      }
      log.error(reason);
      context.exitCode = exitNotRedirected;
    });
}

/** Null when the connection has come back, else why not. */
async function validate(flags: ValidateNetworkFlags, log: ToolLog): Promise<string | null> {
  const { connectAddr, listenAddr, timeout } = flags;
  const token = `${Array.from({ length: 4 }, systemName).join('')}\n`;
  const ended = new AbortController();
  const onSignal = (): void => ended.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    const listening = await acceptOn(
      {
        setting: '--listen-addr',
        address: listenAddr,
        onError: (error) => log.warn(error.message),
      },
      (socket) => {
        log.debug(`accepted ${socket.remoteAddress}:${socket.remotePort}`);
        socket.on('error', (error) => log.debug(error.message)).end(token);
        socket.resume();
      },
    );
    log.info(`listens on ${formatAddress(listening.address)}`);
    log.info(`connects to ${formatAddress(connectAddr)}`);
    const asked = ask(connectAddr, token, ended.signal);
    const isAnswered = await systemWaitAtMost(asked, timeout);
    ended.abort();
    listening.close();
    const reason = isAnswered ? await asked : `no answer within ${formatDuration(timeout)}`;
    return reason === null ? null : `${reason}\n${remedy}`;
  } catch (error) {
    if (error instanceof ListenError) return error.message;
    throw error;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** Never rejects, and ends with the signal at the latest. */
function ask({ host, port }: Address, token: string, signal: AbortSignal): Promise<string | null> {
  return new Promise((settle) => {
    const socket = connect({ host, port });
    let received = '';
    const end = (reason: string | null): void => {
      signal.removeEventListener('abort', onAbort);
      settle(reason);
      socket.destroy();
    };
    const onAbort = (): void => end('ended by a signal');
    signal.addEventListener('abort', onAbort);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      received += text;
      if (received.length >= token.length) end(received === token ? null : foreign);
    });
    socket.on('end', () => end(received === '' ? 'it was closed without a word' : foreign));
    socket.on('error', (error) => end(`cannot connect: ${nodeErrorCode(error)}`));
  });
}

function parseAddressFlag(text: string): Address {
  const address = parseAddress(text);
  if (address !== null) return address;
  throw new InvalidArgumentError('Expected IP:port such as 0.0.0.0:4140 or [::]:4140.');
}

const foreign = 'somebody else has answered';
const remedy =
  'Connections that leave do not come to the outbound port. Look whether heddle init, or the CNI ' +
  'plugin, has run in this network namespace and for this family of addresses (iptables-save -t ' +
  'nat, also with -legacy and -nft, or nft list ruleset), whether --listen-addr has the port ' +
  'that the rules lead to, and that this runs neither as the user of the proxy nor towards a ' +
  'port that is ignored.';
/** EOPNOTSUPP, as Linkerd's validator: what repairs pods waits for it. */
const exitNotRedirected = 95;
const hourMs = 3_600_000;
const help = `
Listens where the proxy will, connects to an address elsewhere, and compares what comes back. Takes
the arguments of Linkerd's network validator.

Exits with 95 and the reason when the connection does not come back, also when the port is taken;
2 for wrong usage.

Example:
  heddle validate-network --connect-addr 1.1.1.1:20001 --timeout 10s`;
