/**
 * A second opinion on request heads: RFC 9112 as plain expressions over strings, slow and without
 * leniency. It shares no code with the codec that it is compared with.
 */

export interface ReferenceHead {
  readonly method: string;
  readonly target: string;
  readonly minor: number;
  readonly fields: readonly (readonly [string, string])[];
  readonly framing: 'none' | 'length' | 'chunked';
  readonly length: number;
  /** Lower-case bytes of who the request is for, '' when it does not say. */
  readonly authority: string;
  readonly end: number;
}

/** The head at the front of `input` (latin1), or null when it is not one that may be forwarded. */
export function parseReference(input: string, fieldsMax: number): ReferenceHead | null {
  const match = headPattern.exec(input);
  if (match === null) return null;
  const [all, , method, target, minor, section] = match;
  const fields: [string, string][] = [];
  for (const line of section.split('\r\n').slice(0, -1)) {
    const field = fieldPattern.exec(line);
    if (field === null) return null;
    fields.push([field[1], field[2].replace(/^[\t ]+|[\t ]+$/g, '')]);
  }
  if (fields.length > fieldsMax) return null;
  const framing = framingOf(fields, section, minor === '0');
  const authority = authorityOf(method, target, fields, minor === '0');
  if (framing === null || authority === null) return null;
  if (method === 'CONNECT' && (framing.kind === 'chunked' || framing.length > 0)) return null;
  const expects = valuesOf(fields, 'expect');
  if (expects.length > 1 || !/^(100-continue)?$/i.test(expects[0] ?? '')) return null;
  if (expects[0] === '') return null;
  const options = valuesOf(fields, 'connection').join(',').split(',');
  const named = options.flatMap((option) => option.trim().split(/[\t ]+/)).filter((o) => o !== '');
  if (named.length > 32 || !named.every((option) => token.test(option))) return null;
  return {
    method,
    target,
    minor: minor === '0' ? 0 : 1,
    fields,
    framing: framing.kind,
    length: framing.length,
    authority,
    end: all.length,
  };
}

type Fields = readonly (readonly [string, string])[];

function valuesOf(fields: Fields, name: string): string[] {
  return fields.filter((field) => field[0].toLowerCase() === name).map((field) => field[1]);
}

interface ReferenceFraming {
  readonly kind: 'none' | 'length' | 'chunked';
  readonly length: number;
}

function framingOf(fields: Fields, section: string, old: boolean): ReferenceFraming | null {
  const lengths = valuesOf(fields, 'content-length');
  const codings = valuesOf(fields, 'transfer-encoding');
  if (lengths.length + codings.length > 1) return null;
  if (codings.length === 1) {
    return !old && codings[0].toLowerCase() === 'chunked' ? { kind: 'chunked', length: 0 } : null;
  }
  if (lengths.length === 0) return { kind: 'none', length: 0 };
  if (!/^[0-9]{1,15}$/.test(lengths[0]) || /^content-length:.*[\t ]$/im.test(section)) return null;
  const length = Number(lengths[0]);
  return { kind: length === 0 ? 'none' : 'length', length };
}

function authorityOf(method: string, target: string, fields: Fields, old: boolean): string | null {
  const hosts = valuesOf(fields, 'host');
  if (hosts.length > 1 || (hosts.length === 0 && !old)) return null;
  const host = hosts[0] ?? '';
  if (host !== '' && !isAuthority(host)) return null;
  if (method === 'CONNECT') {
    return /:[0-9]+$/.test(target) && isAuthority(target) ? target.toLowerCase() : null;
  }
  if (target.startsWith('/')) return host === '' && hosts.length > 0 ? null : host.toLowerCase();
  if (target === '*') return method === 'OPTIONS' ? host.toLowerCase() : null;
  const absolute = /^https?:\/\/([^/?]+)(?:[/?].*)?$/i.exec(target);
  return absolute !== null && isAuthority(absolute[1]) ? absolute[1].toLowerCase() : null;
}

function isAuthority(text: string): boolean {
  const match = authorityPattern.exec(text);
  if (match === null || text.length > 260) return false;
  const ipv6 = match[1].startsWith('[') ? match[1] : null;
  if (ipv6 !== null && (ipv6.split(':').length < 3 || ipv6.length > 47)) return false;
  return match[2] === undefined || Number(match[2]) <= 65535;
}

const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const fieldPattern = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):([\t -~\x80-\xff]*)$/;
const authorityPattern = /^((?!\.)[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?$/;
const headPattern = new RegExp(
  [
    '^((?:\\r\\n){0,2})',
    "([A-Za-z0-9!#$%&'*+.^_`|~-]+) ",
    '([!"$-~]+) ',
    'HTTP/1\\.([0-9])\\r\\n',
    '((?:[^\\r\\n]+\\r\\n)*)\\r\\n',
  ].join(''),
);
