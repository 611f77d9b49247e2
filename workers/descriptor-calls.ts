/**
 * What Node itself cannot do with a file descriptor: the one place that calls C functions.
 * `node:ffi` is experimental and a wrong signature would crash, so this is Linux with 64 bits and a
 * self-test on each use, and whoever calls can do without the answer.
 */

import type { DynamicLibraryResult } from 'node:ffi';
import { createRequire } from 'node:module';
import { endianness } from 'node:os';

export interface DescriptorCalls {
  /** A second descriptor of the same open file, closed on exec; null when there is none. */
  duplicate(descriptor: number): number | null;
  /**
   * A listening socket answers no new client from now on; whose handshake has begun may still
   * come in. Others try again after a second. False when it cannot be had.
   */
  refuseNewClients(descriptor: number): boolean;
  /** Whether somebody waits in the backlog of a listening socket; false when it cannot be known. */
  hasWaitingClients(descriptor: number): boolean;
  /**
   * This thread, with what it starts, moves into the network namespace that the descriptor is of.
   * Null when it has, else why not.
   */
  enterNetwork(descriptor: number): string | null;
}

export const descriptorCalls: DescriptorCalls = {
  duplicate(descriptor) {
    const calls = loadCalls(descriptor);
    const copy = calls?.fcntl(descriptor, duplicateCloseOnExec, 3) ?? -1;
    return copy < 0 ? null : copy;
  },
  refuseNewClients(descriptor) {
    const calls = loadCalls(descriptor);
    if (calls === null) return false;
    const program = new DataView(new ArrayBuffer(programBytes));
    program.setUint16(0, dropSyn.length, isLittleEndian);
    program.setBigUint64(8, loadFfi().getRawPointer(dropSynCode), isLittleEndian);
    return calls.setsockopt(descriptor, socketLevel, attachFilter, program, programBytes) === 0;
  },
  hasWaitingClients(descriptor) {
    const calls = loadCalls(descriptor);
    const asked = new DataView(new ArrayBuffer(pollBytes));
    asked.setInt32(0, descriptor, isLittleEndian);
    asked.setInt16(4, pollInput, isLittleEndian);
    return calls !== null && calls.poll(asked, 1n, 0) === 1;
  },
  enterNetwork(descriptor) {
    const calls = loadCalls(descriptor);
    if (calls === null) return 'this system has no node:ffi to call setns with';
    return calls.setns(descriptor, newNetwork) === 0 ? null : 'setns has failed';
  },
};

const signatures = {
  fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  poll: { arguments: ['buffer', 'u64', 'i32'], return: 'i32' },
  setns: { arguments: ['i32', 'i32'], return: 'i32' },
  setsockopt: { arguments: ['i32', 'i32', 'i32', 'buffer', 'u32'], return: 'i32' },
} as const;

type Library = DynamicLibraryResult<typeof signatures>;

let library: Library | null = null;

/** Loaded on first use, which often is the end. Null when `descriptor` cannot even be asked. */
function loadCalls(descriptor: number): Library['functions'] | null {
  if (process.platform !== 'linux' || !architectures.has(process.arch)) return null;
  try {
    library ??= loadFfi().dlopen(null, signatures);
  } catch {
    return null;
  }
  return library.functions.fcntl(descriptor, getFlags, 0) < 0 ? null : library.functions;
}

function loadFfi(): typeof import('node:ffi') {
  return createRequire(import.meta.url)('node:ffi') as typeof import('node:ffi');
}

/** One instruction of classic BPF: code, jump if true, jump if false, operand. */
type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, operand: number];

function encodeInstructions(instructions: readonly Instruction[]): DataView {
  const bytes = new DataView(new ArrayBuffer(instructions.length * 8));
  for (const [index, [code, jumpTrue, jumpFalse, operand]] of instructions.entries()) {
    bytes.setUint16(index * 8, code, isLittleEndian);
    bytes.setUint8(index * 8 + 2, jumpTrue);
    bytes.setUint8(index * 8 + 3, jumpFalse);
    bytes.setUint32(index * 8 + 4, operand, isLittleEndian);
  }
  return bytes;
}

/**
 * Drops a segment that has SYN without ACK, byte 13 of the TCP header. Nothing else, because the
 * filter also judges what completes a handshake, and connections that come of it inherit it.
 */
const dropSyn: readonly Instruction[] = [
  [0x30, 0, 0, 13],
  [0x54, 0, 0, 0x12],
  [0x15, 0, 1, 0x02],
  [0x06, 0, 0, 0],
  [0x06, 0, 0, 0xffffffff],
];

const isLittleEndian = endianness() === 'LE';
/** Here to stay: C is given its address. */
const dropSynCode = encodeInstructions(dropSyn);
/** With 64 bits and the usual numbers of socket options. */
const architectures = new Set(['x64', 'arm64', 'loong64', 'ppc64', 'riscv64', 's390x']);
/** `struct sock_fprog`: how many instructions, and at 8 where they are. */
const programBytes = 16;
/** `struct pollfd`: descriptor, and at 4 what is asked. POLLIN. */
const pollBytes = 8;
const pollInput = 1;
/** SOL_SOCKET and SO_ATTACH_FILTER. */
const socketLevel = 1;
const attachFilter = 26;
/** CLONE_NEWNET */
const newNetwork = 0x40000000;
/** F_GETFD and F_DUPFD_CLOEXEC, the same on all architectures of Linux. */
const getFlags = 1;
const duplicateCloseOnExec = 1030;
