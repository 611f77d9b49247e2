/** Finds what a description says of a message, a field or a choice in the comment above it. */

import type { DescEnum, DescField, DescMessage, DescOneof } from '@bufbuild/protobuf';

type Described = DescMessage | DescEnum | DescField | DescOneof;

/**
 * The comment as one of TypeScript, with a line break behind it; empty when there is none, and for
 * the well-known types, which others explain at length.
 */
export function renderComment(described: Described): string {
  const path = pathOf(described).join();
  const { name, proto } = fileOf(described);
  const locations = name.startsWith('google/') ? [] : (proto.sourceCodeInfo?.location ?? []);
  const text = locations.find((one) => one.path.join() === path)?.leadingComments ?? '';
  const lines = text.trim().split('\n');
  if (text === '') return '';
  if (lines.length === 1) return `/** ${lines[0].trim()} */\n`;
  return `/**\n${lines.map((line) => ` * ${line.trim()}\n`).join('')} */\n`;
}

function fileOf(described: Described): DescMessage['file'] {
  return 'file' in described ? described.file : described.parent.file;
}

/** How the compiler names a place: by field numbers of its own messages, and positions in lists. */
function pathOf(described: Described): number[] {
  const above = described.parent === undefined ? [] : pathOf(described.parent);
  return [...above, ...lastStep(described)];
}

function lastStep(described: Described): [list: number, index: number] {
  if (described.kind === 'field') {
    return [2, described.parent.proto.field.indexOf(described.proto)];
  }
  if (described.kind === 'oneof') {
    return [8, described.parent.proto.oneofDecl.indexOf(described.proto)];
  }
  const { parent, file } = described;
  if (described.kind === 'enum') {
    if (parent === undefined) return [5, file.proto.enumType.indexOf(described.proto)];
    return [4, parent.proto.enumType.indexOf(described.proto)];
  }
  if (parent === undefined) return [4, file.proto.messageType.indexOf(described.proto)];
  return [3, parent.proto.nestedType.indexOf(described.proto)];
}
