/** What `heddle endpoints` prints: tables for people, JSON for programs. Pure. */

import { formatAddress } from '../control/model/address.ts';
import type { compareHoldings } from './compare-endpoints.ts';
import { type Column, formatAge, renderTable } from './table.ts';
import type { ServiceView } from './view-messages.ts';

type TableForm = 'table' | 'wide';

/** One line for each endpoint, and one for a service that has none. */
export function renderEndpoints(
  services: readonly ServiceView[],
  nowMs: number,
  form: TableForm,
  color: boolean,
): string {
  const shown = endpointColumns.filter(({ wide }) => form === 'wide' || !wide);
  const rows = sortServices(services).flatMap((service) => {
    const ageMs = ageOf(service, nowMs);
    const endpoints = service.endpoints.length === 0 ? [null] : service.endpoints;
    return endpoints.map((endpoint) => {
      const row = { service, endpoint, ageMs };
      return shown.map(({ cell }) => cell(row) || '-');
    });
  });
  return colorHead(renderTable(shown, rows, Number.POSITIVE_INFINITY), color);
}

export function endpointsJson(services: readonly ServiceView[], nowMs: number): string {
  const list = sortServices(services).map((service) => ({
    authority: service.authority,
    namespace: service.namespace,
    name: service.name,
    port: service.port,
    protocol: service.protocol,
    source: service.source,
    location: service.location,
    version: service.version,
    ageMs: ageOf(service, nowMs),
    error: service.error === '' ? null : service.error,
    endpoints: service.endpoints.map(endpointJson),
  }));
  return `${JSON.stringify({ services: list })}\n`;
}

type Compared = ReturnType<typeof compareHoldings>;

export function renderComparison(rows: Compared, color: boolean): string {
  const table = renderTable(
    comparisonColumns,
    rows.map((row) => [
      row.difference === '' ? okMark : differsMark,
      row.service,
      row.place,
      row.name,
      row.endpoints === null ? '-' : row.version,
      row.endpoints === null ? '-' : String(row.endpoints.length),
      formatAge(row.ageMs),
      [row.difference, row.note].filter((text) => text !== '').join('; '),
    ]),
    Number.POSITIVE_INFINITY,
  );
  if (!color) return table;
  return colorHead(table, color)
    .split('\n')
    .map((line) => (line.startsWith(differsMark) ? `${red}${line}${reset}` : line))
    .join('\n');
}

export function comparisonJson(rows: Compared): string {
  const list = rows.map(({ authority, place, name, version, ageMs, endpoints, ...rest }) => ({
    authority,
    place,
    name,
    version: endpoints === null ? null : version,
    ageMs,
    difference: rest.difference === '' ? null : rest.difference,
    note: rest.note === '' ? null : rest.note,
    endpoints: endpoints === null ? null : endpoints.map(endpointJson),
  }));
  const differences = rows.filter(({ difference }) => difference !== '').length;
  return `${JSON.stringify({ differences, rows: list })}\n`;
}

/** `web.default:80` */
export function shortName({ name, namespace, port }: ServiceView): string {
  return `${name}.${namespace}:${port}`;
}

function sortServices(services: readonly ServiceView[]): ServiceView[] {
  return services.toSorted((a, b) => (a.authority < b.authority ? -1 : 1));
}

function ageOf({ confirmedMs }: ServiceView, nowMs: number): number | null {
  return confirmedMs === null ? null : Math.max(0, nowMs - confirmedMs);
}

function endpointJson(endpoint: ServiceView['endpoints'][number]): object {
  const { weight, zone } = endpoint;
  return { address: formatAddress(endpoint), weight, zone };
}

function colorHead(table: string, color: boolean): string {
  return color ? table.replace(/^.*$/m, (head) => `${bold}${head}${reset}`) : table;
}

interface EndpointRow {
  readonly service: ServiceView;
  readonly endpoint: ServiceView['endpoints'][number] | null;
  readonly ageMs: number | null;
}

interface EndpointColumn extends Column {
  readonly wide: boolean;
  readonly cell: (row: EndpointRow) => string;
}

const endpointColumns: readonly EndpointColumn[] = [
  column('NAMESPACE', ({ service }) => service.namespace),
  column('IP', ({ endpoint }) => endpoint?.host ?? ''),
  column('PORT', ({ endpoint }) => endpoint?.port.toString() ?? ''),
  column('SERVICE', ({ service }) => shortName(service)),
  column('SOURCE', ({ service }) => service.source),
  column('WEIGHT', ({ endpoint }) => endpoint?.weight.toString() ?? ''),
  column('ZONE', ({ endpoint }) => endpoint?.zone ?? ''),
  column('VERSION', ({ service }) => service.version),
  column('AGE', ({ ageMs }) => formatAge(ageMs)),
  column('PROTOCOL', ({ service }) => service.protocol, true),
  column('LOCATION', ({ service }) => service.location, true),
];

function column(title: string, cell: EndpointColumn['cell'], wide = false): EndpointColumn {
  return { title, align: 'left', wide, cell };
}

const comparisonColumns = ' SERVICE PLACE NAME VERSION ENDPOINTS AGE DIFFERENCE'
  .split(' ')
  .map((title): Column => ({ title, align: 'left' }));

const okMark = '\u221a';
const differsMark = '\u00d7';
const bold = '\x1b[1m';
const red = '\x1b[31m';
const reset = '\x1b[0m';
