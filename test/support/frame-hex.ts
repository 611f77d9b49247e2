/** Frames of HTTP/2 as hexadecimal text, in which blanks may stand anywhere. */

import assert from 'node:assert/strict';
import { FrameHead, frameHeadBytes } from '../../core/http/h2/frame/head.ts';

/** The head of the frame, and where its payload lies, behind other bytes. */
export function frameOf(hex: string): { head: FrameHead; bytes: Buffer; at: number } {
  const bytes = Buffer.from(`ffff${hex.replaceAll(' ', '')}`, 'hex');
  const head = new FrameHead();
  assert.equal(head.read(bytes, 2, 0xffffff), 0);
  assert.equal(bytes.length, 2 + frameHeadBytes + head.length, 'a whole frame');
  return { head, bytes, at: 2 + frameHeadBytes };
}

/** Fails unless `encode` writes these bytes and returns the offset behind them. */
export function assertWrites(hex: string, encode: (out: Buffer) => number): void {
  const out = Buffer.alloc(100);
  assert.equal(out.toString('hex', 0, encode(out)), hex.replaceAll(' ', ''));
}
