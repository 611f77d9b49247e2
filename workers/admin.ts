/**
 * What the admin port answers, as a function from request to response. Paths, texts and statuses
 * are Linkerd's where Linkerd has them. Whatever changes or reveals settings is for the loopback,
 * and neither for a web page that a browser there shows nor for a name that was rebound to it.
 */

import { promisify } from 'node:util';
import type { ProxySettings } from '../api/settings.ts';
import { canonicalIp, isLoopback, splitPort } from '../control/model/address.ts';
import { systemPause } from '../core/base/timers.ts';
import { expositionContentType } from '../core/telemetry/exposition.ts';
import type { AdminRequest, AdminResponse } from './admin-exchange.ts';
import { logLevels } from './config.ts';

type LogLevelSetting = ProxySettings['logLevel'];

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
  readLogLevel(): LogLevelSetting;
  setLogLevel(level: LogLevelSetting): void;
  /** Null where `POST /shutdown` is not enabled. */
  readonly shutdown: (() => void) | null;
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
    case '/proxy-log-level':
      return refuseRemote(request) ?? answerLogLevel(view, request);
    case '/shutdown':
      return answerShutdown(view, request);
    default:
      return text(404, 'not found\n');
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

function answerLogLevel(view: AdminView, request: AdminRequest): AdminResponse {
  const refused = refuseMethod(request, ['GET', 'PUT']);
  if (refused !== null) return refused;
  if (request.method === 'GET') return text(200, view.readLogLevel());
  const wanted = request.body.trim();
  const level = logLevels.find((name) => name === wanted);
  if (level === undefined) {
    return text(400, `expected one of ${logLevels.join(', ')}\n`);
  }
  view.setLogLevel(level);
  return { status: 204, body: '' };
}

/** The order of these checks is Linkerd's: method, client, setting. */
function answerShutdown(view: AdminView, request: AdminRequest): AdminResponse {
  const refused = refuseMethod(request, ['POST']) ?? refuseRemote(request);
  if (refused !== null) return refused;
  if (view.shutdown === null) return text(404, 'shutdown endpoint is not enabled\n');
  view.shutdown();
  return text(200, 'shutdown\n');
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
  return text(403, 'Requests are only permitted from localhost.\n');
}

function text(status: number, body: string): AdminResponse {
  return { status, fields: { 'content-type': 'text/plain' }, body };
}

function json(value: unknown): AdminResponse {
  return {
    status: 200,
    fields: { 'content-type': 'application/json' },
    body: `${JSON.stringify(value, null, 2)}\n`,
  };
}
