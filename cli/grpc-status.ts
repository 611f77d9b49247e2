/** How gRPC calls ended, by the names of their statuses, in texts of bounded length. Pure. */

/** Calls by the name of their status, the most frequent first. */
export type GrpcCounts = Readonly<Record<string, number>>;

/** The name of a value of the label `grpc_status`. */
export function grpcStatusName(label: string): string {
  return statusNames[Number(label)] ?? label;
}

/** What the proxy broke off, or never got an answer to: nobody said how it ended. */
export const withoutStatus = 'none';

/** `OK 98%, UNAVAILABLE 2%`; nothing where there was no call. */
export function formatGrpcShares(counts: GrpcCounts): string {
  const statuses = Object.entries(counts);
  const calls = sum(statuses);
  const shown = statuses
    .slice(0, shownMax)
    .map(([name, count]) => `${name} ${formatPart(count / calls)}`);
  const rest = sum(statuses.slice(shownMax));
  return [...shown, ...(rest === 0 ? [] : [`others ${formatPart(rest / calls)}`])].join(', ');
}

/** `UNAVAILABLE 2x`: what was not OK. */
export function formatGrpcFailures(counts: GrpcCounts): string {
  const statuses = Object.entries(counts).filter(([name]) => name !== statusNames[0]);
  const shown = statuses.slice(0, shownMax).map(([name, count]) => `${name} ${count}x`);
  const rest = sum(statuses.slice(shownMax));
  return [...shown, ...(rest === 0 ? [] : [`others ${rest}x`])].join(', ');
}

function sum(statuses: readonly (readonly [string, number])[]): number {
  return statuses.reduce((total, [, count]) => total + count, 0);
}

/** Whole per cents, but the few are never rounded away. */
function formatPart(share: number): string {
  if (share < 0.01) return '<1%';
  return share > 0.99 && share < 1 ? '>99%' : `${Math.round(share * 100)}%`;
}

/** In the order of their numbers, as the gRPC project lists them. */
const statusNames: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];
/** Statuses that a text names; the others are one. */
const shownMax = 3;
