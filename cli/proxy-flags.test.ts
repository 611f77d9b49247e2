/** Goal: flags become settings, mistakes a sentence. Method: tables of arguments. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProxyFlags } from './proxy-flags.ts';

const plain = { isSidecar: false, preparesIdentity: false };

test('reads every flag', () => {
  const args = [
    '-c a.yaml --workers 2 --accept=reuseport --max-connections 10 --outbound 127.0.0.1:0',
    '--inbound [::1]:4143 --inbound-to 127.0.0.1:8080 --admin off --announce 0s --grace 1.5s',
    '--log-level debug --log-format json --access-log common',
  ]
    .join(' ')
    .split(' ');
  assert.deepEqual(parseProxyFlags(args, false), {
    ...plain,
    configPath: 'a.yaml',
    overrides: {
      workers: 2,
      accept: 'reuseport',
      maxConnections: 10,
      outbound: { host: '127.0.0.1', port: 0 },
      inbound: { host: '::1', port: 4143 },
      inboundTo: { host: '127.0.0.1', port: 8080 },
      admin: null,
      announceMs: 0,
      graceMs: 1500,
      logLevel: 'debug',
      logFormat: 'json',
      accessLog: 'common',
    },
  });
});

test('a control plane takes the place of a file, and binds add up', () => {
  const args = '--control 127.0.0.1:8086,[::1]:8086,control.demo:1 --state-dir /s';
  const binds = '--bind 127.0.0.1:1=DB:5432 --bind [::1]:2=[::1]:3 --passthrough allow';
  const workload = '{"ns":"demo","pod":"web"}';
  assert.deepEqual(
    parseProxyFlags([...`${args} ${binds} --workload`.split(' '), workload], false),
    {
      ...plain,
      configPath: null,
      overrides: {
        control: '127.0.0.1:8086,[::1]:8086,control.demo:1',
        stateDir: '/s',
        binds: [
          { address: { host: '127.0.0.1', port: 1 }, authority: 'db:5432' },
          { address: { host: '::1', port: 2 }, authority: '[::1]:3' },
        ],
        passthrough: 'allow',
        workload,
      },
    },
  );
});

test('without flags nothing is overridden, and the last of two wins', () => {
  assert.deepEqual(parseProxyFlags(['--config', 'a'], true), {
    ...plain,
    configPath: 'a',
    overrides: {},
  });
  const twice = parseProxyFlags('--config a --workers 1 --workers auto'.split(' '), false);
  assert.deepEqual(twice, { ...plain, configPath: 'a', overrides: { workers: 'auto' } });
});

test('the environment of a sidecar takes the place of both', () => {
  const alone = { configPath: null, overrides: {}, isSidecar: true };
  assert.deepEqual(parseProxyFlags([], true), { ...alone, preparesIdentity: false });
  const prepared = parseProxyFlags(['--prepare-identity', '--workers', '2'], true);
  assert.deepEqual(prepared, { ...alone, overrides: { workers: 2 }, preparesIdentity: true });
  const named = parseProxyFlags(['--control', 'a:1'], true);
  assert.ok('isSidecar' in named && !named.isSidecar);
});

test('names what is wrong', () => {
  const rows: [string, RegExp][] = [
    ['', /needs --config FILE, --control HOST:PORT, or .* LINKERD2_PROXY_$/],
    ['--config a --prepare-identity', /without --config and --control/],
    ['--prepare-identity', /LINKERD2_PROXY_/],
    ['--control nowhere', /expected host:port, or several/],
    ['--control a:1,', /expected host:port, or several/],
    ['--control a:1 --workload x', /expected JSON such as/],
    ['--control a:1 --bind 1=a:1', /expected IP:port=name:port/],
    ['--control a:1 --bind 127.0.0.1:1=a', /expected IP:port=name:port/],
    ['--control a:1 --bind 127.0.0.1:1=a:1=b', /expected IP:port=name:port/],
    ['--config a --config b', /needs one/],
    ['--config', /config/],
    ['--config a --nope', /--nope/],
    ['--config a extra', /extra/],
    ['--config a --workers 33', /^--workers 33: expected auto or 0 to 32$/],
    ['--config a --workers -1', /workers/],
    ['--config a --workers 1e1', /expected auto/],
    ['--config a --max-connections 0', /expected 1 to/],
    ['--config a --outbound localhost:80', /expected IP:port or off/],
    ['--config a --grace 5', /expected a time like/],
    ['--config a --log-level loud', /expected off, error/],
  ];
  for (const [args, expected] of rows) {
    const parsed = parseProxyFlags(args === '' ? [] : args.split(' '), false);
    assert.match('usage' in parsed ? parsed.usage : 'accepted', expected, args);
  }
});
