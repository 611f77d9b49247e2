/**
 * Goal: what dies without a word costs no more than the requests that were under way in it. Method:
 * a real control plane, `heddle run` with applications, and a caller's proxy under load.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clients, startJoinedMesh } from '../../support/joined-mesh.ts';
import { childOf, untilGone } from '../../support/run-process.ts';

describe('joined processes', { concurrency: 3 }, () => {
  test('a crash of a proxy costs what was under way, and its application nothing', async (t) => {
    const mesh = await startJoinedMesh(t);
    const members = await Promise.all([mesh.join(), mesh.join()]);
    await mesh.untilServedBy(...members);
    const load = mesh.load();
    process.kill(childOf(members[0].pid, 'proxy'), 'SIGKILL');
    await members[0].events.until('heddle: the proxy is back');
    await mesh.untilServedBy(...members);
    await load.stop();
    const [all, mutual] = await mesh.countConnections();
    assert.ok(all > 0 && all === mutual, `${mutual} of ${all} connections are secured`);
    assert.ok(load.failures.length <= clients, load.failures.join('\n'));
    const said = members[0].events.all.filter((line) => line.startsWith('running '));
    assert.equal(said.length, 1, 'the application is the one of before');
  });

  test('who is killed costs what was under way in it, and is gone after its lease', async (t) => {
    const mesh = await startJoinedMesh(t);
    const members = await Promise.all([mesh.join(), mesh.join()]);
    await mesh.untilServedBy(...members);
    const load = mesh.load();
    const [{ pid, application, ended }] = members;
    const guard = childOf(pid, 'heddle-guard');
    process.kill(pid, 'SIGKILL');
    await ended;
    await mesh.untilServedBy(members[1]);
    await Promise.all([untilGone(guard), untilGone(application)]);
    await load.stop();
    const [all, mutual] = await mesh.countConnections();
    assert.ok(all > 0 && all === mutual, `${mutual} of ${all} connections are secured`);
    assert.ok(load.answered > 100, `${load.answered} requests`);
    assert.ok(load.failures.length <= clients, load.failures.join('\n'));
  });
});
