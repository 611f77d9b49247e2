/** Goal: an application gets what it needs and nothing of ours. Method: environments by hand. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applicationEnvironment, withoutOwn } from './environment.ts';

const addresses = {
  outbound: { host: '127.0.0.1', port: 1 },
  inbound: null,
  admin: { host: '127.0.0.1', port: 3 },
};
const place = { control: '[::1]:8086', service: 'web', namespace: 'demo', instance: 'web-1' };

test('the proxy takes the place of another, what was direct stays direct', () => {
  const base = { http_proxy: 'http://old:1', NO_PROXY: '.corp, ,127.0.0.1', PATH: '/bin' };
  const made = applicationEnvironment(base, addresses, place);
  for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy']) {
    assert.equal(made[name], 'http://127.0.0.1:1', name);
  }
  for (const name of ['NO_PROXY', 'no_proxy']) {
    assert.equal(made[name], 'localhost,127.0.0.1,::1,.corp', name);
  }
  assert.deepEqual(
    [made.PATH, made.HEDDLE_INBOUND, made.HEDDLE_ADMIN, made.HEDDLE_CONTROL],
    ['/bin', '', '127.0.0.1:3', '[::1]:8086'],
  );
});

test('the token and what cli/heddle has added are kept', () => {
  const base = {
    HEDDLE_TOKEN: 'secret',
    HEDDLE_ADDED: 'NODE_COMPILE_CACHE GLIBC_TUNABLES',
    NODE_COMPILE_CACHE: '/ours',
    GLIBC_TUNABLES: 'x=2',
    HOME: '/home/a',
    unset: undefined,
  };
  assert.deepEqual(withoutOwn(base), { HOME: '/home/a' });
  assert.deepEqual(withoutOwn({ GLIBC_TUNABLES: 'x=2' }), { GLIBC_TUNABLES: 'x=2' });
});
