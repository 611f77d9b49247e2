/** What Linkerd's injector writes into the manifest of a pod, with another control plane. */

import { paths, users } from './containers.ts';

interface InjectedInto {
  readonly service: string;
  readonly ips: readonly string[];
  /** Where the one controller listens, and its name. */
  readonly controller: readonly [address: string, name: string];
  readonly trustAnchors: string;
  readonly identity: string;
  /** Variables of the proxy beside the usual ones, or instead of them; without the prefix. */
  readonly more?: Readonly<Record<string, string>>;
}

export function injectedEnvironment(into: InjectedInto): Record<string, string> {
  const [address, name] = into.controller;
  const workload = JSON.stringify({ ns: 'default', pod: `${into.service}-1` });
  const variables: Record<string, string> = {
    LOG: 'warn,linkerd=info,hickory=error',
    LOG_FORMAT: 'plain',
    DESTINATION_SVC_ADDR: address,
    DESTINATION_SVC_NAME: name,
    POLICY_SVC_ADDR: address,
    POLICY_SVC_NAME: name,
    POLICY_WORKLOAD: workload,
    POLICY_CLUSTER_NETWORKS: '10.0.0.0/8,fd00::/8',
    OUTBOUND_LISTEN_ADDRS: '127.0.0.1:4140,[::1]:4140',
    INBOUND_LISTEN_ADDR: '[::]:4143',
    CONTROL_LISTEN_ADDR: '[::]:4190',
    ADMIN_LISTEN_ADDR: '[::]:4191',
    INBOUND_CONNECT_TIMEOUT: '100ms',
    OUTBOUND_CONNECT_TIMEOUT: '1000ms',
    INBOUND_ACCEPT_KEEPALIVE: '10000ms',
    OUTBOUND_CONNECT_KEEPALIVE: '10000ms',
    INBOUND_ACCEPT_USER_TIMEOUT: '30s',
    OUTBOUND_CONNECT_USER_TIMEOUT: '30s',
    INBOUND_IPS: into.ips.join(','),
    INBOUND_PORTS: '8080,8081,8082,9000,9001',
    INBOUND_DEFAULT_POLICY: 'all-unauthenticated',
    DESTINATION_CONTEXT: workload,
    DESTINATION_PROFILE_SUFFIXES: 'svc.cluster.local.',
    DESTINATION_PROFILE_NETWORKS: '10.0.0.0/8,fd00::/8',
    IDENTITY_DIR: paths.identity,
    IDENTITY_TRUST_ANCHORS: into.trustAnchors,
    IDENTITY_TOKEN_FILE: paths.token,
    IDENTITY_SVC_ADDR: address,
    IDENTITY_SVC_NAME: name,
    IDENTITY_LOCAL_NAME: into.identity,
    ...into.more,
  };
  return Object.fromEntries(
    Object.entries(variables).map(([key, text]) => [`LINKERD2_PROXY_${key}`, text]),
  );
}

/** Of the init container; with ports 4567 and 4568 the mesh has nothing to do. */
export const injectedInit = ['--firewall-bin-path', 'iptables-nft']
  .concat(['--firewall-save-bin-path', 'iptables-nft-save'])
  .concat(['--incoming-proxy-port', '4143', '--outgoing-proxy-port', '4140'])
  .concat(['--proxy-uid', String(users.proxy), '--inbound-ports-to-ignore', '4190,4191,4567,4568'])
  .concat(['--outbound-ports-to-ignore', '4567,4568']);
