/** Fields that the proxy itself makes, as a head that the encoders of either version take. */

import { Head } from './head.ts';

/** `lines`: complete field lines, `name: value` CRLF, printable ASCII, names in lower case. */
export function headOfLines(lines: string): Head {
  const bytes = Buffer.from(`${lines}\r\n`, 'latin1');
  const head = new Head();
  head.clear(bytes, 0);
  head.end = bytes.length;
  let start = 0;
  while (start < lines.length) {
    const colon = lines.indexOf(': ', start);
    const end = lines.indexOf('\r\n', colon);
    if (head.count === head.known.length) head.growFields();
    head.fields.set([start, colon, colon + 2, end], head.count * 4);
    head.known[head.count] = 0;
    head.dropped[head.count] = 0;
    head.count += 1;
    start = end + 2;
  }
  return head;
}
