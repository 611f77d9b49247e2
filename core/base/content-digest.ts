/**
 * Tells whether two readings of a file had the same text, without keeping the text. Not for those
 * who want to deceive: nobody gains by it, and loading node:crypto takes 5 ms of every start.
 */

/** Two 32-bit hashes (MurmurHash3's mixing) that are stirred into each other, in hexadecimal. */
export function contentDigest(text: string): string {
  let a = 0xdeadbeef ^ text.length;
  let b = 0x41c6ce57 ^ text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
  }
  a = stir(a) ^ stir(b ^ 0x165667b1);
  b = stir(b) ^ stir(a);
  return hex(a) + hex(b);
}

function stir(word: number): number {
  const once = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return twice ^ (twice >>> 16);
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
