/** Waiting for an endpoint of a service: asks every control plane until one knows it. */

import { create } from '@bufbuild/protobuf';
import { EndpointsRequestSchema } from '../../api/gen/control/view_pb.ts';
import { isDnsName, isHostAndPort } from '../../control/model/address.ts';
import { viewEndpoints } from '../../control/serve/methods.ts';
import { systemClock } from '../../core/base/clock.ts';
import { systemRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { GrpcClient } from '../../core/grpc/client.ts';
import { Code, codeName } from '../../core/grpc/status.ts';
import type { CommandContext } from '../context.ts';
import { followControls } from '../control-addresses.ts';
import { createGrpcEnv } from '../grpc-env.ts';
import { cleanText } from '../table.ts';

/** What is waited for. */
export interface Awaited {
  /** Null when it is there, else why it is not, as far as is known. */
  ask(): Promise<string | null>;
  close(): void;
}

interface ServiceFlags {
  readonly namespace?: string;
  readonly control?: readonly string[];
}

/** A sentence when what was asked for can never be. */
export function awaitService(
  name: string,
  flags: ServiceFlags,
  context: CommandContext,
): Awaited | string {
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
const answerMs = 2_000;
