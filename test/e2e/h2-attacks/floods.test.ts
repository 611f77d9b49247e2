/**
 * Class 20: frames that cost their sender next to nothing, in any number, from a peer that never
 * reads (CVE-2019-9511 to 9518). The connection ends with ENHANCE_YOUR_CALM after so many frames
 * as limits.ts says, nothing of it reaches the origin, and memory stays flat.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  h2ControlFramesMax,
  h2EmptyFramesMax,
  h2WindowUpdatesMax,
} from '../../../core/base/limits.ts';
import type { FrameWire } from '../../support/frame-wire.ts';
import { block, get, post } from '../../support/h2-block.ts';
import { code, frame } from '../../support/h2-frames.ts';
import { pour, type Siege, startSiege } from '../../support/siege.ts';
import { untilTurn } from '../../support/turns.ts';

interface Flood {
  /** What is sent once, before. */
  readonly first?: readonly Buffer[];
  readonly frame: (at: number) => Buffer;
  /** Frames after which the connection ends at the latest. */
  readonly max: number;
  /** Requests that reach the origin. */
  readonly requests?: number;
  /** Frames that are poured in beyond that. */
  readonly more?: number;
}

const openStream = frame.headers(1, block(post('/attack')));
const manySettings = frame.raw(
  4,
  0,
  0,
  Buffer.alloc(2_700 * 6, Buffer.from([0, 0xff, 0, 0, 0, 0])),
);
const endedStream = frame.headers(1, block(get('/attack')), { ends: true });

const floods: Readonly<Record<string, Flood>> = {
  PING: { frame: () => frame.ping(), max: h2ControlFramesMax },
  'answers to PING that nobody sent': {
    frame: () => frame.ping('x'.repeat(8), true),
    max: h2ControlFramesMax,
  },
  SETTINGS: { frame: () => frame.settings(), max: h2ControlFramesMax },
  'SETTINGS that change every window': {
    first: [openStream],
    frame: (at) => frame.settings({ 4: at % 2 === 0 ? 0 : 2 ** 31 - 1 }),
    max: h2ControlFramesMax,
    requests: 1,
  },
  'SETTINGS with 2700 entries': {
    frame: () => manySettings,
    max: h2ControlFramesMax,
    more: 500,
  },
  'acknowledgements of SETTINGS': { frame: () => frame.settingsAck(), max: h2ControlFramesMax },
  'PRIORITY, as trees that loop': {
    frame: (at) => frame.priority(2 * (at % 50) + 1, 2 * ((at + 1) % 50) + 1),
    max: h2ControlFramesMax,
  },
  'unknown frames': { frame: () => frame.raw(0x77, 0xff, 1, 'x'), max: h2ControlFramesMax },
  'large unknown frames': {
    frame: () => frame.raw(0x77, 0, 0, Buffer.alloc(16_384)),
    max: h2ControlFramesMax,
    more: 500,
  },
  GOAWAY: { frame: () => frame.goaway(0, code.NO_ERROR, 'bye'), max: h2ControlFramesMax },
  'RST_STREAM for one that is gone': {
    first: [endedStream, frame.rstStream(1, code.CANCEL)],
    frame: () => frame.rstStream(1, code.CANCEL),
    max: h2ControlFramesMax + 1,
  },
  'empty DATA': {
    first: [openStream],
    frame: () => frame.data(1, ''),
    max: h2EmptyFramesMax,
    requests: 1,
  },
  'DATA of padding alone': {
    first: [openStream],
    frame: (at) => frame.data(1, '', { padding: at % 256 }),
    max: h2EmptyFramesMax,
    requests: 1,
  },
  'empty DATA for a stream that was reset': {
    first: [openStream, frame.data(1, 'x', { ends: true }), frame.data(1, 'behind its end')],
    frame: () => frame.data(1, ''),
    max: h2EmptyFramesMax,
  },
  'window dribble': {
    first: [endedStream],
    frame: () => frame.windowUpdate(1, 1),
    max: h2WindowUpdatesMax,
    requests: 1,
  },
  'window dribble of the connection': {
    frame: () => frame.windowUpdate(0, 1),
    max: h2WindowUpdatesMax,
  },
  'window updates of one that is gone': {
    first: [endedStream, frame.rstStream(1, code.CANCEL)],
    frame: () => frame.windowUpdate(1, 1),
    max: h2WindowUpdatesMax,
  },
};

describe('a peer that never reads floods with', () => {
  for (const [name, flood] of Object.entries(floods)) {
    test(name, async () => {
      await using siege = await startSiege();
      siege.harness.stopTime();
      const wire = await siege.connect();
      wire.wire.socket.pause();
      if (flood.first !== undefined) wire.write(...flood.first);
      const batch = Array.from({ length: flood.max - 5 }, (_, at) => flood.frame(at));
      wire.write(...batch);
      await untilAllRead(siege, wire);
      assert.deepEqual(rulesBroken(siege), [], 'within the budget');
      const grown = await siege.endure(async () => {
        const { more = 10_000 } = flood;
        await pour(wire, more / 20, (round) =>
          Array.from({ length: 20 }, (_, index) => flood.frame(round * 20 + index)),
        );
      });
      assert.deepEqual(rulesBroken(siege), [
        'ENHANCE_YOUR_CALM: too many frames that lead nowhere',
      ]);
      wire.wire.socket.resume();
      assert.match(await wire.readGoaway(), /^GOAWAY \d+ ENHANCE_YOUR_CALM: /);
      assert.equal(siege.seen.total, flood.requests ?? 0);
      assert.ok(grown < 8_000_000, `${grown} bytes`);
    });
  }
});

/** Before anybody else has a connection. */
function untilAllRead({ harness }: Siege, { wire }: FrameWire): Promise<void> {
  const read = (): number => harness.metric('tcp_read_bytes_total', { peer: 'src' });
  return untilTurn('all to be read', () => read() === wire.socket.bytesWritten);
}

function rulesBroken({ harness }: Siege): unknown[] {
  return harness.logs
    .filter(({ message }) => message === 'HTTP/2 client broke a rule')
    .map(({ fields }) => fields.text);
}
