/**
 * Options of a socket that Node has no call for, by `getsockopt` and `setsockopt` of the C library.
 * `node:ffi` is experimental and a wrong signature would crash, so this is Linux with 64 bits, and
 * a self-test comes before the first use.
 */

import type { DynamicLibraryResult } from 'node:ffi';
import { createRequire } from 'node:module';
import { endianness } from 'node:os';

export interface SocketCalls {
  /** How many bytes of the option are in `optionValue`; -1 when it cannot be had. */
  read(descriptor: number, level: number, option: number): number;
  /** False when the system does not take it. */
  write(descriptor: number, level: number, option: number, value: number): boolean;
}

/** What `read` has read, until the next call. */
export const optionValue = new DataView(new ArrayBuffer(32));

/** Tried on an open socket of TCP first; a string says why there are none, without a full stop. */
export function loadSocketCalls(descriptor: number): SocketCalls | string {
  if (process.platform !== 'linux' || !architectures.has(process.arch)) {
    const { platform, arch } = process;
    return `socket options are known for Linux with 64 bits, not for ${platform} on ${arch}`;
  }
  try {
    library ??= loadFfi().dlopen(null, signatures);
  } catch (error) {
    const { message } = error as Error;
    return `this Node cannot call the C library (node:ffi: ${message}); use ${remedy}`;
  }
  const type = calls.read(descriptor, socketLevel, socketType) === 4 ? readInt() : -1;
  return type === streamType ? calls : `the C library says that a TCP socket is of type ${type}`;
}

const calls: SocketCalls = {
  read(descriptor, level, option) {
    optionLength.setUint32(0, optionValue.byteLength, isLittleEndian);
    const { getsockopt } = (library as Library).functions;
    const result = getsockopt(descriptor, level, option, optionValue, optionLength);
    return result === 0 ? optionLength.getUint32(0, isLittleEndian) : -1;
  },
  write(descriptor, level, option, value) {
    optionValue.setInt32(0, value, isLittleEndian);
    const { setsockopt } = (library as Library).functions;
    return setsockopt(descriptor, level, option, optionValue, 4) === 0;
  },
};

const signatures = {
  getsockopt: { arguments: ['i32', 'i32', 'i32', 'buffer', 'buffer'], return: 'i32' },
  setsockopt: { arguments: ['i32', 'i32', 'i32', 'buffer', 'u32'], return: 'i32' },
} as const;

type Library = DynamicLibraryResult<typeof signatures>;

let library: Library | null = null;

function loadFfi(): typeof import('node:ffi') {
  return createRequire(import.meta.url)('node:ffi') as typeof import('node:ffi');
}

function readInt(): number {
  return optionValue.getInt32(0, isLittleEndian);
}

const remedy = 'Node 26.1 or later, without --no-experimental-ffi';
const optionLength = new DataView(new ArrayBuffer(4));
const isLittleEndian = endianness() === 'LE';
/** With 64 bits and the usual numbers of socket options. */
const architectures = new Set(['x64', 'arm64', 'loong64', 'ppc64', 'riscv64', 's390x']);
/** SOL_SOCKET, SO_TYPE, SOCK_STREAM. */
const socketLevel = 1;
const socketType = 3;
const streamType = 1;
