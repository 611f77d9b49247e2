/**
 * Class 26: an origin that is the attacker. Whatever it sends, only its own connection dies: its
 * requests fail with an explanation, memory stays flat, and clients of another endpoint on the
 * same proxy are answered meanwhile.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FrameWire } from '../../support/frame-wire.ts';
import { block, type Fields, get, request, response } from '../../support/h2-block.ts';
import { clientPreface, code, frame } from '../../support/h2-frames.ts';
import { dialH2, type H2Peer, type PeerStream } from '../../support/h2-peer.ts';
import { pour, type Siege, startSiege } from '../../support/siege.ts';
import { untilStill } from '../../support/turns.ts';
import { type Origin, startOrigin } from '../../support/wire.ts';

interface Hostility {
  /** Sent on the connection, in answer to the request on stream 1. */
  readonly first?: readonly Buffer[];
  /** Sent again and again. */
  readonly frame: (at: number) => Buffer;
  /** Why its connection has ended, or how its stream alone was reset. */
  readonly end: string;
  /** What the client gets. */
  readonly answer: RegExp;
}

const ok = block(response(200));
const reset = /^:status=502 heddle-error=UPSTREAM_RESET .*ENHANCE_YOUR_CALM/;
const calm = 'ENHANCE_YOUR_CALM: too many frames that lead nowhere';
const cut = /^:status=200 reset: INTERNAL_ERROR$/;
const malformed = /^(:status=103 \S+ )*:status=502 heddle-error=UPSTREAM_MALFORMED /;

const hostilities: Readonly<Record<string, Hostility>> = {
  PUSH_PROMISE: {
    frame: (at) => frame.pushPromise(1, 2 * at + 2, block(get('/pushed'))),
    end: 'PROTOCOL_ERROR: PUSH_PROMISE',
    answer: /^:status=502 heddle-error=UPSTREAM_RESET .*PUSH_PROMISE/,
  },
  'responses on streams of its own': {
    frame: (at) => frame.headers(2 * at + 2, ok, { ends: true }),
    end: 'PROTOCOL_ERROR: ',
    answer: /^:status=502 heddle-error=UPSTREAM_RESET /,
  },
  ALTSVC: {
    frame: () => frame.raw(0xa, 0, 0, Buffer.from('\0\x0bhttp://web:1h2=":1"')),
    end: calm,
    answer: reset,
  },
  ORIGIN: {
    frame: () =>
      frame.raw(0xc, 0, 0, Buffer.concat([Buffer.from([0x3f, 0x00]), Buffer.alloc(0x3f00, 'o')])),
    end: calm,
    answer: reset,
  },
  'informational responses': {
    frame: () => frame.headers(1, block(response(103, [['link', '</a>']]))),
    end: 'RST_STREAM 1 PROTOCOL_ERROR',
    answer: malformed,
  },
  'trailers that end nothing': {
    first: [frame.headers(1, ok)],
    frame: () => frame.headers(1, block([['x-end', '1']])),
    end: 'RST_STREAM 1 PROTOCOL_ERROR',
    answer: cut,
  },
  'heads without a status': {
    frame: () => frame.headers(1, block([['server', 'x']])),
    end: 'RST_STREAM 1 PROTOCOL_ERROR',
    answer: malformed,
  },
  'content before a head': {
    frame: () => frame.data(1, 'HTTP/1.1 200 OK\r\n\r\n'),
    end: 'RST_STREAM 1 PROTOCOL_ERROR',
    answer: malformed,
  },
  'an end before a head': {
    frame: () => frame.data(1, '', { ends: true }),
    end: 'RST_STREAM 1 PROTOCOL_ERROR',
    answer: malformed,
  },
  'content behind the end': {
    first: [frame.headers(1, ok, { ends: true })],
    frame: () => frame.data(1, 'x'),
    end: calm,
    answer: /^:status=200$/,
  },
  'heads behind the end': {
    first: [frame.headers(1, ok, { ends: true })],
    frame: () => frame.headers(1, ok, { ends: true }),
    end: 'STREAM_CLOSED: ',
    answer: /^:status=200$/,
  },
  'PRIORITY of 4 bytes for a stream that is gone': {
    first: [frame.headers(1, ok, { ends: true })],
    frame: () => frame.raw(2, 0, 1, Buffer.alloc(4)),
    end: calm,
    answer: /^:status=200$/,
  },
  RST_STREAM: {
    frame: () => frame.rstStream(1, code.CANCEL),
    end: calm,
    answer: /^:status=502 heddle-error=UPSTREAM_RESET .*CANCEL/,
  },
  'GOAWAY and RST_STREAM': {
    first: [frame.goaway(1, code.NO_ERROR), frame.rstStream(1, code.CANCEL)],
    frame: (at) => (at % 2 === 0 ? frame.goaway(0, code.NO_ERROR) : frame.rstStream(1, 0)),
    end: '',
    answer: /^:status=502 heddle-error=UPSTREAM_RESET .*CANCEL/,
  },
  PING: { frame: () => frame.ping(), end: calm, answer: reset },
  SETTINGS: { frame: (at) => frame.settings({ 4: at % 65_536 }), end: calm, answer: reset },
  'window dribble': { frame: () => frame.windowUpdate(1, 1), end: calm, answer: reset },
  'empty DATA': {
    first: [frame.headers(1, ok)],
    frame: () => frame.data(1, ''),
    end: calm,
    answer: cut,
  },
};

describe('an origin that never reads sends', () => {
  for (const [name, hostility] of Object.entries(hostilities)) {
    test(name, async () => {
      await using siege = await startSiege();
      siege.harness.stopTime();
      await using evil = await startEvil(siege);
      const { client, wire, asked } = evil;
      client.send(asked, '', 'end');
      await wire.read('DATA 1 END_STREAM');
      wire.wire.socket.pause();
      if (hostility.first !== undefined) wire.write(...hostility.first);
      const grown = await siege.endure(async () => {
        await pour(wire, 100, (round) =>
          Array.from({ length: 50 }, (_, index) => hostility.frame(round * 50 + index)),
        );
      });
      await client.ending(asked);
      const parts = [...asked.heads, ...(asked.reset === '' ? [] : [`reset: ${asked.reset}`])];
      assert.match(parts.join(' '), hostility.answer);
      if (hostility.end.startsWith('RST_STREAM')) {
        wire.wire.socket.resume();
        assert.equal(await wire.read('RST_STREAM'), hostility.end);
      } else {
        const broken = rulesBroken(siege);
        assert.ok(hostility.end === '' ? broken === '' : broken.startsWith(hostility.end), broken);
      }
      assert.ok(grown < 8_000_000, `${grown} bytes`);
      assert.deepEqual([evil.origin.connections.length, siege.seen.total], [1, 0]);
    });
  }
});

test('an origin that reads nothing and breaks a rule is not waited for', async () => {
  await using siege = await startSiege();
  await using evil = await startEvil(siege, { 4: 2 ** 31 - 1 });
  const { client, wire, asked } = evil;
  client.send(asked, Buffer.alloc(32 * 1024 * 1024));
  wire.wire.socket.pause();
  wire.write(frame.windowUpdate(0, 2 ** 31 - 1 - 65_535));
  await untilStill('what is sent', () => asked.sentBytes);
  await siege.endure(async () => {
    wire.write(frame.pushPromise(1, 2, ok));
    await client.ending(asked);
  });
  assert.match(asked.heads[0], /^:status=502 heddle-error=UPSTREAM_RESET .*PUSH_PROMISE/);
  const reset = new Promise((resolve) => {
    wire.wire.socket.once('error', resolve);
  });
  wire.write(frame.ping());
  await reset;
});

interface Evil extends AsyncDisposable {
  readonly origin: Origin;
  readonly client: H2Peer;
  /** Begun; it has reached the origin as stream 1. */
  readonly asked: PeerStream;
  /** The origin's end. */
  readonly wire: FrameWire;
}

/** Another endpoint, and a request that has come to it. */
async function startEvil(siege: Siege, settings: Record<number, number> = {}): Promise<Evil> {
  const origin = await startOrigin((wire) => wire.socket.write(frame.settings(settings)));
  siege.harness.setTarget('host:evil', { endpoints: [{ port: origin.port }] });
  const client = await dialH2(siege.harness.outboundPort);
  const asked = client.open(evilPost);
  const wire = new FrameWire(await origin.accept(), clientPreface.length);
  wire.write(frame.settingsAck());
  await wire.read('HEADERS 1');
  return {
    origin,
    client,
    asked,
    wire,
    async [Symbol.asyncDispose]() {
      client.destroy();
      await origin.close();
    },
  };
}

function rulesBroken({ harness }: Siege): string {
  return harness.logs
    .filter(({ message }) => message === 'Endpoint sent what it may not send')
    .map(({ fields }) => fields.what)
    .join('; ');
}

const evilPost: Fields = request('POST', '/').map(([name, value]) => {
  return [name, name === ':authority' ? 'evil' : value];
});
