/**
 * `node tools/docs-config.ts [--check]`: generates docs/heddle.schema.json and the tables of
 * docs/CONFIG.md from the schema of `heddle.yaml` and the variables of Linkerd's environment. With
 * `--check` it writes nothing and ends with 1 when they are stale.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { configSchema } from '../control/sources/config-schema.ts';
import { environmentRows } from '../workers/linkerd-environment.ts';

/** What is generated, by path from the root of the project. */
export function generateDocs(root: string): ReadonlyMap<string, string> {
  const schema = z.toJSONSchema(configSchema, { io: 'input' }) as JsonSchema;
  const titled = { title: 'heddle.yaml', ...schema };
  const page = readFileSync(resolve(root, pagePath), 'utf8');
  const withKeys = fill(page, startMark, tablesOf(schema).join('\n\n'));
  return new Map([
    [schemaPath, formatJson(titled)],
    [pagePath, fill(withKeys, environmentMark, environmentTable())],
  ]);
}

/** What stands between a mark and the next end of generated text is `text`. */
function fill(page: string, mark: string, text: string): string {
  const start = page.indexOf(mark);
  const end = page.indexOf(endMark, start);
  if (start === -1 || end === -1) throw new Error(`${pagePath} has lost its marks`);
  return `${page.slice(0, start + mark.length)}\n\n${text}\n\n${page.slice(end)}`;
}

function environmentTable(): string {
  const rows = environmentRows.map(({ name, syntax, usual, state, about }) => {
    const standard = /^(|required)$/.test(usual) ? usual : `\`${usual}\``;
    return rowOf([`\`${name}\``, syntax, standard, state, about]);
  });
  return ['| variable | value | default | | |', '| --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}

function rowOf(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** As Biome would: lists of plain values, and lists of one such list, on one line. */
function formatJson(value: unknown): string {
  const plain = JSON.stringify(value, null, 2).replace(
    /\[\n\s+((?:"[^"\n]*"|[^[\]{}"])*?)\n\s+\]/g,
    (_, items: string) => `[${items.replace(/,\n\s+/g, ', ')}]`,
  );
  return `${plain.replace(/\[\n\s+(\[[^\n]*\])\n\s+\]/g, '[$1]')}\n`;
}

interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

function tablesOf(root: JsonSchema): string[] {
  const { mesh, services, proxy } = root.properties ?? {};
  const service = services?.additionalProperties;
  const endpoint = typeof service === 'object' ? endpointOf(service) : undefined;
  return [
    ...tableOf('The file', '', root),
    ...tableOf('`mesh`', 'mesh.', mesh),
    ...tableOf('`services`', 'services.*.', typeof service === 'object' ? service : undefined),
    ...tableOf('Entries of `endpoints`', 'services.*.endpoints[].', endpoint),
    ...tableOf('`proxy`', 'proxy.', proxy),
  ];
}

function endpointOf(service: JsonSchema): JsonSchema | undefined {
  const entries = service.properties?.endpoints?.items?.anyOf ?? [];
  return entries.find(({ properties }) => properties !== undefined);
}

function tableOf(title: string, prefix: string, schema: JsonSchema | undefined): string[] {
  const rows = Object.entries(schema?.properties ?? {}).map(([key, value]) => {
    const required = schema?.required?.includes(key) === true;
    const cells = [
      `\`${prefix}${key}\``,
      typeOf(value),
      standardOf(value, required),
      value.description ?? '',
    ];
    return rowOf(cells);
  });
  return [
    `### ${title}`,
    ['| key | value | default | |', '| --- | --- | --- | --- |', ...rows].join('\n'),
  ];
}

function typeOf(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(', ');
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const).replaceAll('"', '')}\``;
  if (schema.enum !== undefined)
    return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  switch (schema.type) {
    case 'integer':
      return `${schema.minimum} to ${schema.maximum}`;
    case 'number':
      return `above ${schema.exclusiveMinimum}, up to ${schema.maximum}`;
    case 'boolean':
      return '`true`, `false`';
    case 'array':
      return 'list';
    case 'object':
      return 'mapping';
    case 'null':
      return '`null`';
    default:
      return 'text';
  }
}

function standardOf(schema: JsonSchema, required: boolean): string {
  if (required) return 'required';
  if (schema.default === undefined) return '';
  return typeof schema.default === 'string' && schema.default !== ''
    ? `\`${schema.default}\``
    : `\`${JSON.stringify(schema.default)}\``;
}

function main(check: boolean): void {
  const root = resolve(import.meta.dirname, '..');
  for (const [path, text] of generateDocs(root)) {
    const absolute = resolve(root, path);
    if (!check) writeFileSync(absolute, text);
    else if (readFileSync(absolute, 'utf8') !== text) {
      process.stderr.write(`${path} is stale: run npx node tools/docs-config.ts\n`);
      process.exitCode = 1;
    }
  }
}

const schemaPath = 'docs/heddle.schema.json';
const pagePath = 'docs/CONFIG.md';
const startMark = '<!-- generated by tools/docs-config.ts -->';
const environmentMark = "<!-- Linkerd's variables, generated by tools/docs-config.ts -->";
const endMark = '<!-- end of generated -->';

if (import.meta.main) main(process.argv.includes('--check'));
