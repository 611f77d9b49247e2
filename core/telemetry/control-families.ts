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
  heddle_control_joins_total: {
    type: 'counter',
    help: 'Processes that asked to join: accepted, or why not.',
    labels: ['result'],
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
