/**
 * The private names of Node's TLS handles, in one place, as `stream-handle.ts` has those of its
 * streams. A secure handle is one that encrypts what is written to it into another handle, and is
 * a stream itself. `node:tls` puts a socket, several listeners and options around it, which cost
 * memory and time for each connection; the handle alone is what the proxy needs.
 */

import type { SecureContext } from 'node:tls';
import type { StreamHandle } from './stream-handle.ts';

/** Who is told how a handshake goes. Each may close the handle; one that throws loses it. */
export interface HandshakeReader {
  /** Both sides have proved what they had to, by the rules of TLS. */
  onSecured(): void;
  /** It failed, or the peer broke a rule later. */
  onInsecure(reason: string): void;
}

/** What is used of the certificate that a peer has shown. */
export interface PeerCertificate {
  /** As it came: DER. */
  raw(): Buffer;
  /** Of those that the peer has sent, or of the trust anchors. */
  getIssuerCert(): PeerCertificate | undefined;
}

/** The parts of `TLSWrap` that are used. */
export interface SecureHandle extends StreamHandle {
  /** Ours: what is encrypted into it. */
  carrier: StreamHandle;
  /** Ours: all that was decrypted, held or handed out. */
  revealedBytes: number;
  /** Ours: so that all handles share their callbacks. */
  secureReader: HandshakeReader | null;
  /** Ours: the protocol that is taken, a length and its bytes; none if null. */
  alpn: Buffer | null;
  onhandshakestart: (this: SecureHandle) => void;
  onhandshakedone: (this: SecureHandle) => void;
  onerror: (this: SecureHandle, error: Error) => void;
  onnewsession: () => void;
  ALPNCallback: (this: SecureHandle, offered: Buffer) => number | undefined;
  /** A client's: sends the first message. */
  start(): void;
  /** Bytes that were read from the carrier before. */
  receive(bytes: Buffer): void;
  setVerifyMode(request: boolean, reject: boolean): void;
  setServername(name: string): void;
  setALPNProtocols(offered: Buffer): void;
  enableALPNCb(): void;
  getALPNNegotiatedProtocol(): string | false | undefined;
  /** Why the peer's chain is not good; null when it is, or when there is none. */
  verifyError(): (Error & { code?: string }) | null | undefined;
  getPeerX509Certificate(): PeerCertificate | undefined;
  destroySSL(): void;
}

interface TlsBinding {
  readonly wrap: (
    carrier: StreamHandle,
    context: unknown,
    isServer: boolean,
    writesBefore: boolean,
  ) => SecureHandle;
}

interface BindingProcess {
  binding?(name: string): unknown;
}

/** Says what this Node lacks, or nothing when all is there; `found` is its TLS binding. */
export function verifySecureHandle(found = findBinding()): string {
  if (typeof found?.wrap === 'function') return '';
  return `Node ${process.version} has no wrap in its TLS binding; use Node 26`;
}

/** Loaded when it is first needed: a proxy without identity does not pay for it. */
function findBinding(): Partial<TlsBinding> | undefined {
  const found = (process as unknown as BindingProcess).binding?.('tls_wrap');
  return found as Partial<TlsBinding> | undefined;
}

let wrap: TlsBinding['wrap'] | undefined;

/** Each peer is asked for its certificate; whether it is good is for the caller to see. */
export function wrapSecure(
  carrier: StreamHandle,
  context: SecureContext,
  isServer: boolean,
): SecureHandle {
  wrap ??= findBinding()?.wrap as TlsBinding['wrap'];
  const handle = wrap(carrier, context.context, isServer, false);
  handle.carrier = carrier;
  handle.revealedBytes = 0;
  handle.secureReader = null;
  handle.alpn = null;
  handle.setVerifyMode(true, false);
  Object.assign(handle, callbacks);
  handle.close = closeSecure;
  handle.reset = resetSecure;
  return handle;
}

/**
 * A server's: takes `protocol` where it is offered. A client that offers nothing goes on without
 * one; one that offers others alone is refused by OpenSSL ("no application protocol").
 */
export function acceptProtocol(handle: SecureHandle, protocol: Buffer): void {
  handle.alpn = protocol;
  handle.ALPNCallback = chooseProtocol;
  handle.enableALPNCb();
}

const callbacks = {
  onhandshakestart: ignore,
  onhandshakedone: tellSecured,
  onerror: tellInsecure,
  onnewsession: ignore,
} satisfies Partial<SecureHandle>;

function tellSecured(this: SecureHandle): void {
  try {
    this.secureReader?.onSecured();
  } catch (error) {
    endThrown(this, error);
  }
}

function tellInsecure(this: SecureHandle, error: Error): void {
  try {
    this.secureReader?.onInsecure(error.message);
  } catch (thrown) {
    endThrown(this, thrown);
  }
}

/** Where in what is offered the chosen one begins; OpenSSL refuses the client where nowhere. */
function chooseProtocol(this: SecureHandle, offered: Buffer): number | undefined {
  try {
    const { alpn } = this;
    if (alpn === null) return undefined;
    for (let at = 0; at < offered.length; at += 1 + offered[at]) {
      if (offered.subarray(at, at + 1 + offered[at]).equals(alpn)) return at;
    }
  } catch (error) {
    endThrown(this, error);
  }
  return undefined;
}

/** What is thrown out of a callback of Node's would end the process: it ends its connection. */
function endThrown(handle: SecureHandle, error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  try {
    handle.secureReader?.onInsecure(`a callback of TLS threw: ${text}`);
  } catch {
    // Its reader cannot even be told.
    handle.secureReader = null;
    handle.reset?.();
  }
}

/** A write that is under way refers to the handle until its memory is given back. */
function closeSecure(this: StreamHandle, closed?: () => void): void {
  const handle = this as SecureHandle;
  handle.secureReader = null;
  handle.carrier.close(() => {
    handle.destroySSL();
    closed?.();
  });
}

function resetSecure(this: StreamHandle): number {
  return (this as SecureHandle).carrier.reset?.() ?? 0;
}

function ignore(): undefined {}
