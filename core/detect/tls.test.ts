/**
 * Goal: every ClientHello is read whatever its records look like, and nothing else is taken for
 * one. Method: hellos built byte by byte, hellos of real clients, every split and every cut.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { detectBytesMax } from '../base/limits.ts';
import { type ClientHello, parseClientHello } from './tls.ts';

interface Parts {
  readonly sessionBytes?: number;
  readonly ciphers?: Buffer;
  readonly compressions?: Buffer;
  readonly extensions?: readonly Buffer[] | null;
}

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255]);
}

function extension(type: number, body: Buffer): Buffer {
  return Buffer.concat([u16(type), u16(body.length), body]);
}

function serverNames(...names: readonly string[]): Buffer {
  const list = names.map((name) => {
    const bytes = Buffer.from(name, 'latin1');
    return Buffer.concat([Buffer.from([0]), u16(bytes.length), bytes]);
  });
  const joined = Buffer.concat(list);
  return extension(0, Buffer.concat([u16(joined.length), joined]));
}

function alpn(...protocols: readonly string[]): Buffer {
  const list = protocols.map((name) => Buffer.from(`${String.fromCharCode(name.length)}${name}`));
  const joined = Buffer.concat(list);
  return extension(16, Buffer.concat([u16(joined.length), joined]));
}

function message(parts: Parts = {}): Buffer {
  const ciphers = parts.ciphers ?? Buffer.from([0x13, 0x01]);
  const compressions = parts.compressions ?? Buffer.from([0]);
  const extensions = parts.extensions === undefined ? [serverNames('web')] : parts.extensions;
  const joined = Buffer.concat(extensions ?? []);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([parts.sessionBytes ?? 0]),
    Buffer.alloc(parts.sessionBytes ?? 0, 9),
    u16(ciphers.length),
    ciphers,
    Buffer.from([compressions.length]),
    compressions,
    extensions === null ? Buffer.alloc(0) : Buffer.concat([u16(joined.length), joined]),
  ]);
  return Buffer.concat([Buffer.from([1, 0]), u16(body.length), body]);
}

function records(handshake: Buffer, size: number): Buffer {
  const out: Buffer[] = [];
  for (let at = 0; at < handshake.length; at += size) {
    const part = handshake.subarray(at, at + size);
    out.push(Buffer.from([0x16, 3, 1]), u16(part.length), part);
  }
  return Buffer.concat(out);
}

function parse(bytes: Buffer): [string, ClientHello] {
  const hello: ClientHello = { sni: 'stale', alpn: ['stale'], problem: 'RECORD' };
  const padded = Buffer.concat([Buffer.from('xx'), bytes, Buffer.from('yy')]);
  return [parseClientHello(padded, 2, 2 + bytes.length, hello), hello];
}

test('reads the name and the protocols', () => {
  const bytes = records(
    message({ sessionBytes: 32, extensions: [alpn('h2', 'http/1.1'), serverNames('Web.Mesh.')] }),
    16_384,
  );
  assert.deepEqual(parse(bytes), [
    'CLIENT_HELLO',
    { sni: 'web.mesh', alpn: ['h2', 'http/1.1'], problem: null },
  ]);
});

test('needs neither extensions nor a name', () => {
  const none = { sni: null, alpn: [], problem: null };
  assert.deepEqual(parse(records(message({ extensions: null }), 99)), ['CLIENT_HELLO', none]);
  assert.deepEqual(parse(records(message({ extensions: [] }), 99)), ['CLIENT_HELLO', none]);
});

test('is indifferent to how records and reads split it', () => {
  const handshake = message({ extensions: [serverNames('users'), alpn('h2')] });
  for (const size of [1, 2, 3, 4, 5, 7, 40, 41, handshake.length]) {
    const bytes = records(handshake, size);
    for (let cut = 0; cut < bytes.length; cut++) {
      assert.equal(parse(bytes.subarray(0, cut))[0], 'NEED_MORE', `size ${size} cut ${cut}`);
    }
    const [verdict, hello] = parse(bytes);
    assert.equal(verdict, 'CLIENT_HELLO');
    assert.deepEqual(hello, { sni: 'users', alpn: ['h2'], problem: null });
  }
});

test('a hello in one-byte records may fill the budget and not exceed it', () => {
  const fits = Math.floor(detectBytesMax / 6);
  const shell = message({ extensions: [serverNames('web'), extension(21, Buffer.alloc(0))] });
  const padded = (length: number): Buffer =>
    message({
      extensions: [serverNames('web'), extension(21, Buffer.alloc(length - shell.length))],
    });
  assert.equal(parse(records(padded(fits), 1))[0], 'CLIENT_HELLO');
  const [verdict, hello] = parse(records(padded(fits + 1), 1));
  assert.deepEqual([verdict, hello.problem], ['MALFORMED', 'TOO_LARGE']);
});

test('first bytes that cannot begin a hello are not TLS', () => {
  const good = records(message(), 99);
  for (const [at, value] of [
    [0, 0x17],
    [1, 2],
    [2, 5],
    [5, 2],
  ]) {
    const bytes = Buffer.from(good);
    bytes[at] = value;
    assert.equal(parse(bytes)[0], 'NOT_TLS');
    assert.equal(parse(bytes.subarray(0, at + 1))[0], 'NOT_TLS', 'as soon as it is certain');
  }
  assert.equal(parse(Buffer.from([0x16, 3, 1, 0, 0]))[0], 'NOT_TLS', 'an empty record');
  assert.equal(parse(Buffer.from([0x16, 3, 1, 0x40, 1]))[0], 'NOT_TLS', 'a record above 2^14');
});

test('names what is wrong further on', () => {
  const twoRecords = records(message(), 50);
  const patched = (at: number, value: number): Buffer => {
    const bytes = Buffer.from(twoRecords);
    bytes[at] = value;
    return bytes;
  };
  const hello = (parts: Parts): Buffer => records(message(parts), 16_384);
  const rows: [string, Buffer][] = [
    ['RECORD', patched(55, 0x15)],
    ['RECORD', patched(59, 0)],
    ['HELLO', Buffer.from([0x16, 3, 1, 0, 4, 1, 0, 0, 40])],
    ['TOO_LARGE', Buffer.from([0x16, 3, 1, 0, 4, 1, 1, 0, 0])],
    ['HELLO', hello({ sessionBytes: 33 })],
    ['HELLO', hello({ ciphers: Buffer.from([0x13, 1, 0x13]) })],
    ['HELLO', hello({ ciphers: Buffer.alloc(0), sessionBytes: 9 })],
    ['HELLO', hello({ compressions: Buffer.alloc(0) })],
    ['HELLO', hello({ extensions: [Buffer.from([0, 9, 0, 200])] })],
    ['HELLO', hello({ extensions: [Buffer.from([0, 9, 0])] })],
    ['EXTENSION', hello({ extensions: [serverNames('a'), serverNames('b')] })],
    ['EXTENSION', hello({ extensions: [serverNames('a', 'b')] })],
    ['EXTENSION', hello({ extensions: [extension(0, Buffer.from([0, 9, 0]))] })],
    ['EXTENSION', hello({ extensions: [extension(0, Buffer.from([0, 3, 0, 0, 9]))] })],
    ['EXTENSION', hello({ extensions: [alpn('h2'), alpn('h2')] })],
    ['EXTENSION', hello({ extensions: [extension(16, Buffer.from([0, 1, 0]))] })],
    ['EXTENSION', hello({ extensions: [extension(16, Buffer.from([0, 2, 9, 1]))] })],
  ];
  for (const [problem, bytes] of rows) {
    const result = parse(bytes);
    assert.deepEqual(result, ['MALFORMED', { sni: null, alpn: [], problem }], problem);
  }
});

test('a server name is a DNS name or is not given', () => {
  const name = (text: string): ClientHello =>
    parse(records(message({ extensions: [serverNames(text)] }), 16_384))[1];
  for (const good of ['a', 'a-b.c', 'my_service', '1.2.3.a', 'a'.repeat(63), 'xn--bcher-kva.x']) {
    assert.equal(name(good).sni, good);
  }
  const long = `${'a'.repeat(62)}.`.repeat(4);
  assert.equal(name(`${long}ab`).sni, null, '254 bytes');
  const bad = ['', '.', 'a..b', '-a', 'a-', 'a.-b', 'a\0b', 'a\x0eb', 'a b', 'a/b', '1.2.3.4'];
  for (const text of [...bad, '::1', 'caf\xe9', 'a'.repeat(64), 'a:80', 'a..']) {
    assert.deepEqual(name(text), { sni: null, alpn: [], problem: 'SERVER_NAME' }, text);
  }
});

test('keeps a bounded number of protocols', () => {
  const many = Array.from({ length: 40 }, (_, index) => `p${index}`);
  const [, hello] = parse(records(message({ extensions: [alpn(...many)] }), 16_384));
  assert.equal(hello.alpn.length, 16);
});

test('a cut or a changed byte never throws', () => {
  const good = records(message({ sessionBytes: 32, extensions: [serverNames('web')] }), 60);
  for (let at = 0; at < good.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const bytes = Buffer.from(good);
      bytes[at] = value;
      parse(bytes);
    }
  }
});

/** What a client sends first to a server that only listens. */
async function firstFlight(start: (port: number) => () => void): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const stop = start(port);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const chunks: Buffer[] = [];
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    if (parse(Buffer.concat(chunks))[0] !== 'NEED_MORE') break;
  }
  stop();
  socket.destroy();
  server.close();
  await once(server, 'close');
  return Buffer.concat(chunks);
}

test('reads what node:tls sends', async () => {
  const bytes = await firstFlight((port) => {
    const client = connectTls({
      host: '127.0.0.1',
      port,
      servername: 'users.default.svc',
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    client.on('error', () => undefined);
    return () => client.destroy();
  });
  assert.deepEqual(parse(bytes), [
    'CLIENT_HELLO',
    { sni: 'users.default.svc', alpn: ['h2', 'http/1.1'], problem: null },
  ]);
});

test('reads what openssl s_client sends', async (context) => {
  const probe = spawn('openssl', ['version'], { stdio: 'ignore' });
  const present = await new Promise<boolean>((resolve) => {
    probe.on('error', () => resolve(false));
    probe.on('exit', (code) => resolve(code === 0));
  });
  if (!present) return context.skip('openssl is not installed');
  for (const version of ['-tls1_2', '-tls1_3']) {
    const bytes = await firstFlight((port) => {
      const target = ['-connect', `127.0.0.1:${port}`, '-servername', 'Web.Mesh', '-alpn', 'h2'];
      const client = spawn('openssl', ['s_client', version, ...target], { stdio: 'ignore' });
      return () => client.kill('SIGKILL');
    });
    const expected = { sni: 'web.mesh', alpn: ['h2'], problem: null };
    assert.deepEqual(parse(bytes), ['CLIENT_HELLO', expected], version);
  }
});
