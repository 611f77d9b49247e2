/** How gRPC calls ended, by the names of their statuses, in texts of bounded length. Pure. */

import { GrpcCode } from '../core/http/grpc.ts';

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
  return nameMost(statuses, (count) => formatPart(count / calls));
}

/** `UNAVAILABLE 2x`: what was not OK. */
export function formatGrpcFailures(counts: GrpcCounts): string {
  const statuses = Object.entries(counts).filter(([name]) => name !== statusNames[0]);
  return nameMost(statuses, (count) => `${count}x`);
}

type Statuses = readonly (readonly [name: string, count: number])[];

function nameMost(statuses: Statuses, format: (count: number) => string): string {
  const rest = sum(statuses.slice(shownMax));
  const shown: Statuses = [...statuses.slice(0, shownMax), ['others', rest]];
  return shown
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${format(count)}`)
    .join(', ');
}

function sum(statuses: Statuses): number {
  return statuses.reduce((total, [, count]) => total + count, 0);
}

/** Whole per cents, but the few are never rounded away. */
function formatPart(share: number): string {
  if (share < 0.01) return '<1%';
  return share > 0.99 && share < 1 ? '>99%' : `${Math.round(share * 100)}%`;
}

const statusNames = Object.keys(GrpcCode);
/** Statuses that a text names; the others are one. */
const shownMax = 3;
