/** `heddle run`: an application with a proxy of its own, announced as an endpoint of a service. */

import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { canonicalIp, isLoopback, isWildcard } from '../control/model/address.ts';
import { systemName } from '../core/base/random.ts';
import { type CommandContext, exitUsage } from './context.ts';
import { durationOption } from './durations.ts';
import { parseControls, parseLabel, parsePortFlag } from './labels.ts';
import type { End } from './run/life.ts';
import type { AnnouncedService, RunOptions } from './run/options.ts';
import { chooseIdentity } from './run/run-identity.ts';
import { runSupervised } from './run/supervisor.ts';
import { createTokenReader } from './run/token-source.ts';
import { cleanText } from './table.ts';

interface RunFlags {
  readonly service?: string;
  readonly port?: number;
  readonly namespace: string;
  readonly servicePort: number;
  readonly protocol: string;
  readonly health?: string;
  readonly control: readonly string[];
  readonly tokenFile?: string;
  readonly wait: number;
  readonly grace: number;
  readonly advertise: string;
  readonly stateDir?: string;
  readonly zone?: string;
}

export function runCommand(context: CommandContext): Command {
  return new Command('run')
    .description('Run an application with a proxy of its own, as an endpoint of a service.')
    .usage('[options] -- <command...>')
    .passThroughOptions()
    .argument('<command...>', 'the application, started when its proxy is ready')
    .option('-s, --service <name>', 'the service that it is an endpoint of', parseLabel)
    .option('-p, --port <port>', 'where it listens, on 127.0.0.1', parsePortFlag)
    .option('-n, --namespace <name>', 'of the service and of its calls', parseLabel, 'default')
    .option('--service-port <port>', 'what the service is asked for by', parsePortFlag, 80)
    .addOption(new Option('--protocol <name>', 'what it speaks').choices(protocols).default('auto'))
    .option(
      '--health <GET:/path>',
      'serves when this answers 2xx or 3xx, not when it accepts',
      parseHealth,
    )
    .addOption(
      new Option('--control <addresses>', 'control planes, host:port, comma-separated')
        .argParser(parseControls)
        .default(['127.0.0.1:8086'], '127.0.0.1:8086'),
    )
    .option('--token-file <file>', 'its right to the name; see below')
    .addOption(
      durationOption('--wait <time>', 'how long it waits for the proxy', upToAnHour, 10_000),
    )
    .addOption(
      durationOption('--grace <time>', 'how long its end takes at the most', upToAnHour, 30_000),
    )
    .option('--advertise <IP>', 'where others reach it', parseAdvertise, '127.0.0.1')
    .option('--state-dir <folder>', 'what is kept (default: $XDG_STATE_HOME/heddle)')
    .option('--zone <name>', 'where it is, for callers that prefer their own', parseZone)
    .addHelpText('after', help)
    .action(async ([command, ...args]: readonly string[], flags: RunFlags) => {
      const { service = null, namespace, tokenFile = null } = flags;
      const readToken = createTokenReader({
        tokenFile,
        environmentToken: context.environment.HEDDLE_TOKEN,
        upFolder: context.stateFolder === null ? null : `${context.stateFolder}/up`,
      });
      const identity = chooseIdentity(readToken(), service, namespace);
      const problem = findProblem(flags, identity, context);
      if (problem !== null) {
        context.note(`heddle run: ${problem}\n(heddle run --help)\n`);
        context.exitCode = exitUsage;
        return;
      }
      const options = { ...optionsOf(command, args, flags, context), identity };
      const end = await runSupervised(options, {
        executable: fileURLToPath(new URL('./heddle', import.meta.url)),
        environment: context.environment,
        readToken,
        say: (line) => context.note(`heddle: ${cleanText(line)}\n`),
      });
      endLike(end, context);
    });
}

function findProblem(
  flags: RunFlags,
  identity: string,
  { stateFolder }: CommandContext,
): string | null {
  const { service, port, health } = flags;
  if (service !== undefined && port === undefined) {
    return '--service needs --port: where does the application listen?';
  }
  if (service === undefined && port !== undefined) {
    return '--port needs --service: which service is it an endpoint of?';
  }
  if (service === undefined && health !== undefined) return '--health needs --service and --port';
  if (flags.stateDir === undefined && stateFolder === null) {
    return 'HOME and XDG_STATE_HOME are not set: give --state-dir';
  }
  if (identity === '' && !isLoopback(flags.advertise)) return needsIdentity;
  return null;
}

function optionsOf(
  command: string,
  args: readonly string[],
  flags: RunFlags,
  context: CommandContext,
): Omit<RunOptions, 'identity'> {
  const { service, port, namespace, control, wait, grace } = flags;
  const { servicePort, protocol, advertise, zone = '', health = null } = flags;
  const announced: AnnouncedService | null =
    service === undefined || port === undefined
      ? null
      : { service, port, servicePort, protocol, healthPath: health, advertise, zone };
  return {
    command,
    args,
    announced,
    namespace,
    controls: control,
    waitMs: wait,
    graceMs: grace,
    stateFolder: flags.stateDir ?? context.stateFolder ?? '',
    instance: `${service ?? 'client'}-${systemName()}`,
  };
}

/** A shell tells by the signal that a child has ended with whether it was Ctrl-C. */
function endLike(end: End, context: CommandContext): void {
  if ('code' in end) {
    context.exitCode = end.code;
    return;
  }
  // As shells say it, should the signal not end us: process 1 of a container ignores its own.
  context.exitCode = 128 + constants.signals[end.signal];
  process.kill(process.pid, end.signal);
}

function parseZone(text: string): string {
  if (zoneForm.test(text)) return text;
  throw new InvalidArgumentError('Expected letters, digits and . _ -, at most 63.');
}

function parseHealth(text: string): string {
  const match = /^GET:(\/[\x21-\x7e]*)$/.exec(text);
  if (match !== null) return match[1];
  throw new InvalidArgumentError('Expected GET:/path.');
}

function parseAdvertise(text: string): string {
  const host = canonicalIp(text);
  if (host !== null && !isWildcard(host)) return host;
  throw new InvalidArgumentError('Expected an IP address of this host such as 10.0.0.5.');
}

const needsIdentity =
  '--advertise: other hosts reach an address only by a proxy with an identity, and the token ' +
  'names no trust domain: make another with heddle token create';
const zoneForm = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const protocols = ['auto', 'http', 'http1', 'http2', 'grpc', 'opaque'];
const upToAnHour = [0, 3_600_000] as const;
const help = `
Without --service and --port it is a client: nothing is announced, calls go by its proxy.

The application finds its proxy by HTTP_PROXY and HTTPS_PROXY (also in lower case), with NO_PROXY
for this host and what was there before, and NODE_USE_ENV_PROXY for Node; TLS stays its own, inside
of CONNECT. It finds itself by HEDDLE_SERVICE, HEDDLE_NAMESPACE, HEDDLE_INSTANCE, HEDDLE_OUTBOUND,
HEDDLE_INBOUND, HEDDLE_ADMIN and HEDDLE_CONTROL.

A name is announced with a token: of --token-file, of HEDDLE_TOKEN, or of the heddle up of the same
user, local.token in its state directory. Files that others can read are refused. With it the proxy
gets a certificate for the same name, "default" for a client, so that traffic from and to other
proxies is encrypted and both sides know each other. The application starts when it has one, or
after --wait. Only then may --advertise be an address that other hosts reach.

SIGTERM, SIGINT, SIGHUP and SIGQUIT withdraw the endpoint first and are passed on then; another
one is passed on at once. The application has a session of its own: it reads from this terminal,
but Ctrl-C reaches it through here alone, and Ctrl-Z not at all. All that it has started in its
process group ends with it. The exit code, or signal, is the application's; 126 and 127 as of a
shell; 2 for wrong usage, 1 or 64 when the proxy cannot start.

HEDDLE_WORKERS and HEDDLE_LOG_LEVEL are the proxy's; 1 and warn by default.

Example:
  heddle run --service web --port 8080 -- node server.js
  heddle run --namespace demo -- curl http://web/`;
