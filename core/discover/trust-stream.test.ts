/**
 * Goal: a control plane always knows at which anchors and issuer a proxy is, over one stream that
 * comes back by itself. Method: a server of ours on a real socket, and a clock that a test moves.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { TrustResponse } from '../../api/gen/proxy/registry.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { FakeIssuer } from '../../test/support/fake-issuer.ts';
import { GrpcRig } from '../../test/support/grpc-rig.ts';
import { untilTurn } from '../../test/support/turns.ts';
import { trustRetryMs } from '../base/limits.ts';
import { seededRandom } from '../base/random.ts';
import { certify } from './certify-call.ts';
import { ControlChannel } from './control-channel.ts';
import { createCounters } from './counters.ts';
import { TrustStream } from './trust-stream.ts';

const request = {
  workload: '{"ns":"demo"}',
  identity: 'web.demo',
  bundle: 'b1',
  issuer: 'i1',
  leafExpiresMs: 1_800_000_000_000n,
};

/** In steps, so that PINGs are answered. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1_000) {
    clock.advance(Math.min(left, 1_000));
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

function reasonOf(answer: unknown): string {
  assert.equal(typeof answer, 'string');
  return answer as string;
}

async function setUp(rig: GrpcRig, clock: FakeClock, attach = true) {
  const issuer = new FakeIssuer(() => clock.wallMs());
  const { server, port } = await rig.server();
  if (attach) issuer.attach(server);
  const channel = new ControlChannel({
    clock,
    random: seededRandom(1),
    openClient: (at) => rig.client(at.port),
  });
  rig.onDispose(() => channel.close());
  channel.setAddresses([{ host: '127.0.0.1', port }]);
  const heard: TrustResponse[] = [];
  const counters = createCounters();
  const create = (isForGood = false) => {
    const stream = new TrustStream(
      {
        isForGood,
        clock,
        timers: rig.timers,
        random: seededRandom(1),
        channel,
        counters,
        onTrust: (trust) => {
          heard.push(trust);
          return '';
        },
      },
      request,
    );
    rig.onDispose(() => stream.close());
    return stream;
  };
  return { issuer, server, channel, heard, counters, create };
}

it('says where it is, first and after each change, and hears where it should be', async () => {
  const clock = new FakeClock();
  await using rig = new GrpcRig(clock);
  const { issuer, heard, create } = await setUp(rig, clock);
  const stream = create();
  await untilTurn('a first answer', () => heard.length === 1);
  const [trust] = issuer.trusts;
  const { $typeName: _, ...first } = trust.said[0];
  assert.deepEqual(first, request);
  assert.deepEqual(heard[0].trustBundle, [new Uint8Array(issuer.root.der)]);
  stream.say({ ...request, bundle: 'b2' });
  await untilTurn('the second word', () => trust.said.length === 2);
  assert.equal(trust.said[1].bundle, 'b2');
  issuer.tell('i2');
  await untilTurn('the second answer', () => heard.length === 2);
  assert.equal(heard[1].issuer, 'i2');
  assert.equal(stream.view.phase, 'live');
});

it('comes back after a cut with its newest word, and stays without any', async () => {
  const clock = new FakeClock();
  await using rig = new GrpcRig(clock);
  const { issuer, heard, create, channel } = await setUp(rig, clock);
  const stream = create();
  await untilTurn('a first answer', () => heard.length === 1);
  stream.say({ ...request, issuer: 'i2' });
  channel.renew(() => true);
  await untilTurn('the end', () => issuer.trusts.size === 0);
  clock.advance(1_000);
  await untilTurn('another stream', () => heard.length === 2);
  const [trust] = issuer.trusts;
  assert.equal(trust.said[0].issuer, 'i2');
  // We have hung up: that speaks against nobody.
  assert.equal(channel.state, 'usable');
  await pass(clock, 2 * 3_600_000);
  assert.equal(stream.view.phase, 'live');
  assert.equal(heard.length, 2);
});

it('asks a control plane that knows no trust again, but rarely', async () => {
  const clock = new FakeClock();
  await using rig = new GrpcRig(clock);
  const { issuer, server, heard, counters, create } = await setUp(rig, clock, false);
  const stream = create();
  await untilTurn('its end', () => stream.view.phase === 'ended');
  assert.match(stream.view.error ?? '', /UNIMPLEMENTED/);
  await pass(clock, trustRetryMs / 2);
  assert.equal(counters.streamsOpened, 1);
  issuer.attach(server);
  await pass(clock, trustRetryMs);
  await untilTurn('an answer', () => heard.length === 1);
});

it('does not ask again who is no control plane of ours', async () => {
  const clock = new FakeClock();
  await using rig = new GrpcRig(clock);
  const { counters, create } = await setUp(rig, clock, false);
  const stream = create(true);
  await untilTurn('its end', () => stream.view.phase === 'ended');
  await pass(clock, 2 * trustRetryMs);
  assert.equal(counters.streamsOpened, 1);
});

it('a request for a certificate ends in any case', async () => {
  const clock = new FakeClock();
  await using rig = new GrpcRig(clock);
  const { issuer, channel } = await setUp(rig, clock);
  const env = { timers: rig.timers, channel };
  const asked = {
    identity: 'web.demo',
    token: new Uint8Array(),
    certificateSigningRequest: new Uint8Array(),
    heddleLeaf: new Uint8Array(),
  };
  issuer.refuse = 'the token has expired';
  assert.equal(await certify(env, asked), 'FAILED_PRECONDITION: the token has expired');
  issuer.silent = true;
  const silent = certify(env, asked);
  await untilTurn('the request', () => issuer.requests.length === 2);
  await pass(clock, 31_000);
  assert.match(reasonOf(await silent), /127\.0\.0\.1:\d+ does not answer within 30000 ms/);
  const nobody = new ControlChannel({
    clock,
    random: seededRandom(1),
    openClient: () => assert.fail('there is nobody'),
  });
  const lonely = certify({ timers: rig.timers, channel: nobody }, asked);
  clock.advance(31_000);
  assert.equal(await lonely, 'no control plane is found within 30000 ms');
});

it('nothing but a request for a certificate goes to where we have proved nothing', async () => {
  const clock = new FakeClock();
  await using rig = new GrpcRig(clock);
  const { server, port } = await rig.server();
  const issuer = new FakeIssuer(() => clock.wallMs());
  issuer.attach(server);
  let proved = false;
  const channel = new ControlChannel({
    clock,
    random: seededRandom(1),
    openClient: (at) => rig.client(at.port),
    isOpenTo: () => proved,
  });
  rig.onDispose(() => channel.close());
  channel.setAddresses([{ host: '127.0.0.1', port }]);
  const heard: TrustResponse[] = [];
  const stream = new TrustStream(
    {
      clock,
      timers: rig.timers,
      random: seededRandom(1),
      channel,
      counters: createCounters(),
      onTrust: (trust) => {
        heard.push(trust);
        return '';
      },
    },
    request,
  );
  rig.onDispose(() => stream.close());
  issuer.refuse = 'no';
  const asked = {
    identity: '',
    token: new Uint8Array(),
    certificateSigningRequest: new Uint8Array(),
    heddleLeaf: new Uint8Array(),
  };
  assert.match(reasonOf(await certify({ timers: rig.timers, channel }, asked)), /no$/);
  assert.equal(stream.view.phase, 'connecting');
  proved = true;
  channel.renew(() => true);
  await untilTurn('an answer', () => heard.length === 1);
  assert.equal(server.calls, 1);
});
