/** Who a connection tells what happens on it. */

export interface SocketOwner {
  /** `bytes[0, length)` have arrived; valid until this returns, then the buffer is used again. */
  onBytes(bytes: Buffer, length: number): void;
  /** The peer has sent its last byte. */
  onEnd(): void;
  /** The kernel takes no more for now: whoever produces for this socket should stop. */
  onCongested(): void;
  /** What waited to be written is written; `congested` is false again. */
  onDrain(): void;
  /** The connection has ended by itself, with the system's error name. Not called after destroy. */
  onClose(code: string): void;
}

/** For a socket between two owners, and after the last. */
export const nobody: SocketOwner = {
  onBytes: ignore,
  onEnd: ignore,
  onCongested: ignore,
  onDrain: ignore,
  onClose: ignore,
};

function ignore(): undefined {}
