/**
 * Goal: a proxy that cannot start ends with the right code and says what to change. Method: the
 * executable with mistakes in flags and file, and beside another one that has its ports.
 */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { ask, launchProxy, startHttpOrigin, startProxy } from '../../support/process.ts';

interface Case {
  readonly name: string;
  readonly yaml: string;
  readonly args?: readonly string[];
  readonly code: number;
  /** Each has to be somewhere in what it says. */
  readonly said: readonly RegExp[];
}

const fine = 'proxy: { outbound: 127.0.0.1:0, admin: false, workers: 0 }\n';

const cases: readonly Case[] = [
  {
    name: 'a flag that does not exist',
    yaml: fine,
    args: ['--workres', '2'],
    code: 2,
    said: [/--workres/, /heddle proxy --help/],
  },
  {
    name: 'a flag with a wrong value',
    yaml: fine,
    args: ['--workers', 'many'],
    code: 2,
    said: [/--workers many: expected auto or 0 to 32/],
  },
  {
    name: 'all mistakes of a file at once',
    yaml: `services:
  web: { port: 80, endpoints: [127.0.0.1:1] }
  web: { port: 81, endpoints: [127.0.0.1:2] }
  api: { prt: 80, endpoints: [nonsense] }
proxy:
  outbound: 127.0.0.1:0
  admin: 7
  conectTimeoutMs: 5
`,
    code: 64,
    said: [
      /heddle\.yaml:3:3: services\.web: .*twice.*; /,
      /heddle\.yaml:8:3: proxy\.conectTimeoutMs/,
    ],
  },
  {
    name: 'unknown keys and wrong types',
    yaml: `services:
  api: { prt: 80, endpoints: [nonsense] }
proxy:
  outbound: 127.0.0.1:0
  admin: 7
  conectTimeoutMs: 5
`,
    code: 64,
    said: [
      /heddle\.yaml:2:10: services\.api\.prt: unknown key; did you mean port\?/,
      /heddle\.yaml:2:31: services\.api\.endpoints\[0\]: expected .*; /,
      /heddle\.yaml:5:10: proxy\.admin: expected .*, got 7; /,
      /heddle\.yaml:6:3: proxy\.conectTimeoutMs: unknown key; did you mean connectTimeoutMs\?/,
    ],
  },
  {
    name: 'an open outbound listener',
    yaml: 'proxy:\n  outbound: 0.0.0.0:0\n  admin: false\n',
    code: 64,
    said: [/heddle\.yaml:2:13: proxy\.outbound: .*other machines.*proxy\.allowRemote: true/],
  },
  {
    name: 'flags that make one of it',
    yaml: fine,
    args: ['--outbound', '0.0.0.0:0'],
    code: 64,
    said: [/outbound: .*allowRemote: true/],
  },
  {
    name: 'two listeners on one port',
    yaml: 'proxy:\n  outbound: 127.0.0.1:4140\n  admin: 127.0.0.1:4140\n',
    code: 64,
    said: [/heddle\.yaml:3:10: proxy\.admin: .*taken by proxy\.outbound; /],
  },
  {
    name: 'an address that this machine does not have',
    yaml: 'proxy: { outbound: false, admin: 192.0.2.1:0, workers: 0 }\n',
    code: 1,
    said: [/proxy\.admin: cannot listen on 192\.0\.2\.1:0: .*EADDRNOTAVAIL/],
  },
];

/** Like `yaml`, with the ports that it got. */
function yamlOf(ports: readonly number[], originPort: number): string {
  const [outbound, inbound, admin, bind] = ports;
  return `
services:
  web:
    port: 80
    bind: 127.0.0.1:${bind}
    endpoints: [127.0.0.1:${originPort}]
proxy:
  outbound: 127.0.0.1:${outbound}
  inbound: 127.0.0.1:${inbound}
  inboundTo: 127.0.0.1:${originPort}
  admin: 127.0.0.1:${admin}
  workers: 1
`;
}

async function startTwice(t: TestContext, args: readonly string[]): Promise<void> {
  const origin = await startHttpOrigin(t, (_incoming, outgoing) => outgoing.end('ok'));
  const own = yamlOf([0, 0, 0, 0], origin);
  const [first, other] = await Promise.all([
    startProxy(t, own, { args }),
    startProxy(t, own, { args }),
  ]);
  const ports = ['Outbound interface', 'Inbound interface', 'Admin interface', 'Service web'].map(
    (what) =>
      first.port(what.startsWith('Service') ? `${what}.default.svc.cluster.local:80` : what),
  );
  const settings = ['proxy\\.outbound', 'proxy\\.inbound', 'proxy\\.admin', 'bind of web.*'];
  const refuse = async (setting: string, index: number): Promise<void> => {
    const taken = [0, 0, 0, 0].with(index, ports[index]);
    const { code, said } = await launchProxy(t, yamlOf(taken, origin), { args }).ended;
    assert.equal(code, 1, said);
    const address = `127\\.0\\.0\\.1:${ports[index]}`;
    assert.match(said, new RegExp(`^heddle: .*${setting}: cannot listen on ${address}: .*EADDR`));
  };
  await Promise.all(settings.map(refuse));
  for (const proxy of [first, other]) {
    const port = proxy.port('Outbound interface');
    assert.equal((await ask(port, '/', { headers: { host: 'web' } })).status, 200);
  }
}

describe('what does not start', { concurrency: 2 }, () => {
  for (const { name, yaml, args = [], code: wanted, said: parts } of cases) {
    test(name, async (t) => {
      const { code, said } = await launchProxy(t, yaml, { args }).ended;
      assert.equal(code, wanted, said);
      for (const part of parts) assert.match(said, part);
    });
  }

  test('a missing file', async (t) => {
    const { code, said } = await launchProxy(t, fine, { args: ['--config', '/nowhere.yaml'] })
      .ended;
    assert.equal(code, 2, said);
    assert.match(said, /one --config/);
  });

  test('two proxies with ports of their own run, one whose port is taken names the setting', (t) =>
    startTwice(t, []));

  test('and the same where workers share a port on purpose', (t) =>
    startTwice(t, ['--accept', 'reuseport']));
});
