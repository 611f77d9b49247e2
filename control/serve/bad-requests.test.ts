/**
 * Goal: whatever bytes a client sends as its request, it is answered with a status, and others are
 * not disturbed. Method: seeded noise, and messages with a byte changed, for every method.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { TrafficSpecSchema } from '../../api/gen/control/outbound_pb.ts';
import { JoinRequestSchema } from '../../api/gen/control/registry_pb.ts';
import { type Random, seededRandom } from '../../core/base/random.ts';
import { inlineService, startControlRig } from '../../test/support/control-rig.ts';
import * as methods from './methods.ts';
import { tcpAddress } from './net.ts';

test('noise is answered with a status, and a watch goes on', async (t) => {
  const rig = await startControlRig(t);
  rig.setServices(inlineService('web', [1]));
  rig.settle();
  const watch = rig.client.get('web');
  await watch.untilEndpoints('127.0.0.1:1');
  const channel = new grpc.Client(`127.0.0.1:${rig.port}`, grpc.credentials.createInsecure());
  t.after(() => channel.close());
  const random = seededRandom(5);
  const good = [
    toBinary(
      TrafficSpecSchema,
      create(TrafficSpecSchema, {
        sourceWorkload: '{"ns":"demo"}',
        target: { case: 'authority', value: 'web.default:80' },
      }),
    ),
    toBinary(
      JoinRequestSchema,
      create(JoinRequestSchema, {
        kind: {
          case: 'registration',
          value: { token: rig.token(), address: tcpAddress({ host: '127.0.0.1', port: 1 }) },
        },
      }),
    ),
  ];
  const codes = new Set<string>();
  for (const { path } of Object.values(methods)) {
    for (let round = 0; round < 40; round++) {
      const bytes = round % 2 === 0 ? noise(random) : changed(good[(round % 4) >> 1], random);
      codes.add(await send(channel, path, bytes));
    }
  }
  assert.ok(codes.has('INVALID_ARGUMENT'));
  // No bug of ours, which an exception would be, and nothing that is still under way.
  assert.ok(!codes.has('UNKNOWN') && !codes.has('INTERNAL'), [...codes].join(' '));
  rig.setServices(inlineService('web', [2]));
  await watch.untilEndpoints('127.0.0.1:2');
  assert.equal(watch.ended, null);
});

/** The status it ends with; an answer ends it as well, `OK`. */
function send(channel: grpc.Client, path: string, bytes: Buffer): Promise<string> {
  return new Promise((ended) => {
    const call = channel.makeServerStreamRequest(
      path,
      (one: Buffer) => one,
      (one) => one,
      bytes,
    );
    call.on('data', () => {
      ended('OK');
      call.cancel();
    });
    call.on('error', () => {});
    call.on('status', ({ code }: grpc.StatusObject) => ended(grpc.status[code]));
  });
}

function noise(random: Random): Buffer {
  return Buffer.from(Array.from({ length: random.uint32() % 60 }, () => random.uint32() & 255));
}

function changed(good: Uint8Array, random: Random): Buffer {
  const bytes = Buffer.from(good);
  bytes[random.uint32() % bytes.length] = random.uint32() & 255;
  return bytes;
}
