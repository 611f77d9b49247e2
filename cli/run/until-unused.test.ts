/** Goal: a proxy that carries nothing is hurried, no other. Method: an admin port by hand. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../core/base/clock.ts';
import { TimerWheel } from '../../core/base/timers.ts';
import { startHttpOrigin } from '../../test/support/process.ts';
import { untilUnused } from './until-unused.ts';

test('two looks in a row find no client in either direction', async (t) => {
  const rows = [
    [1, 0],
    [0, 0],
    [0, 2],
    [0, 0],
    [0, 0],
    [0, 0],
  ];
  let looks = 0;
  const port = await startHttpOrigin(t, (_request, response) => {
    const [outbound, inbound] = rows[looks];
    looks += 1;
    response.end(
      [
        `tcp_open_connections{direction="outbound",peer="src"} ${outbound}`,
        `tcp_open_connections{direction="inbound",peer="src"} ${inbound}`,
        'tcp_open_connections{direction="outbound",peer="dst"} 7',
        '',
      ].join('\n'),
    );
  });
  const timers = new TimerWheel(systemClock);
  t.after(() => timers.close());
  const pending = setInterval(() => undefined, 60_000);
  t.after(() => clearInterval(pending));
  assert.equal(await untilUnused(`127.0.0.1:${port}`, timers), true);
  assert.equal(looks, 5);
});

test('a proxy that does not say is left to its own judgement', async (t) => {
  const port = await startHttpOrigin(t, (_request, response) => {
    response.statusCode = 500;
    response.end();
  });
  const timers = new TimerWheel(systemClock);
  t.after(() => timers.close());
  const pending = setInterval(() => undefined, 60_000);
  t.after(() => clearInterval(pending));
  assert.equal(await untilUnused(`127.0.0.1:${port}`, timers), false);
});
