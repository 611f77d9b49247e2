/** nginx as a proxy, and nginx as the origin behind all of them, which counts the requests. */

import { writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { endsInHttp2, findProgram, type Peer, type Plan, requireProgram } from './peer.ts';
import { findFreePorts, type Run, type Started } from './run.ts';

export const nginx: Peer = {
  name: 'nginx',
  find: () => findProgram('nginx'),
  refuse: (plan) => {
    if (endsInHttp2(plan))
      return 'it speaks HTTP/2 to endpoints for gRPC only, and does not share it';
    return plan.protocol === 'opaque' ? 'its stream module is a package of its own' : null;
  },
  start: async (run, plan) => {
    const [port] = await findFreePorts(1);
    const started = startNginx(run, 'nginx', plan.cores, writeProxyHttp(plan, port));
    await run.waitForPort(started, port);
    return { name: 'nginx', pids: [started.pid], port, end: () => run.end(started) };
  },
};

export interface Origin {
  readonly port: number;
  /** `host:port` of every address that it listens on. */
  readonly endpoints: readonly string[];
  /** Requests that it has answered since it began. */
  readonly count: () => Promise<number>;
  readonly end: () => Promise<void>;
}

/** Answers everything with the same 36 bytes, on `addresses` loopback addresses of one port. */
export async function startOrigin(run: Run, cores: string, addresses: number): Promise<Origin> {
  const [port, statusPort] = await findFreePorts(2);
  const hosts = Array.from({ length: addresses }, (_, index) => loopback(index));
  const http = [
    'server {',
    ...hosts.map((host) => `  listen ${host}:${port} backlog=8192;`),
    `  location / { default_type text/plain; return 200 '${originBody}'; }`,
    '}',
    `server { listen 127.0.0.1:${statusPort}; location / { stub_status; } }`,
  ];
  const started = startNginx(run, 'origin', cores, http);
  await run.waitForPort(started, statusPort);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let asked = 0;
  const count = async (): Promise<number> => {
    asked += 1;
    return parseRequests(await fetchText(statusPort, agent)) - asked;
  };
  const end = async (): Promise<void> => {
    agent.destroy();
    await run.end(started);
  };
  return { port, endpoints: hosts.map((host) => `${host}:${port}`), count, end };
}

/** The same behind a port of all addresses in the network of `inside`, without waiting for it. */
export function launchOrigin(
  run: Run,
  cores: string,
  inside: readonly string[],
  ports: { readonly serve: readonly number[]; readonly status: number },
): Started {
  const http = [
    'server {',
    ...ports.serve.map((port) => `  listen ${port} backlog=8192;`),
    `  location / { default_type text/plain; return 200 '${originBody}'; }`,
    '}',
    `server { listen 127.0.0.1:${ports.status}; location / { stub_status; } }`,
  ];
  return startNginx(run, 'origin', cores, http, inside);
}

/** The third number below the heading of stub_status: accepts, handled, requests. */
export function parseRequests(text: string): number {
  const match = /requests\s*\n\s*[0-9]+\s+[0-9]+\s+([0-9]+)/.exec(text);
  if (match === null) throw new Error(`not a page of stub_status: ${text}`);
  return Number(match[1]);
}

export function fetchText(port: number, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => resolve(text));
    });
    request.once('error', reject);
  });
}

function startNginx(
  run: Run,
  name: string,
  cores: string | null,
  http: readonly string[],
  inside: readonly string[] = [],
): Started {
  const folder = run.makeFolder(name);
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, writeConfig(folder, http));
  const args = ['-p', folder, '-c', file, '-e', 'stderr'];
  return run.start({ name, command: requireProgram(nginx.find()), args, cores, inside });
}

function writeConfig(folder: string, http: readonly string[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return [
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'daemon off;',
    'worker_processes 1;',
    `pid ${folder}/nginx.pid;`,
    'error_log stderr error;',
    'events { worker_connections 16384; }',
    'http {',
    '  access_log off;',
    '  keepalive_requests 1000000000;',
    '  keepalive_timeout 300s;',
    '  server_names_hash_max_size 4096;',
    ...temporary.map((kind) => `  ${kind}_temp_path ${folder}/${kind};`),
    ...http.map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n');
}

function writeProxyHttp(plan: Plan, port: number): string[] {
  const lines = ['proxy_http_version 1.1;', 'proxy_set_header Connection "";'];
  lines.push('proxy_set_header Host $http_host;');
  for (const [index, { name, endpoints }] of plan.services.entries()) {
    lines.push(`upstream u${index} {`);
    lines.push(...endpoints.map((endpoint) => `  server ${endpoint};`));
    lines.push(
      `  keepalive ${Math.ceil(8192 / plan.services.length)};`,
      '  keepalive_requests 1000000000;',
      '}',
    );
    lines.push(`server { listen 127.0.0.1:${port} ${index === 0 ? 'backlog=8192' : ''};`);
    lines.push(`  server_name ${name}; location / { proxy_pass http://u${index}; } }`);
  }
  return lines;
}

/** 127.1.0.1, 127.1.0.2 … after 127.0.0.1. */
function loopback(index: number): string {
  return index === 0 ? '127.0.0.1' : `127.1.${index >> 7}.${(index & 127) + 1}`;
}

const originBody = 'abcdefghijklmnopqrstuvwxyz0123456789';
