/**
 * The static table (RFC 7541 appendix A), laid out as the dynamic one: complete field lines, and
 * for each entry its offset, the lengths of name and value, and its traits.
 */

import { nameTraits, valueTraits } from './field-traits.ts';
import { viewOf, wordSlackBytes } from './words.ts';

/** Entries 1 to 61; `name` alone where the RFC gives no value. */
const fields: readonly string[] = [
  ':authority',
  ':method: GET',
  ':method: POST',
  ':path: /',
  ':path: /index.html',
  ':scheme: http',
  ':scheme: https',
  ':status: 200',
  ':status: 204',
  ':status: 206',
  ':status: 304',
  ':status: 400',
  ':status: 404',
  ':status: 500',
  'accept-charset',
  'accept-encoding: gzip, deflate',
  'accept-language',
  'accept-ranges',
  'accept',
  'access-control-allow-origin',
  'age',
  'allow',
  'authorization',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'etag',
  'expect',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'link',
  'location',
  'max-forwards',
  'proxy-authenticate',
  'proxy-authorization',
  'range',
  'referer',
  'refresh',
  'retry-after',
  'server',
  'set-cookie',
  'strict-transport-security',
  'transfer-encoding',
  'user-agent',
  'vary',
  'via',
  'www-authenticate',
];

export const staticCount = fields.length;

const lines = fields.map((field) => `${field}${field.indexOf(': ', 1) < 0 ? ': ' : ''}\r\n`);
const text = lines.join('');

/** All lines, one behind the other. */
export const staticLines = Buffer.from(`${text}${'\0'.repeat(wordSlackBytes)}`, 'latin1');

export const staticView = viewOf(staticLines);

/** Columns of an entry: `index * 4` is its first. Entry 0 is none. */
export const staticEntries = new Int32Array((staticCount + 1) * 4);

let start = 0;
for (const [row, line] of lines.entries()) {
  const nameLength = line.indexOf(': ', 1);
  const valueLength = line.length - nameLength - 4;
  const valueStart = start + nameLength + 2;
  const traits =
    nameTraits(staticLines, start, start + nameLength) |
    valueTraits(staticView, valueStart, valueStart + valueLength);
  staticEntries.set([start, nameLength, valueLength, traits], (row + 1) * 4);
  start += line.length;
}
