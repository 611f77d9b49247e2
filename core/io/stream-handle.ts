/**
 * The private names of Node's stream handles, in one place. `verifyStreamHandle` runs before the
 * first connection and refuses to start on a Node that does not have what is used here.
 */

import type { Socket as NetSocket } from 'node:net';
import { assert } from '../base/assert.ts';

export interface WriteRequest {
  oncomplete: (status: number) => void;
}

/** Who is told that a handle has read. */
interface StreamReader {
  onRead(): Buffer | undefined;
}

/** The parts of `TCPWrap` (and of `TLSWrap`) that a connection uses. */
export interface StreamHandle {
  onread: (this: StreamHandle) => Buffer | undefined;
  /** Ours: so that all handles share one read callback. */
  reader: StreamReader | null;
  readonly writeQueueSize?: number;
  readonly bytesRead?: number;
  /** Reads go into `buffer`, or into whatever `onread` returned last. */
  useUserBuffer(buffer: Buffer): void;
  readStart(): number;
  readStop(): number;
  /** 0 or a negative error. The request is used only when the kernel did not take all at once. */
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  shutdown(request: WriteRequest): number;
  close(closed?: () => void): void;
  /** Never while a shutdown is under way: it fails, and the handle cannot be closed any more. */
  reset?(closed?: () => void): number;
}

interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

interface BindingProcess {
  binding?(name: string): unknown;
}

const binding = (process as unknown as BindingProcess).binding?.('stream_wrap') as
  | Partial<StreamBinding>
  | undefined;
const WriteWrap = binding?.WriteWrap as StreamBinding['WriteWrap'];
const ShutdownWrap = binding?.ShutdownWrap as StreamBinding['ShutdownWrap'];
const state = binding?.streamBaseState as Int32Array;
const readIndex = binding?.kReadBytesOrError as number;
const asyncIndex = binding?.kLastWriteWasAsync as number;

/** Says what this Node lacks, or nothing when all is there; `found` is its stream binding. */
export function verifyStreamHandle(found: Partial<StreamBinding> | undefined = binding): string {
  const missing: string[] = [];
  if (typeof found?.WriteWrap !== 'function') missing.push('WriteWrap');
  if (typeof found?.ShutdownWrap !== 'function') missing.push('ShutdownWrap');
  if (!(found?.streamBaseState instanceof Int32Array)) missing.push('streamBaseState');
  if (typeof found?.kReadBytesOrError !== 'number') missing.push('kReadBytesOrError');
  if (typeof found?.kLastWriteWasAsync !== 'number') missing.push('kLastWriteWasAsync');
  if (missing.length === 0) return '';
  return `Node ${process.version} has no ${missing.join(', ')} in its stream binding; use Node 26`;
}

/** Takes the handle out of a socket that nobody has read from or written to. */
export function detachHandle(socket: NetSocket): StreamHandle {
  const holder = socket as unknown as { _handle: StreamHandle | null };
  const handle = holder._handle;
  assert(handle !== null, 'the socket is open');
  holder._handle = null;
  // Without its handle this only takes the socket off its server's count.
  socket.destroy();
  // The handle refers to its socket by a symbol of Node's own: 2 KB that nobody needs any more.
  const owned = handle as unknown as Record<symbol, unknown>;
  for (const key of Object.getOwnPropertySymbols(handle)) {
    if (owned[key] === socket) owned[key] = null;
  }
  return handle;
}

/** The file descriptor of a socket that is open; -1 where there is none. */
export function descriptorOf(socket: NetSocket): number {
  const { _handle: handle } = socket as unknown as { _handle: { readonly fd?: number } | null };
  return handle?.fd ?? -1;
}

/** What the handle reads from now on goes into `buffer`, and `reader` is told. */
export function startReader(handle: StreamHandle, reader: StreamReader, buffer: Buffer): void {
  handle.useUserBuffer(buffer);
  handle.reader = reader;
  handle.onread = tellReader;
}

export function stopReader(handle: StreamHandle): void {
  handle.reader = null;
}

function tellReader(this: StreamHandle): Buffer | undefined {
  return this.reader?.onRead();
}

/** Bytes of the read that `onread` is called for, or a negative error. */
export function readCount(): number {
  return state[readIndex];
}

/** Whether the last write left something for later. */
export function wroteLater(): boolean {
  return state[asyncIndex] !== 0;
}

export function newWriteRequest(): WriteRequest {
  return new WriteWrap();
}

export function newShutdownRequest(onComplete: () => void): WriteRequest {
  const request = new ShutdownWrap();
  request.oncomplete = onComplete;
  return request;
}
