/** How long a body is: attack classes 1 to 4. */

import { forwarded, post, refused, type SmugglingCase } from './smuggling-case.ts';

export function framingCases(): SmugglingCase[] {
  return [...conflictCases(), ...lengthCases(), ...codingCases()];
}

function conflictCases(): SmugglingCase[] {
  const cases: SmugglingCase[] = [
    refused(1, 'length, then coding', post([length, coding], body)),
    refused(1, 'coding, then length', post([coding, length], body)),
    refused(1, 'length of 0 and coding', post(['Content-Length: 0', coding], body)),
    refused(1, 'upper case', post(['CONTENT-LENGTH: 5', 'TRANSFER-ENCODING: CHUNKED'], body)),
    refused(1, 'fields between', post([length, 'X: y', coding], body)),
    refused(1, 'coding identity and length', post(['Transfer-Encoding: identity', length], body)),
    refused(1, 'empty coding and length', post(['Transfer-Encoding:', length], body)),
    refused(1, 'in 1.0', post([length, coding], body).replace('1.1', '1.0')),
    refused(2, 'two equal lengths', post([length, length], 'hello')),
    refused(2, 'two lengths', post([length, 'Content-Length: 6'], 'hello!')),
    refused(2, 'two lengths, one in lower case', post([length, 'content-length: 0'], 'hello')),
    refused(2, 'the second is empty', post([length, 'Content-Length:'], 'hello')),
    refused(2, 'three lengths', post([length, length, length], 'hello')),
  ];
  for (const list of ['5, 5', '5,5', '5, 6', '5,', ',5', '5 5', '5;5', '5\t5']) {
    cases.push(refused(2, `list ${list}`, post([`Content-Length: ${list}`], 'hello')));
  }
  for (const size of [255, 256, 16_384, 65_500, 65_600]) {
    const long = post([`${'A'.repeat(size)}: b`, length, 'Content-Length: 0'], 'hello');
    cases.push(refused(2, `behind a name of ${size} bytes`, long, size > 65_400 ? 431 : 400));
  }
  return cases;
}

function lengthCases(): SmugglingCase[] {
  const cases: SmugglingCase[] = [];
  const bad = ['', '+5', '-1', '-0', '0x5', '5 ', '5\t', '1_0', '5.0', '5e1', 'five', '"5"', '5a'];
  const large = ['9007199254740993', '18446744073709551616', '0'.repeat(16), '1'.repeat(300)];
  const odd = [
    '\xd9\xa5',
    '\xb2',
    '5;a',
    'NaN',
    'Infinity',
    '0b1',
    '0o5',
    '(5)',
    '5L',
    "'5'",
    '5\xa0',
    '#5',
  ];
  for (const value of [...bad, ...large, ...odd]) {
    const name = `length ${JSON.stringify(value.slice(0, 20))}`;
    cases.push(refused(3, name, post([`Content-Length: ${value}`], 'hello')));
  }
  cases.push(
    forwarded(3, 'a length', post([length], 'hello')),
    forwarded(3, 'more space before it', post(['Content-Length:  \t5'], 'hello'), ours('5')),
    forwarded(3, 'no space before it', post(['Content-Length:5'], 'hello'), ours('5')),
    forwarded(3, 'leading zeros', post(['Content-Length: 005'], 'hello'), ours('5')),
    forwarded(3, 'zero', post(['Content-Length: 0'])),
    forwarded(
      3,
      'fifteen digits',
      post([`Content-Length: ${'0'.repeat(14)}5`], 'hello'),
      ours('5'),
    ),
  );
  return cases;
}

function codingCases(): SmugglingCase[] {
  const cases: SmugglingCase[] = [
    forwarded(4, 'chunked', post([coding], '5\r\nhello\r\n0\r\n\r\n')),
  ];
  for (const name of ['Chunked', 'CHUNKED', 'chunked ', '\tchunked', 'chunked\t']) {
    const input = post([`Transfer-Encoding: ${name}`], '1\r\nx\r\n0\r\n\r\n');
    const origin = post(['transfer-encoding: chunked'], '1\r\nx\r\n0\r\n\r\n');
    const kept = name === 'Chunked' || name === 'CHUNKED';
    cases.push(forwarded(4, `coding ${JSON.stringify(name)}`, input, kept ? input : origin));
  }
  const codings = [
    '',
    ',',
    ',chunked',
    'chunked,',
    'chunked,chunked',
    'chunked, gzip',
    '\x0bchunked',
  ];
  const others = [
    'chunked;a=b',
    '"chunked"',
    'chu nked',
    'chunked, identity',
    'chunked\0',
    ' ,chunked',
  ];
  for (const value of [...codings, ...others]) {
    const input = post([`Transfer-Encoding: ${value}`], body);
    cases.push(refused(4, `coding ${JSON.stringify(value)}`, input));
  }
  for (const value of ['xchunked', 'chunkedx', 'identity', 'gzip', 'gzip, chunked', 'chunke']) {
    cases.push(refused(4, `coding ${value}`, post([`Transfer-Encoding: ${value}`], body), 501));
  }
  cases.push(
    refused(4, 'two codings', post([coding, coding], body)),
    refused(4, 'two lines, gzip and chunked', post(['Transfer-Encoding: gzip', coding], body)),
    refused(4, 'in 1.0', post([coding], body).replace('1.1', '1.0')),
    refused(4, 'space before the colon', post(['Transfer-Encoding : chunked'], body)),
    refused(4, 'folded', post(['Transfer-Encoding:', ' chunked'], body)),
    refused(4, 'folded by a tab', post(['X: y', '\tTransfer-Encoding: chunked'], body)),
  );
  return cases;
}

function ours(length: string): string {
  return post([`content-length: ${length}`], 'hello');
}

const length = 'Content-Length: 5';
const coding = 'Transfer-Encoding: chunked';
const body = '0\r\n\r\nGET /marker HTTP/1.1\r\nHost: a\r\n\r\n';
