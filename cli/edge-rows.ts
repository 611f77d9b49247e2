/**
 * Who talks to whom, from what proxies have counted of their connections: callers tell of those
 * that they opened, and the others of callers that cannot be asked. Pure.
 */

import type { Sample } from './exposition.ts';

/** A proxy that was asked. */
export interface EdgeSource {
  /** The service of its application; the proxy's name where it is of none. */
  readonly name: string;
  readonly namespace: string;
  /** What it proves to be, whole or short; empty where that is not known or nothing. */
  readonly identity: string;
  readonly samples: readonly Sample[];
}

export interface Edge {
  readonly source: string;
  readonly sourceNamespace: string;
  readonly target: string;
  readonly targetNamespace: string;
  /** Empty where it proves none, or nobody tells. */
  readonly clientId: string;
  readonly serverId: string;
  /** Why the connections are not encrypted; empty when they are. */
  readonly noTlsReason: string;
  /** Open now, of all its replicas. */
  readonly connections: number;
}

/** In the order of sources, then of targets; replicas of a service are one. */
export function summarizeEdges(sources: readonly EdgeSource[]): Edge[] {
  const edges = new Map<string, Edge>();
  for (const source of sources) {
    for (const edge of outboundEdges(source)) add(edges, edge);
  }
  const told = [...edges.values()];
  for (const source of sources) {
    for (const edge of inboundEdges(source)) {
      if (!told.some((one) => isSameEdge(one, edge))) add(edges, edge);
    }
  }
  return [...edges.values()].toSorted((a, b) => compare(orderOf(a), orderOf(b)));
}

/** `web.demo` of a whole name, as Linkerd shortens it. */
export function shortIdentity(identity: string): string {
  const uri = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(identity);
  if (uri !== null) return `${uri[2]}.${uri[1]}`;
  const at = identity.indexOf('.serviceaccount.identity.');
  return at === -1 ? identity : identity.slice(0, at);
}

/** Of one connection: empty where it is encrypted and both sides are known. */
export function noTlsReasonOf({ tls = '', no_tls_reason: reason = '' }: Sample['labels']): string {
  return tls === 'true' ? '' : reason || tls || 'unknown';
}

function outboundEdges({ name, namespace, identity, samples }: EdgeSource): Edge[] {
  return countEdges(samples, 'outbound', 'dst', (labels) => {
    const noTlsReason = noTlsReasonOf(labels);
    const isSecured = noTlsReason === '';
    const { dst_service: service = '', dst_namespace: targetNamespace = '' } = labels;
    return {
      source: name,
      sourceNamespace: namespace,
      target: service || labels.authority || labels.target_addr || '-',
      targetNamespace,
      clientId: isSecured ? identity : '',
      serverId: isSecured ? (labels.server_id ?? '') : '',
      noTlsReason,
    };
  });
}

function inboundEdges({ name, namespace, identity, samples }: EdgeSource): Edge[] {
  return countEdges(samples, 'inbound', 'src', (labels) => {
    const noTlsReason = noTlsReasonOf(labels);
    const clientId = labels.client_id ?? '';
    const [source, sourceNamespace] = splitName(shortIdentity(clientId));
    return {
      source: source || '-',
      sourceNamespace,
      target: name,
      targetNamespace: namespace,
      clientId,
      serverId: noTlsReason === '' ? identity : '',
      noTlsReason,
    };
  });
}

type Place = Omit<Edge, 'connections'>;

/**
 * What is open now; what was, where none is: who is called now and then has edges too. Who came and
 * got no answer has not: a probe, or `heddle identity`, which looks at a certificate and leaves.
 */
function countEdges(
  samples: readonly Sample[],
  direction: string,
  peer: string,
  read: (labels: Sample['labels']) => Place,
): Edge[] {
  const open = new Map<string, Edge>();
  const past = new Map<string, Edge>();
  const answered = new Set<string>();
  for (const { family, labels, value } of samples) {
    if (family === 'tcp_write_bytes_total' && value > 0) answered.add(JSON.stringify(labels));
  }
  const isTalk = (labels: Sample['labels']): boolean =>
    direction === 'outbound' || answered.has(JSON.stringify(labels));
  for (const { family, labels, value } of samples) {
    if (labels.direction !== direction || labels.peer !== peer || value <= 0) continue;
    if (family === 'tcp_open_connections') add(open, { ...read(labels), connections: value });
    else if (family === 'tcp_open_total' && isTalk(labels)) {
      add(past, { ...read(labels), connections: 0 });
    }
  }
  const known = [...open.values()];
  const quiet = [...past.values()].filter((edge) => !known.some((one) => isSamePair(one, edge)));
  return [...known, ...quiet];
}

function add(edges: Map<string, Edge>, edge: Edge): void {
  const { connections, ...place } = edge;
  const key = JSON.stringify(place);
  const before = edges.get(key)?.connections ?? 0;
  edges.set(key, { ...edge, connections: before + connections });
}

/** Whether the caller has told of it as well: who proves nothing is known by what it did alone. */
function isSameEdge(told: Edge, seen: Edge): boolean {
  if (told.target !== seen.target || told.targetNamespace !== seen.targetNamespace) return false;
  const isSecured = seen.noTlsReason === '';
  if (isSecured !== (told.noTlsReason === '')) return false;
  return !isSecured || shortIdentity(told.clientId) === shortIdentity(seen.clientId);
}

function isSamePair(a: Edge, b: Edge): boolean {
  return (
    a.source === b.source &&
    a.sourceNamespace === b.sourceNamespace &&
    a.target === b.target &&
    a.targetNamespace === b.targetNamespace
  );
}

/** A service account's name may have dots, a namespace has none. */
function splitName(short: string): [name: string, namespace: string] {
  const at = short.lastIndexOf('.');
  return at === -1 ? [short, ''] : [short.slice(0, at), short.slice(at + 1)];
}

function orderOf({ source, sourceNamespace, target, targetNamespace, noTlsReason }: Edge): string {
  return [sourceNamespace, source, targetNamespace, target, noTlsReason].join('\n');
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
