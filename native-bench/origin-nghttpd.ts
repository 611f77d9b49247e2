/** nghttpd, the server of nghttp2, as the HTTP/2 origin behind all proxies. It does not count. */

import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findProgram, requireProgram } from './peer.ts';
import { findFreePorts, type Run, type Started } from './run.ts';

export interface H2Origin {
  readonly port: number;
  readonly endpoint: string;
  readonly end: () => Promise<void>;
}

/** A file that it serves: its content, or its size where that does not matter (zeros, sparse). */
interface OriginFile {
  /** Its path; what ends in `.grpc` is served as gRPC. */
  readonly name: string;
  readonly content: Buffer | number;
}

/** `trailer`: a field line behind every response that has content, or '' for none. */
export async function startH2Origin(
  run: Run,
  cores: string,
  files: readonly OriginFile[],
  trailer = '',
): Promise<H2Origin> {
  const [port] = await findFreePorts(1);
  const at = { address: '127.0.0.1', port, inside: [] };
  const started = launchH2Origin(run, cores, { files, trailer, ...at });
  await run.waitForPort(started, port);
  return { port, endpoint: `127.0.0.1:${port}`, end: () => run.end(started) };
}

interface LaunchOptions {
  readonly files: readonly OriginFile[];
  readonly trailer: string;
  readonly address: string;
  readonly port: number;
  /** Words that run it in a network of its own. */
  readonly inside: readonly string[];
}

/** Without waiting for it. */
export function launchH2Origin(
  run: Run,
  cores: string,
  { files, trailer, address, port, inside }: LaunchOptions,
): Started {
  const folder = run.makeFolder('h2-origin');
  for (const { name, content } of files) writeFile(join(folder, name), content);
  const types = join(run.makeFolder('h2-origin-types'), 'mime.types');
  writeFileSync(types, 'application/grpc grpc\n');
  return run.start({
    name: 'nghttpd',
    command: requireProgram(findProgram('nghttpd')),
    args: [
      '--no-tls',
      `--address=${address}`,
      `--htdocs=${folder}`,
      '--max-concurrent-streams=1000',
      `--mime-types-file=${types}`,
      ...(trailer === '' ? [] : [`--trailer=${trailer}`]),
      String(port),
    ],
    cores,
    inside,
  });
}

function writeFile(path: string, content: Buffer | number): void {
  mkdirSync(dirname(path), { recursive: true });
  if (typeof content !== 'number') {
    writeFileSync(path, content);
    return;
  }
  const file = openSync(path, 'w');
  ftruncateSync(file, content);
  closeSync(file);
}
