/**
 * The process that reads one file with yaml and zod and ends, so that a proxy does not carry them:
 * a thread would leave 16 MB behind. Its input is the request and its output the answer, both in
 * JSON; `load-config.ts` starts it.
 */

import { readFileSync, statSync } from 'node:fs';
import { startupSnapshot } from 'node:v8';
import type { ConfigProblem } from '../model/discovery.ts';
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
  const problem: ConfigProblem = { path, line: 1, column: 1, key: '', reason, remedy };
  return { problems: [problem] };
}

const configBytesMax = 1024 * 1024;

function answer(): void {
  const request = JSON.parse(readFileSync(0, 'utf8')) as LoadRequest;
  process.stdout.write(JSON.stringify(load(request)));
}

// With yaml, zod and the schema in a snapshot it starts in 60 ms in place of 150: `tools/build.ts`.
if (startupSnapshot.isBuildingSnapshot()) startupSnapshot.setDeserializeMainFunction(answer);
else answer();
