/** What `heddle edges` prints, in the form of Linkerd's `viz edges`. Pure. */

import { type Edge, shortIdentity } from './edge-rows.ts';
import { type Column, renderTable } from './table.ts';

/** `wide` has whole identities and how many connections are open. */
export function renderEdges(
  edges: readonly Edge[],
  form: 'table' | 'wide',
  color: boolean,
): string {
  const columns = form === 'table' ? shortColumns : wideColumns;
  const rows = edges.map((edge) => columns.map(({ cell }) => cell(edge)));
  const table = renderTable(columns, rows, Number.POSITIVE_INFINITY);
  if (!color) return table;
  const lines = table.split('\n').map((line, index) => {
    if (index === 0) return `${bold}${line}${reset}`;
    const edge = edges[index - 1];
    return edge === undefined || edge.noTlsReason === '' ? line : `${yellow}${line}${reset}`;
  });
  return lines.join('\n');
}

/** With the fields of Linkerd's `viz edges -o json`, and the connections. */
export function edgesJson(edges: readonly Edge[]): string {
  const list = edges.map((edge) => ({
    src: edge.source,
    src_namespace: edge.sourceNamespace,
    dst: edge.target,
    dst_namespace: edge.targetNamespace,
    client_id: edge.clientId,
    server_id: edge.serverId,
    no_tls_reason: edge.noTlsReason,
    secured: edge.noTlsReason === '',
    connections: edge.connections,
  }));
  return `${JSON.stringify(list, null, 2)}\n`;
}

/** A tick, or why not; for every table that has it. */
export function formatSecured(noTlsReason: string | null): string {
  if (noTlsReason === null) return '-';
  return noTlsReason === '' ? '\u221a' : noTlsReason;
}

interface EdgeColumn extends Column {
  readonly cell: (edge: Edge) => string;
}

function left(title: string, cell: EdgeColumn['cell']): EdgeColumn {
  return { title, align: 'left', cell };
}

const secured = left('SECURED', ({ noTlsReason }) => formatSecured(noTlsReason));
const names: readonly EdgeColumn[] = [
  left('SRC', ({ source }) => source),
  left('DST', ({ target }) => target),
  left('SRC_NS', ({ sourceNamespace }) => sourceNamespace || '-'),
  left('DST_NS', ({ targetNamespace }) => targetNamespace || '-'),
];
const shortColumns: readonly EdgeColumn[] = [
  ...names,
  left('CLIENT_ID', ({ clientId }) => shortIdentity(clientId) || '-'),
  left('SERVER_ID', ({ serverId }) => shortIdentity(serverId) || '-'),
  secured,
];
const wideColumns: readonly EdgeColumn[] = [
  ...names,
  left('CLIENT_ID', ({ clientId }) => clientId || '-'),
  left('SERVER_ID', ({ serverId }) => serverId || '-'),
  { title: 'TCP', align: 'right', cell: ({ connections }) => String(connections) },
  secured,
];
const bold = '\x1b[1m';
const yellow = '\x1b[33m';
const reset = '\x1b[0m';
