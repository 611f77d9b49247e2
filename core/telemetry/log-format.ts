/**
 * One log record as a line of text: plain in the shape of Linkerd's, or a JSON object. Whatever
 * came from a peer is escaped: no value can end a line, move a cursor or turn text around.
 */

import type { LogLevel, LogSpan } from '../../api/messages.ts';
import { logFieldsMax, logSpansMax, logValueCharsMax } from '../base/limits.ts';

export type LogFields = Readonly<Record<string, string | number>>;

export interface LogRecord {
  readonly level: LogLevel;
  /** The part that speaks, for example `heddle::accept`. */
  readonly target: string;
  readonly message: string;
  readonly fields: LogFields;
  /** What it was logged in, the outermost first. */
  readonly spans?: readonly LogSpan[];
}

/**
 * `[   seconds s]  LEVEL ThreadId(nn) span{field=value}:span: target: message field=value` with a
 * line feed.
 */
export function formatPlain(record: LogRecord, uptimeMs: number, threadId: number): string {
  const seconds = (uptimeMs / 1000).toFixed(6).padStart(13);
  const level = record.level.toUpperCase().padStart(5);
  const thread = String(threadId).padStart(2, '0');
  const chain = plainSpans(record.spans ?? []);
  let line = `[${seconds}s] ${level} ThreadId(${thread}) ${chain}${escapeText(record.target)}: `;
  line += escapeText(record.message);
  for (const [name, value] of listFields(record.fields)) {
    line += ` ${escapeText(name)}=${plainValue(value, bare)}`;
  }
  return `${line}\n`;
}

/** A JSON object with a line feed; its names are those of Linkerd's JSON logs. */
export function formatJson(record: LogRecord, wallMs: number, threadId: number): string {
  const fields: Record<string, string | number> = { message: cut(record.message) };
  for (const [name, value] of listFields(record.fields)) {
    if (name !== 'message') fields[name] = typeof value === 'string' ? cut(value) : value;
  }
  const spans = (record.spans ?? []).slice(0, logSpansMax).map(jsonSpan);
  return jsonLine({
    timestamp: new Date(wallMs).toISOString(),
    level: record.level.toUpperCase(),
    fields,
    target: record.target,
    ...(spans.length > 0 && { spans }),
    threadId: `ThreadId(${threadId})`,
  });
}

function listFields(fields: LogFields): [name: string, value: string | number][] {
  return Object.entries(fields).slice(0, logFieldsMax);
}

/** Empty, or with the blank behind it. */
function plainSpans(spans: readonly LogSpan[]): string {
  let chain = '';
  for (const { name, fields } of spans.slice(0, logSpansMax)) {
    const list = listFields(fields).map(
      ([field, value]) => `${escapeText(field)}=${plainValue(value, bareInSpan)}`,
    );
    chain += escapeText(name);
    chain += list.length === 0 ? ':' : `{${list.join(' ')}}:`;
  }
  return chain === '' ? '' : `${chain} `;
}

/** Its name beside its fields, as Linkerd; where a field has that name too, it is `field.name`. */
function jsonSpan({ name, fields }: LogSpan): Record<string, string | number> {
  const shown: Record<string, string | number> = {};
  for (const [field, value] of listFields(fields)) {
    shown[field === 'name' ? 'field.name' : field] = typeof value === 'string' ? cut(value) : value;
  }
  return { ...shown, name: cut(name) };
}

/** JSON that is also safe to print on a terminal. */
export function jsonLine(value: object): string {
  return `${JSON.stringify(value).replace(unprintable, jsonEscape)}\n`;
}

/** Replaces what is not printable by its code; `\` stays, so this is for reading, not parsing. */
function escapeText(text: string): string {
  return cut(text).replace(unprintable, textEscape);
}

/** As it is if that is unambiguous, else in quotes as a JSON string. */
function plainValue(value: string | number, unambiguous: RegExp): string {
  if (typeof value === 'number') return String(value);
  if (unambiguous.test(value)) return escapeText(value);
  return JSON.stringify(cut(value)).replace(unprintable, jsonEscape);
}

function cut(text: string): string {
  return text.length <= logValueCharsMax ? text : `${text.slice(0, logValueCharsMax)}...`;
}

function textEscape(char: string): string {
  if (char === '\n') return '\\n';
  if (char === '\r') return '\\r';
  if (char === '\t') return '\\t';
  const code = char.charCodeAt(0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
}

function jsonEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Controls (C0, DEL, C1), line separators, and marks that change the direction of text. */
const unprintable = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const bare = /^[^\s"'\\=]+$/u;
/** What Linkerd does not know of a service is empty there. */
const bareInSpan = /^[^\s"'\\={}]*$/u;
