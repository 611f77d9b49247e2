/**
 * Writes the proxy's codec: for each file of the API one of TypeScript, with an interface for every
 * message that the proxy has to do with, and a reader or a writer or both. The code knows fields by
 * number; how bytes are read and written is left to `api/wire`.
 */

import type { DescFile, DescMessage, FileRegistry } from '@bufbuild/protobuf';
import { fileName, messagesInside, messagesOf, typeName } from './proxy-model.ts';
import { renderReader } from './proxy-reader.ts';
import { renderEnum, renderInterface } from './proxy-types.ts';
import { renderWriter } from './proxy-writer.ts';

/**
 * Names of files and their texts, not yet formatted, for messages that are read or written and for
 * what is inside of them. Throws when there is something that the codec cannot do.
 */
export function generateProxyCodec(
  registry: FileRegistry,
  messagesRead: readonly string[],
  messagesWritten: readonly string[],
): Map<string, string> {
  const read = messagesRead.map((name) => findMessage(registry, name));
  const written = messagesWritten.map((name) => findMessage(registry, name));
  const plan: Plan = {
    read: new Set(read),
    written: new Set(written),
    readers: messagesInside(read),
    writers: messagesInside(written),
  };
  const texts = new Map<string, string>();
  for (const file of registry.files) {
    const messages = messagesOf(file).filter(
      (one) => plan.readers.has(one) || plan.writers.has(one),
    );
    if (messages.length > 0) texts.set(fileName(file), renderFile(file, messages, plan));
  }
  return texts;
}

interface Plan {
  /** Messages that the proxy reads and writes as a whole. */
  readonly read: ReadonlySet<DescMessage>;
  readonly written: ReadonlySet<DescMessage>;
  /** They and those inside. */
  readonly readers: ReadonlySet<DescMessage>;
  readonly writers: ReadonlySet<DescMessage>;
}

function findMessage(registry: FileRegistry, name: string): DescMessage {
  const whole = name.startsWith('heddle.') ? name : `io.linkerd.proxy.${name}`;
  const message = registry.getMessage(whole);
  if (message === undefined) throw new Error(`there is no message ${name}`);
  return message;
}

function renderFile(file: DescFile, messages: readonly DescMessage[], plan: Plan): string {
  const enums = messages.flatMap((one) => one.fields.map((field) => field.enum));
  const code = [
    ...messages.filter((one) => plan.read.has(one)).map(renderDecode),
    ...messages.filter((one) => plan.written.has(one)).map(renderEncode),
    ...[...new Set(enums)].filter((one) => one !== undefined).map(renderEnum),
    ...messages.map(renderInterface),
    ...functions(plan.readers, file, renderReader),
    ...functions(plan.writers, file, renderWriter),
  ].join('\n\n');
  const header = `/** Made by tools/generate-api.ts from ${file.name}.proto; not to be edited. */`;
  return `${header}\n\n${renderImports(file, messages, code)}\n${code}\n`;
}

/** Exported if a message of another file holds what it is for. */
function functions(
  messages: ReadonlySet<DescMessage>,
  file: DescFile,
  render: (message: DescMessage) => string,
): string[] {
  const elsewhere = [...messages].filter((one) => one.file !== file);
  const shared = new Set(elsewhere.flatMap((one) => one.fields.map((field) => field.message)));
  return messagesOf(file)
    .filter((message) => messages.has(message))
    .map((message) => `${shared.has(message) ? 'export ' : ''}${render(message)}`);
}

function renderDecode(message: DescMessage): string {
  const name = typeName(message);
  return `export function decode${name}(
  bytes: Uint8Array,
  limits: ReadLimits,
): ${name} | Malformed {
  const reader = new Reader(bytes, limits);
  const message = read${name}(reader, null);
  return reader.problem ?? message;
}`;
}

function renderEncode(message: DescMessage): string {
  const name = typeName(message);
  return `export function encode${name}(message: ${name}): Uint8Array {
  const writer = new Writer();
  write${name}(writer, message);
  return writer.finish();
}`;
}

/** Of what other files export, whatever `code` names. */
function renderImports(file: DescFile, messages: readonly DescMessage[], code: string): string {
  const words = new Set(code.match(/\w+/g));
  const imports = new Map<string, Set<string>>([
    ['../../wire/reader.ts', new Set(['type Malformed', 'type ReadLimits', 'Reader'])],
    ['../../wire/writer.ts', new Set(['Writer'])],
  ]);
  const inside = messages.flatMap((one) => one.fields.map((field) => field.message));
  for (const message of inside) {
    if (message === undefined || message.file === file) continue;
    const path = `./${fileName(message.file)}`;
    const names = imports.get(path) ?? new Set();
    const name = typeName(message);
    imports.set(path, names.add(`type ${name}`).add(`read${name}`).add(`write${name}`));
  }
  const lines = [...imports].map(([path, all]) => {
    const names = [...all].filter((name) => words.has(name.replace('type ', '')));
    return names.length === 0 ? '' : `import { ${names.join(', ')} } from '${path}';\n`;
  });
  return lines.join('');
}
