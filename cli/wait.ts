/** `heddle wait`: until the proxy is ready, or a service has an endpoint. For scripts. */

import { create } from '@bufbuild/protobuf';
import { Command } from 'commander';
import { EndpointsRequestSchema } from '../api/gen/control/view_pb.ts';
import { isDnsName, isHostAndPort, parseAddress } from '../control/model/address.ts';
import { viewEndpoints } from '../control/serve/methods.ts';
import { systemClock } from '../core/base/clock.ts';
import { systemRandom } from '../core/base/random.ts';
import { systemPause, TimerWheel } from '../core/base/timers.ts';
import { GrpcClient } from '../core/grpc/client.ts';
import { Code, codeName } from '../core/grpc/status.ts';
import { askAdmin } from './admin-client.ts';
import { type CommandContext, exitFailure, exitUsage } from './context.ts';
import { followControls } from './control-addresses.ts';
import { durationOption, formatDuration } from './durations.ts';
import { createGrpcEnv } from './grpc-env.ts';
import { parseControls, parseLabel } from './labels.ts';
import { cleanText } from './table.ts';

interface WaitFlags {
  readonly namespace?: string;
  readonly control?: readonly string[];
  readonly timeout: number;
}

export function waitCommand(context: CommandContext): Command {
  return new Command('wait')
    .description('Wait until the proxy is ready, or until a service has an endpoint.')
    .argument('[name]', 'the service, as callers spell it; without: the proxy of HEDDLE_ADMIN')
    .option(
      '-n, --namespace <name>',
      'where a short name is looked up (default: our own)',
      parseLabel,
    )
    .option('--control <addresses>', 'control planes, host:port (default: our own)', parseControls)
    .addOption(durationOption('--timeout <time>', 'how long at the most', [0, dayMs], minuteMs))
    .addHelpText(
      'after',
      [
        '',
        'What is our own is HEDDLE_NAMESPACE and HEDDLE_CONTROL, which heddle run sets, otherwise',
        'default and 127.0.0.1:8086. Exits with 1 and the reason when the time is over.',
        '',
        'Example:',
        '  heddle wait users --timeout 10s && node server.js',
      ].join('\n'),
    )
    .action(async (name: string | undefined, flags: WaitFlags) => {
      const awaited = name === undefined ? awaitProxy(context) : awaitService(name, flags, context);
      if (typeof awaited === 'string') {
        context.note(`heddle wait: ${awaited}\n(heddle wait --help)\n`);
        context.exitCode = exitUsage;
        return;
      }
      const reason = await waitUntil(awaited, flags.timeout);
      awaited.close();
      if (reason === null) return;
      const after = `after ${formatDuration(flags.timeout)}`;
      context.note(`heddle wait: ${cleanText(`${name ?? 'the proxy'} ${after}: ${reason}`)}\n`);
      context.exitCode = exitFailure;
    });
}

/** What is waited for. */
interface Awaited {
  /** Null when it is there, else why it is not, as far as is known. */
  ask(): Promise<string | null>;
  close(): void;
}

async function waitUntil(awaited: Awaited, timeoutMs: number): Promise<string | null> {
  const endMs = systemClock.monotonicMs() + timeoutMs;
  for (;;) {
    const reason = await awaited.ask();
    const leftMs = endMs - systemClock.monotonicMs();
    if (reason === null || leftMs <= 0) return reason;
    await systemPause(Math.min(pauseMs, leftMs));
  }
}

/** A sentence when nobody has said where the proxy is. */
function awaitProxy({ environment }: CommandContext): Awaited | string {
  const { HEDDLE_ADMIN: admin = '' } = environment;
  if (admin === '') return 'there is no HEDDLE_ADMIN: name a service, or run it by heddle run';
  if (parseAddress(admin) === null) return 'HEDDLE_ADMIN is not IP:port';
  return {
    async ask() {
      try {
        const { status, body } = await askAdmin(admin, '/ready');
        return status === 200 ? null : `it is not ready: ${body.trim()}`;
      } catch (error) {
        return (error as Error).message;
      }
    },
    close: () => undefined,
  };
}

/** A sentence when what was asked for can never be. */
function awaitService(name: string, flags: WaitFlags, context: CommandContext): Awaited | string {
  const { HEDDLE_CONTROL: ownControls = '', HEDDLE_NAMESPACE: ownNamespace = '' } =
    context.environment;
  if (!isHostAndPort(name) && !isDnsName(name)) return `${cleanText(name)} is no service's name`;
  const controls = ownControls === '' ? [controlDefault] : ownControls.split(',');
  const namespace = flags.namespace ?? (ownNamespace === '' ? 'default' : ownNamespace);
  const timers = new TimerWheel(systemClock);
  const grpc = createGrpcEnv(systemClock, timers);
  let clients: readonly GrpcClient[] = [];
  let problem = 'no control plane has been found';
  const env = { clock: systemClock, timers, random: systemRandom() };
  const following = followControls(flags.control ?? controls, env, {
    onAddresses(addresses) {
      for (const client of clients) client.close();
      clients = [...addresses.values()].map((address) => new GrpcClient(grpc, address));
    },
    onError: (reason) => {
      problem = reason;
    },
  });
  return {
    async ask() {
      const answers = await Promise.all(clients.map((one) => askControl(one, name, namespace)));
      if (answers.includes(null)) return null;
      return answers.length === 0 ? problem : answers.join('; ');
    },
    close() {
      following.close();
      for (const client of clients) client.close();
      timers.close();
    },
  };
}

/** Null when that control plane knows an endpoint of it. */
async function askControl(
  client: GrpcClient,
  name: string,
  namespace: string,
): Promise<string | null> {
  const request = create(EndpointsRequestSchema, { name, namespace });
  const { message, status } = await client.unary(viewEndpoints, request, { deadlineMs: answerMs });
  if (status.code === Code.NOT_FOUND || message?.services.length === 0) {
    return `${client.address} knows no service ${name} in ${namespace}`;
  }
  if (message === null) return `${codeName(status.code)}: ${status.message}`;
  const isThere = message.services.some((service) => service.endpoints.length > 0);
  return isThere ? null : `${name} has no endpoint at ${client.address}`;
}

const controlDefault = '127.0.0.1:8086';
const pauseMs = 200;
const answerMs = 2_000;
const minuteMs = 60_000;
const dayMs = 24 * 3_600_000;
