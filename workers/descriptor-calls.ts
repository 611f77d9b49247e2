/**
 * Duplicates a file descriptor, which Node itself cannot: the one place that calls a C function.
 * `node:ffi` is experimental and a wrong signature would crash, so this is Linux with a self-test
 * on each use, and whoever calls can do without the answer.
 */

import type { DynamicLibraryResult } from 'node:ffi';
import { createRequire } from 'node:module';

const signature = { fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' } } as const;

let library: DynamicLibraryResult<typeof signature> | null = null;

/** A second descriptor of the same open file, closed on exec; null when there is none to be had. */
export function duplicateDescriptor(descriptor: number): number | null {
  if (process.platform !== 'linux') return null;
  try {
    library ??= loadLibrary();
  } catch {
    return null;
  }
  const { fcntl } = library.functions;
  if (fcntl(descriptor, getFlags, 0) < 0) return null;
  const copy = fcntl(descriptor, duplicateCloseOnExec, 3);
  return copy < 0 ? null : copy;
}

/** Loaded on first use: most proxies never pause. */
function loadLibrary(): DynamicLibraryResult<typeof signature> {
  const ffi = createRequire(import.meta.url)('node:ffi') as typeof import('node:ffi');
  return ffi.dlopen(null, signature);
}

/** F_GETFD and F_DUPFD_CLOEXEC of Linux, the same on all of its architectures. */
const getFlags = 1;
const duplicateCloseOnExec = 1030;
