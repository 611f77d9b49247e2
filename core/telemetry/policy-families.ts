/** The metric families about who was let in; `families.ts` has them in its table. */

export const targetLabels = ['target_addr', 'target_ip', 'target_port'] as const;
export const tlsLabels = ['tls', 'client_id', 'sni', 'no_tls_reason'] as const;
const serverLabels = ['srv_group', 'srv_kind', 'srv_name', 'srv_port'] as const;
const routeLabels = ['route_group', 'route_kind', 'route_name'] as const;
const authzLabels = ['authz_group', 'authz_kind', 'authz_name'] as const;

export const policyFamilies = {
  inbound_http_authz_allow_total: {
    type: 'counter',
    help: 'Inbound requests that a policy let in.',
    labels: [...targetLabels, ...serverLabels, ...routeLabels, ...authzLabels, ...tlsLabels],
  },
  inbound_http_authz_deny_total: {
    type: 'counter',
    help: 'Inbound requests that no authorization let in.',
    labels: [...targetLabels, ...serverLabels, ...routeLabels, ...tlsLabels],
  },
  inbound_tcp_authz_allow_total: {
    type: 'counter',
    help: 'Inbound connections, not of HTTP, that a policy let in.',
    labels: [...targetLabels, ...serverLabels, ...authzLabels, ...tlsLabels],
  },
  inbound_tcp_authz_deny_total: {
    type: 'counter',
    help: 'Inbound connections, not of HTTP, that no authorization let in.',
    labels: [...targetLabels, ...serverLabels, ...tlsLabels],
  },
  inbound_tcp_authz_terminate_total: {
    type: 'counter',
    help: 'Inbound connections that were ended because the policy has changed.',
    labels: [...targetLabels, ...serverLabels, ...tlsLabels],
  },
} as const;
