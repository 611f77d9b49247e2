/**
 * `node tools/generate-api.ts`: makes both codecs of the API out of `api/proto`, in `api/gen`. The
 * control plane's, for every message, is written by protoc-gen-es; the proxy's, for the messages of
 * `tools/api/proxy-messages.ts`, by `tools/api/proxy-codec.ts`. Buf compiles the descriptions.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { generateProxyCodec } from './api/proxy-codec.ts';
import { messagesRead, messagesWritten } from './api/proxy-messages.ts';

/** Where the codecs belong. */
export const generatedFolder = resolve(import.meta.dirname, '../api/gen');

/** Writes both codecs below `folder`. Throws what buf says when it cannot run or compile. */
export function generateApi(folder: string): void {
  const scratch = mkdtempSync(join(tmpdir(), 'heddle-api-'));
  try {
    const control = join(folder, 'control');
    mkdirSync(control, { recursive: true });
    run(scratch, 'buf', ['generate', protoFolder, '--template', template, '--output', control]);
    const proxy = join(folder, 'proxy');
    mkdirSync(proxy, { recursive: true });
    const image = run(scratch, 'buf', [
      'build',
      protoFolder,
      '--as-file-descriptor-set',
      '--output',
      '-',
    ]);
    const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
    const texts = generateProxyCodec(registry, messagesRead, messagesWritten);
    for (const [name, text] of texts) writeFileSync(join(proxy, name), text);
    run(scratch, 'biome', ['check', '--write', `--config-path=${root}`, proxy]);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function run(cache: string, program: string, args: readonly string[]): Buffer {
  const path = `${binFolder}${delimiter}${process.env.PATH}`;
  return execFileSync(join(binFolder, program), args, {
    env: { ...process.env, PATH: path, BUF_CACHE_DIR: cache },
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: imageBytesMax,
  });
}

const root = resolve(import.meta.dirname, '..');
const protoFolder = join(root, 'api/proto');
const binFolder = join(root, 'node_modules/.bin');
const imageBytesMax = 16 * 1024 * 1024;
const template = JSON.stringify({
  version: 'v2',
  plugins: [
    {
      local: 'protoc-gen-es',
      out: '.',
      opt: ['target=ts', 'import_extension=ts', 'erasable_syntax=true'],
    },
  ],
});

if (import.meta.main) {
  rmSync(generatedFolder, { recursive: true, force: true });
  generateApi(generatedFolder);
}
