/** Goal: one spelling for each address of IPv6. Method: cases of RFC 5952, and Node's parser. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemRandom } from '../base/random.ts';
import { canonicalIp, formatIpv6 } from './ip-text.ts';

const cases: readonly (readonly [string, readonly number[]])[] = [
  ['::', [0, 0, 0, 0, 0, 0, 0, 0]],
  ['::1', [0, 0, 0, 0, 0, 0, 0, 1]],
  ['fd00::', [0xfd00, 0, 0, 0, 0, 0, 0, 0]],
  ['fd77:2::2', [0xfd77, 2, 0, 0, 0, 0, 0, 2]],
  ['2001:db8::1:0:0:1', [0x2001, 0xdb8, 0, 0, 1, 0, 0, 1]],
  ['2001:db8:0:1:1:1:1:1', [0x2001, 0xdb8, 0, 1, 1, 1, 1, 1]],
  ['1:0:0:2::3', [1, 0, 0, 2, 0, 0, 0, 3]],
];

for (const [text, groups] of cases) {
  test(`${text} is written so`, () => assert.equal(formatIpv6(groups), text));
}

test('as the parser of URLs writes it', () => {
  const random = systemRandom();
  for (let round = 0; round < 500; round++) {
    const zeros = random.uint32();
    const groups = Array.from({ length: 8 }, (_, index) =>
      ((zeros >> index) & 1) === 0 ? 0 : random.uint32() & 0xffff,
    );
    const whole = groups.map((group) => group.toString(16)).join(':');
    assert.equal(`[${formatIpv6(groups)}]`, new URL(`http://[${whole}]/`).hostname);
  }
});

test('what somebody has written gets its one spelling', () => {
  const texts = ['10.0.0.1', '::ffff:10.0.0.1', 'FD00:0::1', '::1', 'no address'];
  assert.deepEqual(texts.map(canonicalIp), [
    '10.0.0.1',
    '10.0.0.1',
    'fd00::1',
    '::1',
    'no address',
  ]);
});
