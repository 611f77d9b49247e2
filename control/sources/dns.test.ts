/**
 * Goal: names become endpoints, their TTLs are kept, and no failure of a server takes endpoints
 * away that were good. Method: a real DNS server on the loopback, real hosts and resolver files,
 * and a clock that is moved by hand once the server's answers are in.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ResolvedEndpoint } from '../../api/discovery.ts';
import { seededRandom } from '../../core/base/random.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { type DnsRecord, startDnsServer } from '../../test/support/dns-server.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import type { SourceConfig } from '../model/source.ts';
import type { TtlBounds } from './follow-name.ts';
import { createSourceOpener } from './open-source.ts';

type Event = { readonly endpoints: string[]; readonly weights: number[] } | { error: string };

async function setUp(
  t: TestContext,
  files: { readonly hosts?: string; readonly resolvConf?: string } = {},
  ttl: TtlBounds = { minMs: 0, maxMs: 0 },
) {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-dns-'));
  const paths = { hosts: join(folder, 'hosts'), resolvConf: join(folder, 'resolv.conf') };
  writeFileSync(paths.hosts, files.hosts ?? '# nobody\n');
  writeFileSync(paths.resolvConf, files.resolvConf ?? 'nameserver 127.0.0.1\n');
  const server = await startDnsServer();
  const clock = new FakeClock();
  const timers = new TimerWheel(clock, clock.wakeSource);
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (text: string) => void warnings.push(text) };
  const opener = createSourceOpener({
    clock,
    timers,
    random: seededRandom(1),
    log,
    resolver: { paths, port: server.port, ttl },
  });
  const closers: (() => void)[] = [];
  t.after(async () => {
    for (const close of closers) close();
    opener.close();
    timers.close();
    await server.close();
    rmSync(folder, { recursive: true });
    assert.equal(timers.armedCount, 0, 'nothing is left armed');
  });

  function open(config: SourceConfig) {
    const events: Event[] = [];
    const waiters: (() => void)[] = [];
    const add = (event: Event): void => {
      events.push(event);
      for (const waiter of waiters.splice(0)) waiter();
    };
    const source = opener.open(config, {
      onEndpoints: (endpoints) => add(summarize(endpoints)),
      onError: (error) => add({ error }),
    });
    closers.push(() => source.close());
    let taken = 0;
    /** The next event that the source tells. */
    return async (): Promise<Event> => {
      while (events.length === taken) await new Promise<void>((wake) => waiters.push(wake));
      taken += 1;
      return events[taken - 1];
    };
  }
  return { server, clock, warnings, open, paths };
}

function summarize(endpoints: readonly ResolvedEndpoint[]): Event {
  return {
    endpoints: endpoints.map(({ host, port }) => `${host} ${port}`),
    weights: endpoints.map(({ weight }) => weight),
  };
}

function ports(event: Event): string[] {
  assert.ok('endpoints' in event, JSON.stringify(event));
  return event.endpoints;
}

function reason(event: Event): string {
  assert.ok('error' in event, JSON.stringify(event));
  return event.error;
}

const a = (name: string, data: string, ttl = 60): DnsRecord => ({ type: 'A', name, ttl, data });
const srv = (priority: number, weight: number, target: string, port = 80): DnsRecord => ({
  type: 'SRV',
  name: '_web._tcp.internal',
  ttl: 60,
  data: { priority, weight, port, target },
});
const users: SourceConfig = { kind: 'dns', name: 'users.internal', port: 8080 };
const web: SourceConfig = { kind: 'srv', name: '_web._tcp.internal' };

test('A and AAAA records are followed as long as their TTL says', async (t) => {
  const { server, clock, open } = await setUp(t);
  server.script.set('A users.internal', {
    answers: [a('users.internal', '10.0.0.2', 30), a('users.internal', '10.0.0.1', 20)],
  });
  server.script.set('AAAA users.internal', {
    answers: [{ type: 'AAAA', name: 'users.internal', ttl: 60, data: '2001:db8::1' }],
  });
  const next = open(users);
  assert.deepEqual(ports(await next()), ['10.0.0.1 8080', '10.0.0.2 8080', '2001:db8::1 8080']);
  server.script.set('A users.internal', { answers: [a('users.internal', '10.0.0.3', 0)] });
  clock.advance(19_000);
  assert.equal(server.asked.length, 2);
  clock.advance(1_100);
  assert.deepEqual(ports(await next()), ['10.0.0.3 8080', '2001:db8::1 8080']);
  // A TTL of 0 counts as a second.
  clock.advance(900);
  assert.equal(server.asked.length, 4);
  clock.advance(200);
  await next();
  assert.equal(server.asked.length, 6);
});

test('bounds of our own outweigh the TTL and the usual ones', async (t) => {
  const { server, clock, open } = await setUp(t, {}, { minMs: 30_000, maxMs: 90_000 });
  server.script.set('A users.internal', { answers: [a('users.internal', '10.0.0.1', 1)] });
  const next = open(users);
  await next();
  server.script.set('A users.internal', { answers: [a('users.internal', '10.0.0.2', 3_000)] });
  clock.advance(29_900);
  assert.equal(server.asked.length, 2);
  clock.advance(200);
  await next();
  assert.equal(server.asked.length, 4);
  clock.advance(89_900);
  assert.equal(server.asked.length, 4);
  clock.advance(200);
  await next();
  assert.equal(server.asked.length, 6);
});

test('failures are retried and take nothing away', async (t) => {
  const { server, clock, open } = await setUp(t);
  server.script.set('A users.internal', { answers: [a('users.internal', '10.0.0.1', 10)] });
  server.script.set('AAAA users.internal', { rcode: 'SERVFAIL' });
  const next = open(users);
  assert.deepEqual(ports(await next()), ['10.0.0.1 8080'], 'one family is enough');
  server.script.set('A users.internal', { rcode: 'SERVFAIL' });
  clock.advance(11_000);
  assert.match(reason(await next()), /users\.internal: the server answered SERVFAIL \(127/);
  server.script.set('A users.internal', {});
  server.script.set('AAAA users.internal', {});
  clock.advance(30_100);
  assert.match(reason(await next()), /it has no addresses/);
  server.script.set('A users.internal', { answers: [a('users.internal', '10.0.0.4')] });
  clock.advance(30_100);
  assert.deepEqual(ports(await next()), ['10.0.0.4 8080']);
});

test('a name that ceases to exist keeps its endpoints for 30 s', async (t) => {
  const { server, clock, open } = await setUp(t);
  server.script.set('A users.internal', { answers: [a('users.internal', '10.0.0.1', 10)] });
  const next = open(users);
  assert.deepEqual(ports(await next()), ['10.0.0.1 8080']);
  server.script.delete('A users.internal');
  clock.advance(11_000);
  assert.match(reason(await next()), /NXDOMAIN/);
  for (let event = await advanceTo(); ; event = await advanceTo()) {
    if ('error' in event) continue;
    assert.deepEqual(event.endpoints, []);
    break;
  }
  async function advanceTo(): Promise<Event> {
    clock.advance(15_000);
    return next();
  }
  const unknown = open({ ...users, name: 'never.internal' });
  assert.deepEqual(ports(await unknown()), [], 'nothing good is known that could be kept');
});

test('a server that stays silent costs bounded time; the next one is asked', async (t) => {
  const { server, clock, open } = await setUp(t, {
    resolvConf: 'nameserver 127.0.0.1\noptions timeout:1 attempts:2\n',
  });
  server.script.set('A users.internal', { trouble: 'silent' });
  server.script.set('AAAA users.internal', {});
  const next = open(users);
  await server.waitFor('udp A users.internal', 1);
  clock.advance(1_100);
  await server.waitFor('udp A users.internal', 2);
  clock.advance(1_100);
  assert.match(reason(await next()), /no answer within 1000 ms \(127\.0\.0\.1\)/);
});

for (const trouble of ['wrong-id', 'wrong-question', 'garbage', 'no-edns'] as const) {
  test(`is not deceived by ${trouble}`, async (t) => {
    const { server, open } = await setUp(t);
    server.script.set('A users.internal', {
      trouble,
      answers: [a('users.internal', '10.0.0.1')],
    });
    server.script.set('AAAA users.internal', { trouble });
    assert.deepEqual(ports(await open(users)()), ['10.0.0.1 8080']);
  });
}

test('records of other names do not count, aliases do', async (t) => {
  const { server, open } = await setUp(t);
  server.script.set('A users.internal', {
    answers: [
      { type: 'CNAME', name: 'users.internal', ttl: 60, data: 'real.internal' },
      a('real.internal', '10.0.0.1'),
      a('evil.internal', '10.6.6.6'),
    ],
  });
  server.script.set('AAAA users.internal', {});
  assert.deepEqual(ports(await open(users)()), ['10.0.0.1 8080']);
});

test('2000 records come over TCP and are cut to 1000, which is said', async (t) => {
  const { server, warnings, open } = await setUp(t);
  const answers = Array.from({ length: 2_000 }, (_, index) =>
    a('users.internal', `10.0.${index >> 8}.${index & 255}`),
  );
  server.script.set('A users.internal', { answers });
  server.script.set('AAAA users.internal', {});
  assert.equal(ports(await open(users)()).length, 1_000);
  assert.ok(server.asked.includes('tcp A users.internal'));
  assert.deepEqual(warnings, ['only the first 1000 records are used']);
});

test('SRV: the lowest priority that has addresses, with weights', async (t) => {
  const { server, clock, open } = await setUp(t);
  const additionals = [a('a.internal', '10.0.0.1', 5), a('b.internal', '10.0.0.2')];
  server.script.set('SRV _web._tcp.internal', {
    answers: [
      srv(10, 3, 'a.internal', 81),
      srv(10, 0, 'b.internal', 82),
      srv(20, 1, 'spare.internal'),
    ],
    additionals,
  });
  const next = open(web);
  assert.deepEqual(await next(), {
    endpoints: ['10.0.0.1 81', '10.0.0.2 82'],
    weights: [3, 0.1],
  });
  assert.deepEqual(server.asked, ['udp SRV _web._tcp.internal'], 'additional records suffice');
  // The first group has lost its addresses: the next one serves.
  server.script.set('SRV _web._tcp.internal', {
    answers: [srv(10, 3, 'gone.internal'), srv(20, 0, 'spare.internal')],
  });
  server.script.set('A spare.internal', {
    answers: [a('spare.internal', '10.0.1.1', 2), a('spare.internal', '10.0.1.2', 2)],
  });
  server.script.set('AAAA spare.internal', {});
  clock.advance(61_000);
  const spare = ['10.0.1.1 80', '10.0.1.2 80'];
  assert.deepEqual(await next(), { endpoints: spare, weights: [0.5, 0.5] });
  // A target that cannot be looked up keeps its addresses.
  server.script.set('A spare.internal', { rcode: 'SERVFAIL' });
  server.script.set('AAAA spare.internal', { rcode: 'SERVFAIL' });
  clock.advance(2_100);
  assert.deepEqual(ports(await next()), spare);
  server.script.set('SRV _web._tcp.internal', { answers: [srv(0, 0, '.')] });
  clock.advance(5_100);
  assert.match(reason(await next()), /NXDOMAIN/);
});

test('a server to which there is no way is a failure, not an exception', async (t) => {
  const { open } = await setUp(t, { resolvConf: 'nameserver 255.255.255.255\n' });
  const next = open(users);
  assert.match(reason(await next()), /users\.internal: .*E(?:ACCES|NETUNREACH)/);
});

test('the hosts file speaks first and its changes are seen', async (t) => {
  const { server, clock, open, paths } = await setUp(t, {
    hosts: '10.9.9.9 Users.Internal users # ours\n::9 users.internal\n',
  });
  const next = open(users);
  assert.deepEqual(ports(await next()), ['10.9.9.9 8080', '::9 8080']);
  server.script.set('A users.internal', { answers: [a('users.internal', '10.0.0.1')] });
  writeFileSync(paths.hosts, '10.9.9.8 users.internal\n');
  clock.advance(2_100);
  assert.deepEqual(ports(await next()), ['10.9.9.8 8080']);
  assert.deepEqual(server.asked, []);
  assert.deepEqual(ports(await open({ ...users, name: 'localhost' })()), [
    '127.0.0.1 8080',
    '::1 8080',
  ]);
});

test('short names are tried with the search domains', async (t) => {
  const { server, open } = await setUp(t, {
    resolvConf: 'search one.internal two.internal\nnameserver 127.0.0.1\noptions ndots:2\n',
  });
  server.script.set('A users.two.internal', { answers: [a('users.two.internal', '10.0.0.1')] });
  server.script.set('AAAA users.two.internal', {});
  assert.deepEqual(ports(await open({ ...users, name: 'users' })()), ['10.0.0.1 8080']);
  assert.ok(server.asked.includes('udp A users.one.internal'));
  assert.ok(!server.asked.includes('udp A users'));
});

test('a port where nobody listens is a failure, not a crash', async (t) => {
  const { server, open } = await setUp(t);
  await server.close();
  assert.match(reason(await open(users)()), /ECONNREFUSED/);
});
