/**
 * The Huffman code of RFC 7541 appendix B. It is canonical: codes of one length are consecutive
 * numbers in the order of their symbols, and each length goes on where the shorter one ended. So
 * the symbols of each length, in order, say all of it.
 */

/** The end of the string, which no string may contain. */
export const EOS = 256;
export const codeBitsMin = 5;
export const codeBitsMax = 30;

/** From `codeBitsMin` on. */
const symbolsByLength: readonly (string | readonly number[])[] = [
  '012aceiost',
  ' %-./3456789=A_bdfghlmnpru',
  ':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz',
  '&*,;XZ',
  '',
  '!"()?',
  "'+|",
  '#>',
  '\0$@[]~',
  '^}',
  '<`{',
  '',
  '',
  '',
  [92, 195, 208],
  [128, 130, 131, 162, 184, 194, 224, 226],
  [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230],
  [
    129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187,
    189, 190, 196, 198, 228, 232, 233,
  ],
  [
    1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168,
    174, 175, 180, 182, 183, 188, 191, 197, 231, 239,
  ],
  [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237],
  [199, 207, 234, 235],
  [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255],
  [203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254],
  [
    2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31,
    127, 220, 249,
  ],
  '',
  [10, 13, 22, EOS],
];

const lists = symbolsByLength.map((symbols) =>
  typeof symbols === 'string' ? Array.from(symbols, (one) => one.charCodeAt(0)) : symbols,
);

/** All symbols in the order of their codes. */
export const symbolsInOrder = Uint16Array.from(lists.flat());

/** What turns a code of a length into its place in `symbolsInOrder`, by adding. */
export const codeOffsets = new Int32Array(codeBitsMax + 1);

/** The first code behind those of a length, moved to the left of 31 bits. */
export const codeLimits = new Int32Array(codeBitsMax + 1);

let code = 0;
let place = 0;
for (const [row, { length }] of lists.entries()) {
  const bits = row + codeBitsMin;
  codeOffsets[bits] = place - code;
  code += length;
  place += length;
  codeLimits[bits] = Math.min(code * 2 ** (31 - bits), 0x7fffffff);
  code *= 2;
}
