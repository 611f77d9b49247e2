/**
 * Class 41: whatever a ClientHello looks like, it is for this proxy, for somebody else or for
 * nobody, and goes nowhere else. Method: a table of hellos made of bytes, each sent to the inbound
 * listener, where all that is not for the proxy is the application's as it is, and to the outbound
 * one, where it may ask for one target at the most.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { mesh, serverName, startInboundMesh } from '../../support/inbound-mesh.ts';
import { startHarness, untilQuiet } from '../../support/proxy-harness.ts';
import { dialTls } from '../../support/tls-client.ts';
import { clientHello, fragments, type HelloParts } from '../../support/tls-hello.ts';
import { Tls13Client } from '../../support/tls13-client.ts';
import { untilTurn } from '../../support/turns.ts';
import { dial, type Wire } from '../../support/wire.ts';

/** What becomes of a hello at the inbound listener. */
type Inbound =
  /** The handshake is done, and what is inside goes to the application. */
  | 'terminated'
  /** The handshake is done with the transport protocol, which a client without identity may not. */
  | 'transport'
  /** An alert of OpenSSL's, or the end. */
  | 'refused'
  /** It is the application's, every byte of it. */
  | 'passes';

interface Row extends HelloParts {
  readonly what: string;
  readonly inbound: Inbound;
  /** What the outbound listener asks for: the name of the target, or nothing. */
  readonly outbound: string | null;
  /** As it goes out; in one record by default. */
  readonly encode?: (message: Buffer) => Buffer;
}

const transport = 'transport.l5d.io/v1';
const many = Array.from({ length: 1000 }, (_, at) => `p${at}`);
const sni = Buffer.from(serverName, 'latin1');

/** Two names of the type of names, which RFC 6066 3 forbids. */
const twoNames = Buffer.concat([
  Buffer.from([0, 6 + 2 * sni.length]),
  ...[sni, sni].flatMap((name) => [Buffer.from([0, 0, name.length]), name]),
]);

const named = { serverName, inbound: 'terminated', outbound: serverName } as const;
/** For nobody in particular: at the outbound listener there is nowhere to go. */
const nobody = { inbound: 'passes', outbound: null } as const;

const rows: readonly Row[] = [
  { what: 'for this proxy', ...named },
  { what: 'with 7000 suites', ...named, suites: 7000 },
  { what: 'with 10 000 suites, which is too large', serverName, suites: 10_000, ...nobody },
  { what: 'without a suite', serverName, suites: 0, ...nobody },
  { what: 'without a name', ...nobody },
  { what: 'for somebody else', serverName: 'other.example', ...nobody, outbound: 'other.example' },
  { what: 'with an empty name', serverName: '', ...nobody },
  {
    what: 'with a name of 253 bytes',
    ...nobody,
    serverName: longName(253),
    outbound: longName(253),
  },
  { what: 'with a name of 255 bytes', ...nobody, serverName: longName(255) },
  { what: 'with a name of 5000 bytes', ...nobody, serverName: 'a'.repeat(5000) },
  { what: 'with an address', ...nobody, serverName: '127.0.0.1' },
  { what: 'with an address of IPv6', ...nobody, serverName: '::1' },
  { what: 'with a NUL behind our name', ...nobody, serverName: `${serverName}\0` },
  { what: 'with a NUL and another name', ...nobody, serverName: `${serverName}\0.example` },
  { what: 'with a wildcard', ...nobody, serverName: `*${serverName.slice(3)}` },
  { what: 'with a name of bytes above 127', ...nobody, serverName: `\xc3\xa4${serverName}` },
  { what: 'in upper case', ...named, serverName: serverName.toUpperCase() },
  { what: 'with a trailing dot', ...named, serverName: `${serverName}.` },
  { what: 'with two trailing dots', ...nobody, serverName: `${serverName}..` },
  { what: 'with a space before our name', ...nobody, serverName: ` ${serverName}` },
  { what: 'with two names', ...nobody, extensions: [[0, twoNames]] },
  { what: 'with the name twice', serverName, ...nobody, extensions: [[0, twoNames]] },
  { what: 'with the transport protocol', ...named, inbound: 'transport', alpn: [transport] },
  {
    what: 'with it among others',
    ...named,
    inbound: 'transport',
    alpn: ['h2', 'http/1.1', transport],
  },
  { what: 'with it behind 1000', ...named, inbound: 'transport', alpn: [...many, transport] },
  { what: 'with it twice', ...named, inbound: 'transport', alpn: [transport, transport] },
  { what: 'with 1000 others', ...named, inbound: 'refused', alpn: many },
  { what: 'with a protocol of 255 bytes', ...named, inbound: 'refused', alpn: ['x'.repeat(255)] },
  {
    what: 'with one that begins like it',
    ...named,
    inbound: 'refused',
    alpn: [`${transport}0`, transport.slice(0, -1), transport.toUpperCase()],
  },
  { what: 'with an empty protocol', serverName, ...nobody, alpn: [''] },
  { what: 'with an empty one before it', serverName, ...nobody, alpn: ['', transport] },
  { what: 'in records of 100 bytes', ...named, encode: (message) => fragments(message, 100) },
  {
    what: 'twice in one record',
    ...named,
    inbound: 'refused',
    encode: (message) => fragments(Buffer.concat([message, message]), 16_384),
  },
  {
    what: 'three times in one record, the first for somebody else',
    serverName: 'other.example',
    ...nobody,
    outbound: 'other.example',
    encode: (message) => fragments(Buffer.concat([message, ours(), ours()]), 16_384),
  },
  {
    what: 'for us, and then for somebody else',
    ...named,
    inbound: 'refused',
    encode: (message) =>
      fragments(Buffer.concat([message, clientHello({ serverName: 'other.example' })]), 16_384),
  },
];

function ours(): Buffer {
  return clientHello({ serverName });
}

function longName(size: number): string {
  return 'a.'.repeat(size).slice(-size - 1, -1);
}

let inbound: Awaited<ReturnType<typeof startInboundMesh>>;

before(async () => {
  inbound = await startInboundMesh();
});

after(async () => {
  await inbound.close();
});

describe('to the inbound listener', () => {
  for (const row of rows) {
    test(`a hello ${row.what}: ${row.inbound}`, async () => {
      const { harness, origin } = inbound;
      const known = origin.connections.length;
      const client = new Tls13Client(await dial(harness.inboundPort));
      const hello = encode(row, client.hello(row));
      const { wire } = client;
      wire.socket.write(hello);
      if (row.inbound === 'terminated' || row.inbound === 'transport') {
        await client.finish();
        client.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n');
      }
      if (row.inbound === 'terminated' || row.inbound === 'passes') {
        await origin.until('a connection', () => origin.connections.length > known);
        const app = origin.connections[known];
        if (row.inbound === 'passes') await readWhole(app, hello);
        else assert.match(await app.read('\r\n\r\n'), /^GET \/ HTTP\/1.1\r\n/);
      } else {
        await wire.until('the end', () => wire.ended || wire.closed);
        assert.equal(origin.connections.length, known);
      }
      await bystand();
      wire.destroy();
      for (const one of origin.connections) one.destroy();
      await untilQuiet(harness);
    });
  }
});

/** What comes is what was sent, and it stays so. */
async function readWhole(app: Wire, sent: Buffer): Promise<void> {
  await app.until('all of it', () => app.received.length >= sent.length);
  assert.ok(Buffer.from(app.received, 'latin1').equals(sent));
}

function encode(row: Row, hello: Buffer): Buffer {
  return (row.encode ?? ((message) => fragments(message, 16_384)))(hello);
}

/** Another client of the mesh is served. */
async function bystand(): Promise<void> {
  const identity = mesh.identity(serverName);
  const wire = await dialTls(inbound.harness.inboundPort, { serverName, identity });
  wire.destroy();
}

describe('to the outbound listener', () => {
  for (const row of rows) {
    test(`a hello ${row.what}: ${row.outbound ?? 'nowhere'}`, async () => {
      const harness = await startHarness({});
      const wire = await dial(harness.outboundPort);
      wire.socket.write(encode(row, clientHello(row)));
      if (row.outbound === null) await wire.until('the end', () => wire.ended || wire.closed);
      else await untilTurn('a question', () => harness.wants.length > 0);
      assert.deepEqual(harness.wants, row.outbound === null ? [] : [`sni:${row.outbound}`]);
      wire.destroy();
      await harness.close();
    });
  }
});
