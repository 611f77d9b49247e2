/**
 * Two proxies of one kind in a row, with mutual TLS 1.3 between them, as one peer: Envoy and
 * HAProxy. Both run on the cores of the plan, and what they use is counted together.
 */

import { type Hop, planPair } from '../hop.ts';
import type { Peer, Plan, Subject } from '../peer.ts';
import { envoy, startEnvoy } from '../peer-envoy.ts';
import { haproxy, startHaproxy } from '../peer-haproxy.ts';
import { findFreePorts, type Run, type Started } from '../run.ts';
import { writeCertificates } from './certificates.ts';

export const envoyPair = createPair(envoy, startEnvoy);
export const haproxyPair = createPair(haproxy, startHaproxy);

type StartHop = (run: Run, hop: Hop, cores: string | null) => Promise<Started>;

function createPair(single: Peer, start: StartHop): Peer {
  return { ...single, start: (run, plan) => startPair(run, plan, single.name, start) };
}

async function startPair(run: Run, plan: Plan, name: string, startHop: StartHop): Promise<Subject> {
  const [outboundPort, inboundPort] = await findFreePorts(2);
  const ports = { outbound: outboundPort, inbound: inboundPort };
  const { outbound, inbound } = planPair(plan, ports, writeCertificates(run.makeFolder('tls')));
  const server = await startHop(run, inbound, plan.cores);
  const client = await startHop(run, outbound, plan.cores);
  const end = async (): Promise<void> => {
    await run.end(client);
    await run.end(server);
  };
  return { name: `${name} pair`, pids: [client.pid, server.pid], port: outboundPort, end };
}
