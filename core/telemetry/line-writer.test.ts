/**
 * Goal: lines arrive whole and in order, and a reader that is slow or gone costs dropped lines,
 * never memory or time of the thread. Method: a descriptor that takes what the test says.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logBufferBytesMax } from '../base/limits.ts';
import type { LineStream } from './line-writer.ts';
import { LineWriter } from './line-writer.ts';

type Done = (error: Error | null, written: number) => void;

function createWriter() {
  const writes: { text: string; done: Done }[] = [];
  const dropped: [LineStream, number][] = [];
  const writer = new LineWriter(
    (bytes, done) => writes.push({ text: Buffer.from(bytes).toString(), done }),
    (stream, lines) => dropped.push([stream, lines]),
  );
  return { writer, writes, dropped };
}

test('one write at a time; what comes meanwhile is written together', async () => {
  const { writer, writes } = createWriter();
  await writer.idle();
  writer.write('log', 'one\n');
  writer.write('access', 'two\n');
  writer.write('log', 'three é\n');
  assert.deepEqual(
    writes.map(({ text }) => text),
    ['one\n'],
  );
  const idle = writer.idle();
  writes[0].done(null, 4);
  assert.equal(writes[1].text, 'two\nthree é\n');
  writes[1].done(null, 13);
  await idle;
  assert.equal(writes.length, 2);
});

test('the rest of a partial write follows before anything else', () => {
  const { writer, writes } = createWriter();
  writer.write('log', 'abcdef\n');
  writer.write('log', 'next\n');
  writes[0].done(null, 3);
  assert.equal(writes[1].text, 'def\n');
  writes[1].done(null, 4);
  assert.equal(writes[2].text, 'next\n');
});

test('beyond the buffer lines are dropped and counted by stream, and taken again later', () => {
  const { writer, writes, dropped } = createWriter();
  const block = `${'x'.repeat(logBufferBytesMax / 4 - 1)}\n`;
  for (let index = 0; index < 4; index++) writer.write('log', block);
  assert.deepEqual(dropped, []);
  writer.write('log', 'one too many\n');
  writer.write('access', 'a\nb\nc\n');
  assert.deepEqual(dropped, [
    ['log', 1],
    ['access', 3],
  ]);
  writes[0].done(null, block.length);
  writer.write('log', 'fits\n');
  assert.equal(dropped.length, 2);
});

test('a failed write drops its lines; the next are tried', async () => {
  const { writer, writes, dropped } = createWriter();
  writer.write('log', 'a\nb\n');
  writer.write('log', 'c\n');
  writes[0].done(Object.assign(new Error('gone'), { code: 'EPIPE' }), 0);
  assert.deepEqual(dropped, [['log', 2]]);
  assert.equal(writes[1].text, 'c\n');
  const idle = writer.idle();
  writes[1].done(null, 0);
  await idle;
  assert.deepEqual(dropped[1], ['log', 1]);
});
