/**
 * Goal: a stream goes through the states of RFC 9113 5.1 and no others. Method: every event in
 * every state.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { maySend, openStream, recvContent, recvEnd, State, sendEnd } from './state.ts';

const { IDLE, OPEN, HALF_LOCAL, HALF_REMOTE, CLOSED } = State;
const states = Object.values(State);

describe('events', () => {
  test('opening: only an idle stream, by either side', () => {
    assert.equal(openStream(IDLE, 'us', false), OPEN);
    assert.equal(openStream(IDLE, 'peer', false), OPEN);
    assert.equal(openStream(IDLE, 'us', true), HALF_LOCAL);
    assert.equal(openStream(IDLE, 'peer', true), HALF_REMOTE);
    for (const state of states.filter((one) => one !== IDLE)) {
      assert.throws(() => openStream(state, 'peer', false), /opened once/);
    }
  });

  test('content and the end from the peer', () => {
    for (const [state, next] of [
      [OPEN, HALF_REMOTE],
      [HALF_LOCAL, CLOSED],
    ] as const) {
      assert.equal(recvContent(state), state);
      assert.equal(recvEnd(state), next);
    }
    for (const state of [IDLE, HALF_REMOTE, CLOSED]) {
      assert.ok(recvContent(state) < 0);
      assert.throws(() => recvEnd(state), /had not ended/);
    }
  });

  test('content and the end from us', () => {
    for (const [state, next] of [
      [OPEN, HALF_LOCAL],
      [HALF_REMOTE, CLOSED],
    ] as const) {
      assert.equal(maySend(state), true);
      assert.equal(sendEnd(state), next);
    }
    for (const state of [IDLE, HALF_LOCAL, CLOSED]) {
      assert.equal(maySend(state), false);
      assert.throws(() => sendEnd(state), /ended once/);
    }
  });
});

test('both ends, in either order, close a stream', () => {
  for (const [by, ends] of [
    ['us', false],
    ['us', true],
    ['peer', false],
    ['peer', true],
  ] as const) {
    for (const order of ['us first', 'peer first']) {
      let state = openStream(IDLE, by, ends);
      if (order === 'us first' && maySend(state)) state = sendEnd(state);
      if (recvContent(state) >= 0) state = recvEnd(state);
      if (maySend(state)) state = sendEnd(state);
      assert.equal(state, CLOSED, `${by} ${ends} ${order}`);
    }
  }
});
