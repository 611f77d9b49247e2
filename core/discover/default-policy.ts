/**
 * Whom an inbound port lets in while no control plane has said it: the policies that Linkerd names,
 * as a control plane would write them.
 */

import type { Authn, HttpRoute, Network, Server } from '../../api/gen/proxy/inbound.ts';
import type { IPNetwork } from '../../api/gen/proxy/net.ts';
import type { ProxySettings } from '../../api/settings.ts';
import { tcpAddressOf } from './address-text.ts';

export interface DefaultPolicySettings
  extends Pick<ProxySettings, 'inboundDefaultPolicy' | 'inboundOpaquePorts' | 'clusterNetworks'> {
  /** Whose probes everybody may send, as control planes write it of a pod; 0: there is none. */
  readonly adminPort: number;
}

export function defaultServer(port: number, settings: DefaultPolicySettings): Server {
  const { inboundDefaultPolicy: name, inboundOpaquePorts } = settings;
  const isOpaque = inboundOpaquePorts.some(([from, to]) => from <= port && port <= to);
  const labels = new Map([
    ['group', ''],
    ['kind', 'default'],
    ['name', name],
  ]);
  return {
    protocol: {
      kind: isOpaque
        ? { kind: 'opaque', value: {} }
        : {
            kind: 'detect',
            value: {
              timeout: null,
              httpRoutes: port === settings.adminPort ? [everyRoute, probeRoute] : [everyRoute],
              httpLocalRateLimit: null,
            },
          },
    },
    serverIps: [],
    authorizations:
      name === 'deny'
        ? []
        : [
            {
              networks: networksOf(settings),
              authentication: proofOf(name),
              labels,
              metadata: null,
            },
          ],
    labels,
  };
}

function networksOf({ inboundDefaultPolicy: name, clusterNetworks }: DefaultPolicySettings) {
  return readNetworks(name.startsWith('cluster-') ? clusterNetworks : everywhere);
}

function readNetworks(texts: readonly string[]): Network[] {
  return texts.flatMap((text): Network[] => {
    const net = readNetwork(text);
    return net === null ? [] : [{ net, except: [] }];
  });
}

/** What a client has to prove. */
function proofOf(name: DefaultPolicySettings['inboundDefaultPolicy']): Authn {
  if (name.endsWith('-tls-unauthenticated')) {
    return meshTls({ kind: 'unauthenticated', value: {} });
  }
  if (name.endsWith('-authenticated')) {
    const everyone = { identities: [], suffixes: [{ parts: [] }] };
    return meshTls({ kind: 'identities', value: everyone });
  }
  return { permit: { kind: 'unauthenticated', value: {} } };
}

type MeshTls = Extract<Authn['permit'], { kind: 'meshTLS' }>['value'];

function meshTls(clients: MeshTls['clients']): Authn {
  return { permit: { kind: 'meshTLS', value: { clients } } };
}

function readNetwork(text: string): IPNetwork | null {
  const [host, length = ''] = text.split('/');
  const ip = tcpAddressOf(host, 0)?.ip ?? null;
  return ip === null ? null : { ip, prefixLen: Number(length) };
}

const everyRoute: HttpRoute = {
  metadata: null,
  hosts: [],
  authorizations: [],
  rules: [{ matches: [], filters: [] }],
};

const everywhere = ['0.0.0.0/0', '::/0'];

/** Of a kubelet, which comes from its node and proves nothing. */
const probeRoute: HttpRoute = {
  metadata: { kind: { kind: 'default', value: 'probe' } },
  hosts: [],
  authorizations: [
    {
      networks: readNetworks(everywhere),
      authentication: { permit: { kind: 'unauthenticated', value: {} } },
      labels: new Map(),
      metadata: { kind: { kind: 'default', value: 'probe' } },
    },
  ],
  rules: [
    {
      matches: ['/live', '/ready'].map((path) => ({
        path: { kind: { kind: 'exact', value: path } },
        headers: [],
        queryParams: [],
        method: { type: { kind: 'registered', value: 0 } },
      })),
      filters: [],
    },
  ],
};
