/**
 * The process that reads one file with yaml and zod and ends, so that a proxy does not carry them:
 * a thread would leave 16 MB behind. Its input is the request and its output the answer, a line,
 * both in JSON; `load-config.ts` starts it.
 */

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { startupSnapshot } from 'node:v8';
import { assert } from '../../core/base/assert.ts';
import { configBytesMax } from '../../core/base/limits.ts';
import type { ConfigProblem } from '../model/loaded-config.ts';
import { parseConfig, parseEndpointList } from './parse-config.ts';

export type LoadRequest =
  | { readonly kind: 'config'; readonly path: string }
  | { readonly kind: 'endpoints'; readonly path: string; readonly text: string };

function load(request: LoadRequest) {
  if (request.kind === 'endpoints') return parseEndpointList(request.path, request.text);
  const { path } = request;
  try {
    const stat = statSync(path);
    // Reading a pipe or a device would not end.
    if (!stat.isFile()) return refuse(path, 'this is not a regular file', 'name a file');
    if (stat.size > configBytesMax) {
      const reason = `the file has ${stat.size} bytes, more than ${configBytesMax}`;
      return refuse(path, reason, 'keep long lists of endpoints in files of their own (file:)');
    }
    return parseConfig(path, readFileSync(path, 'utf8'));
  } catch (error) {
    const reason = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return refuse(path, reason, 'check the path and its permissions');
  }
}

function refuse(path: string, reason: string, remedy: string) {
  const problem: ConfigProblem = { path, line: 1, column: 1, key: '', entry: '', reason, remedy };
  return { problems: [problem] };
}

function answer(): void {
  const request = JSON.parse(readFileSync(0, 'utf8')) as LoadRequest;
  // Not by process.stdout, which takes 10 ms to come into being.
  writeFileSync(1, `${JSON.stringify(load(request))}\n`);
}

/** What has run once is compiled in the snapshot: a third less until the answer is there. */
function rehearse(): void {
  const { problems } = { problems: [], ...parseConfig('/heddle.yaml', rehearsal) };
  assert(problems.length === 0, 'what is rehearsed is valid');
}

const rehearsal = `
services:
  web: { port: 80, endpoints: [127.0.0.1:8080, { address: 127.0.0.1:8081, weight: 2, zone: a }] }
  users: { port: 80, dns: users.internal:8080 }
  orders: { port: 80, srv: _orders._tcp.internal }
  ledger: { port: 80, file: ./ledger.endpoints }
  db: { port: 5432, protocol: opaque, bind: 127.0.0.1:15432, endpoints: [10.0.0.5:5432] }
proxy:
  outbound: 127.0.0.1:4140
  inbound: 0.0.0.0:4143
  inboundTo: 127.0.0.1:8080
  admin: 127.0.0.1:4191
  workers: auto
`;

// With yaml, zod and the schema in a snapshot it starts in 50 ms in place of 150: `tools/build.ts`.
if (startupSnapshot.isBuildingSnapshot()) {
  rehearse();
  // Else no two builds were alike; whoever starts from the snapshot gets one of its own.
  Object.defineProperty(process, 'pid', { value: 0 });
  startupSnapshot.setDeserializeMainFunction(answer);
} else answer();
