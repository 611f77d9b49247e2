/**
 * What h2spec does to servers, done to our client side: an origin that is driven frame by frame
 * answers a request of the proxy, or does what RFC 9113 forbids; expected is what it is told, what
 * the caller gets, and whether the connection goes on.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameWire } from '../../support/frame-wire.ts';
import { type Fields, get } from '../../support/h2-block.ts';
import { clientPreface, frame } from '../../support/h2-frames.ts';
import { dialH2, type H2Peer } from '../../support/h2-peer.ts';
import { startHarness } from '../../support/proxy-harness.ts';
import { type Origin, startOrigin } from '../../support/wire.ts';

interface ClientCase {
  /** Where RFC 9113, or the one that is named, has the rule. */
  readonly section: string;
  readonly what: string;
  readonly request?: Fields;
  /** Content of the request; without it the head ends the stream. */
  readonly body?: Buffer | string;
  /** Sent before SETTINGS; the case is about the beginning of the connection. */
  readonly before?: readonly Buffer[];
  /** The origin's SETTINGS. */
  readonly settings?: Readonly<Record<number, number>>;
  /** Sent when the request has come, on stream 1. */
  readonly frames: readonly Buffer[];
  /** The beginning of a frame that the origin is sent; '' for none of GOAWAY and RST_STREAM. */
  readonly told: string;
  /** The beginning of the final head that the caller gets; for 200 also how it ends. */
  readonly answer: string;
  /** Ends with its streams. */
  readonly ended?: boolean;
}

export const broken = ':status=502 heddle-error=UPSTREAM_RESET ';
export const malformed = ':status=502 heddle-error=UPSTREAM_MALFORMED ';
export const tooLarge = ':status=502 heddle-error=UPSTREAM_HEAD_TOO_LARGE ';

export function testCases(cases: readonly ClientCase[]): void {
  for (const one of cases) test(`${one.section}: ${one.what}`, () => run(one));
}

async function run(one: ClientCase): Promise<void> {
  const origin = await startOrigin();
  const harness = await startHarness({ 'host:web': { endpoints: [{ port: origin.port }] } });
  const client = await dialH2(harness.outboundPort);
  try {
    const server = await exchange(one, origin, client);
    await continues(one, origin, harness.outboundPort, server);
  } finally {
    client.destroy();
    await harness.close();
    await origin.close();
  }
}

async function exchange(one: ClientCase, origin: Origin, client: H2Peer): Promise<FrameWire> {
  const asked = client.request(one.request ?? get(), one.body);
  const server = new FrameWire(await origin.accept(), clientPreface.length);
  server.write(...(one.before ?? []), frame.settings(one.settings ?? {}), frame.settingsAck());
  if (one.before === undefined) await server.read('HEADERS 1');
  if (one.frames.length > 0) server.write(...one.frames);
  await client.ending(asked);
  const reset = asked.reset === '' || asked.reset === 'NO_ERROR' ? '' : ` reset ${asked.reset}`;
  const content = asked.head?.startsWith(':status=200') === true ? ` ${asked.content}` : '';
  const answer = `${asked.head ?? ''}${content}${reset}`;
  assert.ok(answer.startsWith(one.answer), `${answer} is not ${one.answer}`);
  if (one.told === '') {
    server.write(frame.ping('all read'));
    await server.read('PING ACK: all read');
    const said = server.unread.filter((line) => /^(GOAWAY|RST_STREAM)/.test(line));
    assert.deepEqual(said, []);
  } else {
    await server.read(one.told);
  }
  return server;
}

/** Another request comes on the same connection, or on a new one. */
async function continues(
  one: ClientCase,
  origin: Origin,
  port: number,
  server: FrameWire,
): Promise<void> {
  const other = await dialH2(port);
  other.request(get('/again'));
  if (one.ended === true) {
    await server.wire.until('the end', () => server.isOver);
    const next = new FrameWire(await origin.accept(), clientPreface.length);
    await next.read('HEADERS 1');
  } else {
    await server.read('HEADERS 3');
    assert.equal(server.wire.ended, false);
  }
  other.destroy();
}
