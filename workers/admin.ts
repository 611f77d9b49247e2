/**
 * What the admin port answers, as a function from request to response. Paths, texts and statuses
 * are Linkerd's where Linkerd has them. Whatever changes or reveals settings is for the loopback,
 * and neither for a web page that a browser there shows nor for a name that was rebound to it.
 */

import { promisify } from 'node:util';
import { canonicalIp, isLoopback, splitPort } from '../control/model/address.ts';
import { systemPause } from '../core/base/timers.ts';
import { expositionContentType } from '../core/telemetry/exposition.ts';
import { type LogFilter, parseLogFilter } from '../core/telemetry/log-filter.ts';
import type { AdminRequest, AdminResponse } from './admin-exchange.ts';
import { LogStream } from './admin-logs.ts';
import type { LogWatcher } from './log-output.ts';

/** What the routes need of the process. */
interface AdminView {
  /** Why it should get no traffic, as a sentence; empty when it should. */
  notReady(): string;
  /** The exposition in slices; other work may run between two of them. */
  renderMetrics(): Promise<Iterable<string>>;
  readConfig(): unknown;
  readEndpoints(): unknown;
  readWatches(): unknown;
  readIdentity(): unknown;
  /** The variables that this process was started with. */
  readEnvironment(): Readonly<Record<string, string | undefined>>;
  /** Null where logging was off from the start. */
  readonly logs: AdminLogs | null;
  /** Null where `POST /shutdown` is not enabled; false when it is shutting down already. */
  readonly shutdown: (() => boolean) | null;
}

interface AdminLogs {
  readFilter(): LogFilter;
  setFilter(filter: LogFilter): void;
  readonly watch: (watcher: LogWatcher) => () => void;
}

export async function answerAdmin(view: AdminView, request: AdminRequest): Promise<AdminResponse> {
  switch (request.path) {
    case '/live':
      return text(200, 'live\n');
    case '/ready':
      return answerReady(view.notReady());
    case '/metrics':
      return answerMetrics(view, request);
    case '/config':
      return refuseReader(request) ?? json(view.readConfig());
    case '/endpoints':
      return refuseReader(request) ?? json(view.readEndpoints());
    case '/watches':
      return refuseReader(request) ?? json(view.readWatches());
    case '/identity':
      return refuseReader(request) ?? json(view.readIdentity());
    case '/env.json':
      return answerEnvironment(view, request);
    case '/proxy-log-level':
      return refuseRemote(request) ?? answerLogLevel(view, request);
    case '/logs.json':
      return refuseRemote(request) ?? answerLogs(view, request);
    case '/shutdown':
      return answerShutdown(view, request);
    default:
      return notFound();
  }
}

function answerReady(reason: string): AdminResponse {
  if (reason === '') return text(200, 'ready\n');
  return { status: 503, body: `not ready: ${reason}\n` };
}

async function answerMetrics(view: AdminView, request: AdminRequest): Promise<AdminResponse> {
  const slices: string[] = [];
  for (const slice of await view.renderMetrics()) {
    slices.push(slice);
    // Sockets are served between two slices of a large answer.
    await systemPause(0);
  }
  const body = slices.join('');
  const fields = { 'content-type': expositionContentType, vary: 'accept-encoding' };
  if (!/\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(request.field('accept-encoding'))) {
    return { status: 200, fields, body };
  }
  const zlib = await import('node:zlib');
  const zipped = await promisify(zlib.gzip)(body, { level: 1 });
  return { status: 200, fields: { ...fields, 'content-encoding': 'gzip' }, body: zipped };
}

function answerLogLevel({ logs }: AdminView, request: AdminRequest): AdminResponse {
  if (logs === null) return notFound();
  const refused = refuseMethod(request, ['GET', 'PUT']);
  if (refused !== null) return refused;
  if (request.method === 'GET') return text(200, logs.readFilter().shown);
  const { filter, problems } = parseLogFilter(request.body);
  if (problems.length > 0) return text(400, `${problems.join('; ')}\n`);
  logs.setFilter(filter);
  return { status: 204, body: '' };
}

/** The filter is the query of a GET or the body of a QUERY; it is not that of the log itself. */
function answerLogs({ logs }: AdminView, request: AdminRequest): AdminResponse {
  if (logs === null) return notFound();
  const refused = refuseUnlessJson(request) ?? refuseMethod(request, ['GET', 'QUERY']);
  if (refused !== null) return refused;
  const wanted = request.method === 'GET' ? decodeQuery(request.query) : request.body;
  if (wanted === null) return jsonError(400, 'Missing query string for log-streaming filter');
  const { filter, problems } = parseLogFilter(wanted);
  if (problems.length > 0) return jsonError(400, problems.join('; '));
  const fields = { 'content-type': jsonType };
  return { status: 200, fields, body: new LogStream(filter, logs.watch) };
}

function decodeQuery(query: string | null): string | null {
  try {
    return query === null ? null : decodeURIComponent(query);
  } catch {
    return query;
  }
}

/** `?FOO&BAR` asks for these alone. Of ours, what is a secret by itself is not told. */
function answerEnvironment(view: AdminView, request: AdminRequest): AdminResponse {
  const refused = refuseMethod(request, ['GET']) ?? refuseUnlessJson(request);
  if (refused !== null) return refused;
  const { query } = request;
  if (query?.includes('=')) {
    return jsonError(400, 'env.json query parameters may not contain key-value pairs');
  }
  const environment = view.readEnvironment();
  const names = query?.split('&') ?? Object.keys(environment);
  const read = (name: string): string | null => {
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (value === undefined) return null;
    return secretNames.has(name) ? '(not shown)' : value;
  };
  const shown = new Map(names.map((name) => [name, read(name)]));
  return jsonText(200, JSON.stringify(Object.fromEntries(shown)));
}

/** As Linkerd looks at it: without weights. */
function refuseUnlessJson(request: AdminRequest): AdminResponse | null {
  const accept = request.field('accept');
  const takes = [jsonType, 'application/*', '*/*'].some((type) => accept.includes(type));
  return accept === '' || takes ? null : { status: 406, body: jsonType };
}

/** The order of these checks is Linkerd's: method, client, setting. */
function answerShutdown(view: AdminView, request: AdminRequest): AdminResponse {
  const refused = refuseMethod(request, ['POST']) ?? refuseRemote(request);
  if (refused !== null) return refused;
  if (view.shutdown === null) return text(404, 'shutdown endpoint is not enabled\n');
  return view.shutdown() ? text(200, 'shutdown\n') : text(500, 'shutdown listener dropped\n');
}

/** Names, paths and addresses inside the mesh are for whoever operates this host. */
function refuseReader(request: AdminRequest): AdminResponse | null {
  return refuseMethod(request, ['GET', 'HEAD']) ?? refuseRemote(request);
}

function refuseMethod(request: AdminRequest, allowed: readonly string[]): AdminResponse | null {
  if (allowed.includes(request.method)) return null;
  return { status: 405, fields: { allow: allowed.join(', ') }, body: '' };
}

/** A browser says where a script comes from, and names the host that it believes to talk to. */
function refuseRemote(request: AdminRequest): AdminResponse | null {
  const client = request.remoteHost.replace(/^::ffff:/, '');
  const { name } = splitPort(request.field('host').toLowerCase()) ?? { name: '' };
  const isLocalName = name === 'localhost' || canonicalIp(name) !== null;
  if (isLoopback(client) && isLocalName && request.field('origin') === '') return null;
  return text(403, 'Requests are only permitted from localhost.');
}

function text(status: number, body: string): AdminResponse {
  return { status, fields: { 'content-type': 'text/plain' }, body };
}

function notFound(): AdminResponse {
  return text(404, 'not found\n');
}

function json(value: unknown): AdminResponse {
  return jsonText(200, `${JSON.stringify(value, null, 2)}\n`);
}

function jsonError(status: number, error: string): AdminResponse {
  return jsonText(status, JSON.stringify({ error, status }));
}

function jsonText(status: number, body: string): AdminResponse {
  return { status, fields: { 'content-type': jsonType }, body };
}

const jsonType = 'application/json';
const secretNames: ReadonlySet<string> = new Set(['HEDDLE_TOKEN']);
