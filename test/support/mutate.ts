/** Mutations of wire text that have found parser bugs before: bytes, lines, joins. */

import type { Random } from '../../core/base/random.ts';

/** One to four mutations of one of `inputs` (latin1). */
export function mutate(inputs: readonly string[], random: Random): string {
  let input = inputs[random.uint32() % inputs.length];
  for (let left = 1 + (random.uint32() % 4); left > 0; left--) {
    input = mutateOnce(input, inputs, random);
  }
  return input;
}

function mutateOnce(input: string, inputs: readonly string[], random: Random): string {
  const at = random.uint32() % (input.length + 1);
  const other = inputs[random.uint32() % inputs.length];
  const byte = String.fromCharCode(random.uint32() % 256);
  const mark = marks[random.uint32() % marks.length];
  const lines = input.split('\r\n');
  const line = random.uint32() % lines.length;
  const otherLines = other.split('\r\n');
  const otherLine = otherLines[random.uint32() % otherLines.length];
  switch (random.uint32() % 9) {
    case 0:
      return input.slice(0, at) + input.slice(at + 1);
    case 1:
      return input.slice(0, at) + byte + input.slice(at + 1);
    case 2:
      return input.slice(0, at) + byte + input.slice(at);
    case 3:
      return input.slice(0, at) + mark + input.slice(at);
    case 4:
      return lines.toSpliced(line, 1).join('\r\n');
    case 5:
      return lines.toSpliced(line, 0, otherLine).join('\r\n');
    case 6:
      return lines.toSpliced(line, 1, otherLine).join('\r\n');
    case 7:
      return lines.toSpliced(line, 0, lines[line]).join('\r\n');
    default:
      return input.slice(0, at) + other.slice(random.uint32() % (other.length + 1));
  }
}

const marks = ['\r\n', '\r', '\n', '\0', ':', '\t', ' ', ',', ';', '\r\n\r\n', ' HTTP/1.1', '0'];
