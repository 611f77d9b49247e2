/**
 * Goal: what the field blocks that ours is measured with cost nghttp2. Method: its library, called
 * by a small program in C, which is compiled here.
 * The argument is the number of rounds; a line of JSON for each figure goes to stdout.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { typicalRequest } from '../test/support/typical-request.ts';

const rounds = process.argv[2] ?? '5';
const folder = mkdtempSync(join(tmpdir(), 'heddle-nghttp2-'));
try {
  const program = join(folder, 'hpack');
  const source = join(import.meta.dirname, 'nghttp2-hpack.c');
  const compiled = spawnSync('cc', ['-O2', '-o', program, source, '-lnghttp2']);
  if (compiled.status === 0) {
    spawnSync(program, [rounds, ...typicalRequest.flat()], { stdio: 'inherit' });
  } else {
    process.stderr.write('no cc with libnghttp2-dev here; tools/bench-peers.sh installs it\n');
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
