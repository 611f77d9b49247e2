/**
 * One log record as a line of text: plain in the shape of Linkerd's, or a JSON object. Whatever
 * came from a peer is escaped: no value can end a line, move a cursor or turn text around.
 */

import type { LogLevel } from '../../api/messages.ts';
import { logFieldsMax, logValueCharsMax } from '../base/limits.ts';

export type LogFields = Readonly<Record<string, string | number>>;

export interface LogRecord {
  readonly level: LogLevel;
  /** The part that speaks, for example `heddle::accept`. */
  readonly target: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** `[   seconds s]  LEVEL ThreadId(nn) target: message field=value` with a line feed. */
export function formatPlain(record: LogRecord, uptimeMs: number, threadId: number): string {
  const seconds = (uptimeMs / 1000).toFixed(6).padStart(13);
  const level = record.level.toUpperCase().padStart(5);
  const thread = String(threadId).padStart(2, '0');
  let line = `[${seconds}s] ${level} ThreadId(${thread}) ${escapeText(record.target)}: `;
  line += escapeText(record.message);
  let count = 0;
  for (const [name, value] of Object.entries(record.fields)) {
    if (count === logFieldsMax) break;
    count += 1;
    line += ` ${escapeText(name)}=${plainValue(value)}`;
  }
  return `${line}\n`;
}

/** A JSON object with a line feed; its names are those of Linkerd's JSON logs. */
export function formatJson(record: LogRecord, wallMs: number, threadId: number): string {
  const fields: Record<string, string | number> = { message: cut(record.message) };
  for (const [name, value] of Object.entries(record.fields).slice(0, logFieldsMax)) {
    if (name !== 'message') fields[name] = typeof value === 'string' ? cut(value) : value;
  }
  return jsonLine({
    timestamp: new Date(wallMs).toISOString(),
    level: record.level.toUpperCase(),
    fields,
    target: record.target,
    threadId: `ThreadId(${threadId})`,
  });
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
function plainValue(value: string | number): string {
  if (typeof value === 'number') return String(value);
  if (bare.test(value)) return escapeText(value);
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
