/**
 * What an endpoints file says. Three forms: lines of `host port [* weight]` (or `host:port`) with
 * `#` comments, a JSON list, a YAML list; lists have the entries of `services.*.endpoints`.
 *
 * A file without any endpoint is taken for an accident and refused, unless it says that it is
 * meant: by a line `# empty`, or by an empty list `[]`.
 */

import type { ResolvedEndpoint } from '../../api/discovery.ts';
import { canonicalIp, parseAddress, parsePort } from '../model/address.ts';
import { formatProblem, loadEndpoints } from './load-config.ts';

type EndpointsFileResult =
  | { readonly endpoints: readonly ResolvedEndpoint[] }
  /** Names file and line. */
  | { readonly error: string };

/** Resolves at once for lines and JSON; a YAML list is read in the load process. */
export async function parseEndpointsFile(path: string, text: string): Promise<EndpointsFileResult> {
  const first = firstContent(text);
  if (first.startsWith('[')) {
    const endpoints = parseJsonList(text);
    if (endpoints !== null) return { endpoints };
  }
  // Where JSON is wrong, YAML, which includes it, knows the line.
  if (first.startsWith('[') || first === '-' || first.startsWith('- ')) {
    const result = await loadEndpoints(path, text);
    if ('endpoints' in result) return result;
    return { error: result.problems.slice(0, problemsShownMax).map(formatProblem).join('\n') };
  }
  return parseLines(path, text);
}

function firstContent(text: string): string {
  for (const line of text.split('\n')) {
    const content = line.trim();
    if (content !== '' && content !== '---' && !content.startsWith('#')) return content;
  }
  return '';
}

function parseLines(path: string, text: string): EndpointsFileResult {
  const endpoints: ResolvedEndpoint[] = [];
  let saysEmpty = false;
  for (const [index, line] of text.split('\n').entries()) {
    const hash = line.indexOf('#');
    const content = (hash === -1 ? line : line.slice(0, hash)).trim();
    if (content === '') {
      saysEmpty ||= /^\s*#\s*empty\s*$/.test(line);
      continue;
    }
    const endpoint = parseLine(content);
    if (typeof endpoint === 'string') return { error: `${path}:${index + 1}: ${endpoint}` };
    endpoints.push(endpoint);
    if (endpoints.length > endpointsMax) {
      return { error: `${path}:${index + 1}: more than ${endpointsMax} endpoints` };
    }
  }
  if (endpoints.length === 0 && !saysEmpty) {
    return { error: `${path}: has no endpoints; if that is meant, write a line "# empty"` };
  }
  return { endpoints };
}

/** An endpoint, or what is wrong with the line. */
function parseLine(content: string): ResolvedEndpoint | string {
  const star = content.indexOf('*');
  const weight = star === -1 ? 1 : parseWeight(content.slice(star + 1).trim());
  if (weight === null) return 'expected a weight above 0 behind *, at most 10000';
  const words = (star === -1 ? content : content.slice(0, star)).trim().split(/\s+/);
  if (words.length === 1) {
    const address = parseAddress(words[0]);
    if (address === null || address.port === 0) return expectedLine(words[0]);
    return { ...address, weight, zone: '' };
  }
  const host = canonicalIp(words[0]);
  const port = parsePort(words[1]);
  if (words.length > 2 || host === null || port === null || port === 0) {
    return expectedLine(words.join(' '));
  }
  return { host, port, weight, zone: '' };
}

function expectedLine(got: string): string {
  const shown = got.length > 60 ? `${got.slice(0, 59)}…` : got;
  return `expected "IP port [* weight]", got ${JSON.stringify(shown)}; for a name use dns: instead`;
}

function parseWeight(text: string): number | null {
  if (!/^\d{1,5}(\.\d{1,6})?$/.test(text)) return null;
  const weight = Number(text);
  return weight > 0 && weight <= 10_000 ? weight : null;
}

/** Null when this is no JSON or not such a list. */
function parseJsonList(text: string): ResolvedEndpoint[] | null {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(list) || list.length > endpointsMax) return null;
  const endpoints: ResolvedEndpoint[] = [];
  for (const entry of list as unknown[]) {
    const endpoint = parseJsonEntry(entry);
    if (endpoint === null) return null;
    endpoints.push(endpoint);
  }
  return endpoints;
}

function parseJsonEntry(entry: unknown): ResolvedEndpoint | null {
  const fields: unknown = typeof entry === 'string' ? { address: entry } : entry;
  if (typeof fields !== 'object' || fields === null) return null;
  const { address, weight = 1, zone = '', ...rest } = fields as Record<string, unknown>;
  if (Object.keys(rest).length > 0 || typeof address !== 'string') return null;
  if (typeof weight !== 'number' || !(weight > 0 && weight <= 10_000)) return null;
  if (typeof zone !== 'string' || zone.length > 253) return null;
  const parsed = parseAddress(address);
  return parsed === null || parsed.port === 0 ? null : { ...parsed, weight, zone };
}

const endpointsMax = 10_000;
const problemsShownMax = 5;
