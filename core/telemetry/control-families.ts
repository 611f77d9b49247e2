/** The metric families that a control plane alone has; `families.ts` has them in its table. */

export const controlFamilies = {
  heddle_control_streams: {
    type: 'gauge',
    help: 'Streams that are open, by their method.',
    labels: ['method'],
  },
  heddle_control_connections: {
    type: 'gauge',
    help: 'Connections of proxies, commands and joined processes.',
    labels: [],
  },
  heddle_control_messages_total: {
    type: 'counter',
    help: 'Messages that were sent on streams, by their method.',
    labels: ['method'],
  },
  heddle_control_slow_streams_total: {
    type: 'counter',
    help: 'Streams that were ended because their client took nothing for 30 s.',
    labels: ['method'],
  },
  heddle_control_refused_total: {
    type: 'counter',
    help: 'Calls that were refused, by their method and the status that says why.',
    labels: ['method', 'code'],
  },
  heddle_control_connections_refused_total: {
    type: 'counter',
    help: 'Connections that were closed for how they began: plaintext, or a failed handshake.',
    labels: [],
  },
  heddle_control_joins_total: {
    type: 'counter',
    help: 'Processes that asked to join: accepted, or why not.',
    labels: ['result'],
  },
  heddle_control_certificates_total: {
    type: 'counter',
    help: 'Leaves that proxies asked for: issued, or why not.',
    labels: ['result'],
  },
  heddle_control_certify_waiting: {
    type: 'gauge',
    help: 'Requests for a leaf that wait for their turn.',
    labels: [],
  },
  issuer_cert_ttl_seconds: {
    type: 'gauge',
    help: 'How long the certificate of the issuer is still good; 0 without one.',
    labels: [],
  },
  heddle_control_cert_expiry_seconds: {
    type: 'gauge',
    help: 'When each certificate ends, in seconds since 1970; of several the first to end.',
    labels: ['certificate'],
  },
  heddle_control_cert_lifetime_used_ratio: {
    type: 'gauge',
    help: 'How much of the life of each certificate is over: 0 at its beginning, 1 at its end.',
    labels: ['certificate'],
  },
  heddle_control_rotation_phase: {
    type: 'gauge',
    help: '1 for the phase that the rotation of trust anchors is in: idle, distribute or switch.',
    labels: ['phase'],
  },
  heddle_control_rotation_unconfirmed: {
    type: 'gauge',
    help: 'Connected proxies that hold up a rotation.',
    labels: [],
  },
  heddle_control_instances: {
    type: 'gauge',
    help: 'Processes that have joined: serving, waiting, or lost and kept by their lease.',
    labels: ['state'],
  },
  heddle_control_services: {
    type: 'gauge',
    help: 'Services that are known, all sources together.',
    labels: [],
  },
  heddle_control_objects: {
    type: 'gauge',
    help: 'Objects of a source that count: services, policies, instances.',
    labels: ['source'],
  },
  heddle_control_problems: {
    type: 'gauge',
    help: 'Objects that are refused, while the others apply.',
    labels: [],
  },
  heddle_control_source_failing: {
    type: 'gauge',
    help: '1 while the newest attempt to read a source failed; what it said before stays.',
    labels: ['source'],
  },
} as const;
