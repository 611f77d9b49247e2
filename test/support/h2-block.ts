/** Field blocks for tests, in the plainest way that RFC 7541 knows; and heads that many need. */

import { encodeHuffmanText, type ReferenceField } from './reference-hpack.ts';

export type Fields = readonly (readonly [name: string, value: string])[];

/** Literals without indexing: the block does not depend on what was sent before. */
export function block(fields: Fields): Buffer {
  return Buffer.concat(fields.map(([name, value]) => literal(0x00, name, value)));
}

/** The same with every string Huffman-coded. */
export function huffmanBlock(fields: Fields): Buffer {
  return Buffer.concat(fields.map(([name, value]) => literal(0x00, name, value, true)));
}

/** A literal that enters the dynamic table. */
export function indexing(name: string, value: string): Buffer {
  return literal(0x40, name, value);
}

export function neverIndexed(name: string, value: string): Buffer {
  return literal(0x10, name, value);
}

/** An entry of the tables, 62 for the one that entered last. */
export function indexed(index: number): Buffer {
  return integer(0x80, 7, index);
}

/** A dynamic table size update. */
export function tableSize(size: number): Buffer {
  return integer(0x20, 5, size);
}

/** The fields of a request, those that all have first. */
export function request(method: string, path: string, more: Fields = []): Fields {
  return [
    [':method', method],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'web'],
    ...more,
  ];
}

export function get(path = '/', more: Fields = []): Fields {
  return request('GET', path, more);
}

export function post(path = '/', more: Fields = []): Fields {
  return request('POST', path, more);
}

export function response(status: number, more: Fields = []): Fields {
  return [[':status', String(status)], ...more];
}

/** `:status=200 server=x`; a field that is never to be indexed has a `!` in front. */
export function showFields(fields: readonly (ReferenceField | Fields[number])[]): string {
  return fields
    .map((field) => {
      if (!('name' in field)) return field.join('=');
      return `${field.neverIndexed ? '!' : ''}${field.name}=${field.value}`;
    })
    .join(' ');
}

function literal(mark: number, name: string, value: string, huffman = false): Buffer {
  return Buffer.concat([Buffer.from([mark]), string(name, huffman), string(value, huffman)]);
}

function string(text: string, huffman: boolean): Buffer {
  const bytes = huffman ? encodeHuffmanText(text) : Buffer.from(text, 'latin1');
  return Buffer.concat([integer(huffman ? 0x80 : 0, 7, bytes.length), bytes]);
}

function integer(mark: number, prefixBits: number, value: number): Buffer {
  const prefixMax = 2 ** prefixBits - 1;
  if (value < prefixMax) return Buffer.from([mark | value]);
  const bytes = [mark | prefixMax];
  let rest = value - prefixMax;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}
