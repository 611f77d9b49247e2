/**
 * Goal: wrong usage of the commands that join processes is explained and ends with 2, and nothing
 * is started. Method: the program in this process, with a terminal that is a list.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openJoinKey } from '../control/issuer/join-key.ts';
import { createJoinToken, verifyJoinToken } from '../control/issuer/join-token.ts';
import { writeSecretFile } from '../control/issuer/secret-file.ts';
import { tokenOfTest } from '../test/support/run-process.ts';
import type { CommandContext } from './context.ts';
import { runProgram } from './program.ts';

test('wrong usage ends with 2 and a sentence', async () => {
  const rows: [string, RegExp][] = [
    ['run', /missing required argument 'command'/],
    ['run --service web -- x', /--service needs --port/],
    ['run --port 80 -- x', /--port needs --service/],
    ['run --health GET:/ -- x', /--health needs --service/],
    ['run --service Web --port 1 x', /Expected letters a-z, digits and -/],
    ['run --service web --port 0 x', /Expected a port from 1 to 65535/],
    ['run --service web --port 1 --health /x -- x', /Expected GET:\/path/],
    ['run --service web --port 1 --advertise 0.0.0.0 -- x', /Expected an IP address of this host/],
    ['run --zone a/b -- x', /Expected letters, digits and \. _ -/],
    ['run --protocol quic -- x', /Allowed choices are auto, http/],
    ['run --control nowhere -- x', /Expected host:port/],
    ['run --grace 30 -- x', /Expected a time such as 500ms/],
    ['run --grace 25h -- x', /0s to 1h/],
    ['run -- x', /HOME and XDG_STATE_HOME are not set: give --state-dir/],
    ['wait', /there is no HEDDLE_ADMIN/],
    ['wait a..b', /is no service's name/],
    ['stop', /HOME and XDG_STATE_HOME are not set/],
    ['stop web users', /too many arguments/],
    ['token', /Usage: heddle token/],
    ['token create', /required option '-s, --service <name>' not specified/],
    ['token create --service web', /HOME and XDG_STATE_HOME are not set/],
    ['token create --service web --expires 0s', /1s to 3650d/],
    ['token create -s', /argument missing\n\(heddle token create --help\)/],
  ];
  for (const [text, expected] of rows) {
    const { code, out, err } = await run(text.split(' '));
    assert.deepEqual([code, out], [2, ''], text);
    assert.match(err, expected, text);
  }
});

test('a token says what it is for and until when', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const args = ['token', 'create', '-s', 'web', '-n', 'demo', '--state-dir', folder];
  const early = await run(args);
  assert.deepEqual([early.code, early.out], [1, '']);
  assert.match(early.err, /^heddle token: there is no .*join\.key: heddle up makes it/);
  const key = openJoinKey(folder);
  assert.ok('publicKey' in key);
  const beforeMs = Date.now();
  const unstarted = await run(args);
  assert.equal(unstarted.code, 1);
  assert.match(unstarted.err, /there is no .*local\.token: start heddle up, which writes it/);
  const mesh = { trustDomain: 'mesh.test', pins: ['ab'.repeat(32)] };
  const any = { namespace: '*', service: '*', expiresWallMs: beforeMs + 60_000 };
  writeSecretFile(
    join(folder, 'local.token'),
    createJoinToken(key.privateKey, { ...any, ...mesh }),
  );
  const made = await run([...args, '--expires', '2h']);
  assert.deepEqual([made.code, made.err], [0, '']);
  const claims = verifyJoinToken(key.publicKey, made.out.trim(), beforeMs);
  assert.ok(!('refusal' in claims));
  assert.deepEqual([claims.namespace, claims.service], ['demo', 'web']);
  assert.deepEqual([claims.trustDomain, claims.pins], [mesh.trustDomain, mesh.pins]);
  assert.ok(claims.expiresWallMs >= beforeMs + 2 * 3_600_000);
  const later = verifyJoinToken(key.publicKey, made.out.trim(), Date.now() + 2 * 3_600_000 + 1_000);
  assert.ok('refusal' in later);
});

test('an address for other hosts needs a token that leads to an identity', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const named = ['run', '--service', 'web', '--port', '1', '--state-dir', folder];
  const { code, err } = await run([...named, '--advertise', '10.0.0.1', '--', 'true'], {
    HEDDLE_TOKEN: tokenOfTest,
  });
  assert.equal(code, 2);
  assert.match(err, /^heddle run: --advertise: other hosts reach .* heddle token create$/m);
});

async function run(
  args: readonly string[],
  environment: CommandContext['environment'] = {},
): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const context: CommandContext = {
    print(text) {
      out += text;
    },
    note(text) {
      err += text;
    },
    live: false,
    color: false,
    columns: Number.POSITIVE_INFINITY,
    cacheFolder: null,
    stateFolder: null,
    environment,
    exitCode: 0,
  };
  await runProgram(args, context);
  return { code: context.exitCode, out, err };
}
