/**
 * Goal: settings are read and written as RFC 9113 6.5 has them, in the order of the frame, and one
 * that is out of its range is said by name. Method: exact bytes; every bound from both sides.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertWrites, frameOf } from '../../../../test/support/frame-hex.ts';
import { Violation } from '../violation.ts';
import {
  encodeSettings,
  encodeSettingsAck,
  loadSettingsAck,
  PeerSettings,
  Setting,
} from './settings.ts';

test('SETTINGS', () => {
  const settings = new PeerSettings(false);
  assert.equal(loadSettings(settings, settingsFrame()), 0);
  assert.deepEqual(fieldsOf(settings), fieldsOf(new PeerSettings(false)));
  const frameBytes = settingsFrame(
    [1, 100],
    [2, 1],
    [3, 7],
    [4, 0x7fffffff],
    [5, 0xffffff],
    [6, 0xffffffff],
    [8, 1],
    [0xa0a, 9],
  );
  assert.equal(loadSettings(settings, frameBytes), 0);
  assert.deepEqual(fieldsOf(settings), {
    headerTableBytes: 100,
    headerTableBytesLeast: 100,
    concurrentStreamsMax: 7,
    windowBytes: 0x7fffffff,
    frameBytesMax: 0xffffff,
    headerListBytesMax: 0xffffffff,
    connectProtocol: true,
  });
  const ours = [
    [Setting.ENABLE_PUSH, 0],
    [Setting.MAX_HEADER_LIST_SIZE, 0xfffffffe],
  ] as const;
  assertWrites('00000c 04 00 00000000 000200000000 0006fffffffe', (out) =>
    encodeSettings(ours, out, 0),
  );
  assert.equal(encodeSettings(ours, Buffer.alloc(20), 0), -1);
});

test('SETTINGS outside of their range', () => {
  const load = (isServer: boolean, ...pairs: readonly Pair[]) =>
    loadSettings(new PeerSettings(isServer), settingsFrame(...pairs));
  assert.equal(load(false, [2, 2]), Violation.SETTINGS_ENABLE_PUSH);
  assert.equal(load(true, [2, 1]), Violation.SETTINGS_SERVER_PUSH);
  assert.equal(load(true, [2, 0]), 0);
  assert.equal(load(false, [4, 0x80000000]), Violation.SETTINGS_WINDOW);
  assert.equal(load(false, [5, 16_383]), Violation.SETTINGS_FRAME_SIZE);
  assert.equal(load(false, [5, 16_384]), 0);
  assert.equal(load(false, [5, 0x1000000]), Violation.SETTINGS_FRAME_SIZE);
  assert.equal(load(false, [8, 2]), Violation.SETTINGS_CONNECT);
  assert.equal(load(false, [8, 0]), 0);
  assert.equal(load(true, [8, 1], [8, 0]), Violation.SETTINGS_CONNECT_WITHDRAWN);
  const settings = new PeerSettings(true);
  assert.equal(loadSettings(settings, '000000 04 00 00000001'), Violation.SETTINGS_STREAM);
  assert.equal(
    loadSettings(settings, '000005 04 00 00000000 0001000000'),
    Violation.SETTINGS_LENGTH,
  );
});

test('of table sizes the smallest on the way counts too', () => {
  const settings = new PeerSettings(false);
  loadSettings(settings, settingsFrame([1, 8192], [1, 0], [1, 2048]));
  assert.equal(settings.headerTableBytesLeast, 0);
  assert.equal(settings.headerTableBytes, 2048);
  loadSettings(settings, settingsFrame([1, 4096]));
  assert.equal(settings.headerTableBytesLeast, 2048);
});

test('SETTINGS with ACK', () => {
  const load = (hex: string) => loadSettingsAck(frameOf(hex).head);
  assert.equal(load('000000 04 01 00000000'), 0);
  assert.equal(load('000006 04 01 00000000 000100000000'), Violation.SETTINGS_ACK_LENGTH);
  assert.equal(load('000000 04 01 00000003'), Violation.SETTINGS_STREAM);
  assertWrites('000000 04 01 00000000', (out) => encodeSettingsAck(out, 0));
  assert.equal(encodeSettingsAck(Buffer.alloc(8), 0), -1);
});

type Pair = readonly [setting: number, value: number];

function fieldsOf(one: object): object {
  return Object.fromEntries(Object.entries(one));
}

function settingsFrame(...pairs: readonly Pair[]): string {
  const out = Buffer.alloc(200);
  return out.toString('hex', 0, encodeSettings(pairs, out, 0));
}

function loadSettings(settings: PeerSettings, hex: string): number {
  const { head, bytes, at } = frameOf(hex);
  return settings.load(head, bytes, at);
}
