/**
 * Goal: the demo works from its first table to its last process, beside another one, and leaves
 * nothing behind, even with a process that does not react. Method: the real thing in a private
 * temp folder; what it started is read from /proc before it is told to end.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { get } from 'node:http';
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { decodeMessage, encodeMessage, greetPath } from './demo/greeting.ts';

const executable = resolve(import.meta.dirname, 'heddle');

class Demo {
  readonly folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  readonly child: ChildProcess;
  text = '';
  #changed = (): void => undefined;

  constructor() {
    this.child = spawn(executable, ['demo', '--rate', '20', '--interval', '1'], {
      env: { ...process.env, TMPDIR: this.folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.text += text;
        this.#changed();
      });
    }
    this.child.once('close', () => this.#changed());
  }

  /** Resolves when the output from `from` on fits. */
  async until(fits: (text: string) => boolean, from = 0): Promise<void> {
    while (!fits(this.text.slice(from))) {
      assert.equal(this.child.exitCode, null, this.text);
      await new Promise<void>((resume) => {
        this.#changed = resume;
      });
    }
  }

  find(pattern: RegExp): string {
    const found = pattern.exec(this.text)?.[1];
    assert.ok(found !== undefined, `${pattern} in ${this.text}`);
    return found;
  }

  /** The processes that it has started, those that they have started, and so on. */
  processes(): number[] {
    return childrenOf(this.child.pid ?? 0);
  }

  ports(): number[] {
    const all = [...this.text.matchAll(/127\.0\.0\.1:(\d+)/g)].map((match) => Number(match[1]));
    return [...new Set(all)];
  }

  async interrupt(): Promise<void> {
    const closed = once(this.child, 'close');
    // Under npm a terminal's Ctrl-C arrives twice.
    this.child.kill('SIGINT');
    this.child.kill('SIGINT');
    assert.deepEqual(await closed, [0, null], this.text);
  }
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  const children = text.split(' ').filter(Boolean).map(Number);
  return children.concat(children.flatMap(childrenOf));
}

/** None when there is no such process; one that has ended and was not waited for is one. */
function describeProcess(pid: number): readonly string[] {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return [`${command}${readFileSync(`/proc/${pid}/status`, 'utf8')}`];
  } catch {
    return [];
  }
}

function showsSuccess(text: string): boolean {
  return ['web +http', 'users +http', 'prices +http', 'echo +tcp'].every((service) =>
    new RegExp(`^\\w+ +${service} +100\\.00% +\\d*[1-9]`, 'm').test(text),
  );
}

/** Its last table: everything that has talked so far. */
function showsSecured(text: string): boolean {
  return /^secured: 5 of 5 edges by mutual TLS$/m.test(text);
}

/** One replica of greeter is moody. */
function showsCalls(text: string): boolean {
  return /^edge +greeter +grpc +\d.*%/m.test(text) && /^grpc: .* UNAVAILABLE \d+x/m.test(text);
}

async function ask(port: string, host: string): Promise<{ status: number; body: string }> {
  return new Promise((settle, fail) => {
    const headers = { host };
    get({ host: '127.0.0.1', port, path: '/', headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => settle({ status: response.statusCode ?? 0, body }));
    }).on('error', fail);
  });
}

interface Reply {
  readonly body: Buffer;
  readonly status: string;
}

/** Over HTTP/2, as the load does it; `status` is that of gRPC. */
function askHttp2(
  session: ClientHttp2Session,
  head: OutgoingHttpHeaders,
  body?: Buffer,
): Promise<Reply> {
  return new Promise((settle, fail) => {
    const stream = session.request(head).on('error', fail);
    const parts: Buffer[] = [];
    let status = '';
    stream.on('trailers', (got) => {
      status = String(got['grpc-status']);
    });
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => settle({ body: Buffer.concat(parts), status }));
    stream.end(body);
  });
}

/** The proxy may end it after an answer of its own. */
function openSession(port: string): ClientHttp2Session {
  return connect(`http://127.0.0.1:${port}`).on('error', () => undefined);
}

/** Calls greeter until an answer fits, ten times at once because most do not. */
async function greet(port: string, expected: string): Promise<void> {
  const head = {
    ':method': 'POST',
    ':authority': 'greeter',
    ':path': greetPath,
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  const call = async (session: ClientHttp2Session): Promise<string> => {
    const { status, body } = await askHttp2(session, head, encodeMessage('Ada'));
    return `${status} ${decodeMessage(body) ?? ''}`;
  };
  let outcomes: string[] = [];
  while (!outcomes.includes(expected)) {
    const session = openSession(port);
    outcomes = await Promise.all(Array.from({ length: 10 }, () => call(session)));
    session.close();
  }
}

/** In its first seconds a control plane does not say of any name that there is no such service. */
async function askForNobody(port: string): Promise<number> {
  const { status } = await ask(port, 'nobody');
  return status === 504 ? askForNobody(port) : status;
}

function demoFolder({ folder }: Demo): string {
  return join(folder, readdirSync(folder)[0]);
}

async function assertFree(port: number): Promise<void> {
  const server = createServer();
  server.listen({ port, host: '127.0.0.1', exclusive: true });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

test('two demos at once, one with a process that hangs, leave nothing behind', async () => {
  const demos = [new Demo(), new Demo()];
  const [first, second] = demos;
  try {
    for (const demo of demos) await demo.until(showsSuccess);
    for (const line of first.text.split('\n')) {
      // Where a temp folder is, and how long its name, is not ours.
      assert.ok(line.length <= 80 || line.includes(demoFolder(first)), line);
    }
    const port = first.find(/edge proxy +http:\/\/127\.0\.0\.1:(\d+)/);
    const answer = await ask(port, 'web');
    assert.equal(answer.status, 200);
    assert.match(answer.body, /^Hello from web\. users says: .*"replica":"users-[12]"/);
    assert.equal(await askForNobody(port), 404);
    await greet(port, '0 Hello Ada, greeter-1 here.');
    await greet(port, '14 ');
    const session = openSession(port);
    const prices = await askHttp2(session, { ':authority': 'prices', ':path': '/yarn' });
    session.close();
    assert.match(prices.body.toString(), /"cents":420,"httpVersion":"2\.0"/);
    // Whatever its caller speaks.
    assert.match((await ask(port, 'prices')).body, /"httpVersion":"2\.0"/);
    await first.until(showsCalls);
    await first.until(showsSecured);
    // Nobody has ever sent a byte in plaintext to another proxy.
    assert.doesNotMatch(first.text, /^secured: .*;/m);
    const folder = demoFolder(first);
    assert.equal(statSync(folder).mode & 0o077, 0, 'nobody else reads it');

    // A replica of each is killed: the other goes on, and the table shows no failure after a while.
    for (const name of ['users-1', 'greeter-1']) {
      process.kill(Number(first.find(new RegExp(`${name} (\\d+)`))), 'SIGKILL');
    }
    for (const name of ['users-1', 'greeter-1']) {
      await first.until((text) => text.includes(`${name} ended (SIGKILL)`));
    }
    await first.until(showsSuccess, first.text.length);
    await greet(port, '0 Hello Ada, greeter-2 here.');

    // Without its control plane a mesh goes on.
    process.kill(Number(second.find(/kill -9 (\d+) +the control plane/)), 'SIGKILL');
    await second.until((text) => text.includes('control plane ended (SIGKILL)'));
    await second.until(showsSuccess, second.text.length);

    // Another does not react any more, not even to SIGTERM.
    process.kill(Number(second.find(/echo (\d+)/)), 'SIGSTOP');
    const started = demos.flatMap((demo) => demo.processes());
    // A control plane, a proxy, and for each application a proxy and who looks after both.
    assert.ok(started.length >= 2 * (2 + 3 * 7), `${started.length} processes`);
    const ports = demos.flatMap((demo) => demo.ports());
    await Promise.all(demos.map((demo) => demo.interrupt()));
    assert.deepEqual(started.flatMap(describeProcess), []);
    for (const one of ports) await assertFree(one);
    for (const demo of demos) assert.deepEqual(readdirSync(demo.folder), []);
  } finally {
    for (const demo of demos) {
      demo.child.kill('SIGTERM');
      rmSync(demo.folder, { recursive: true, force: true });
    }
  }
});

test('a demo that is told to end while it starts ends', async () => {
  const demo = new Demo();
  try {
    await demo.until((text) => text.includes('starting'));
    await demo.interrupt();
    assert.deepEqual(readdirSync(demo.folder), []);
  } finally {
    demo.child.kill('SIGKILL');
    rmSync(demo.folder, { recursive: true, force: true });
  }
});
