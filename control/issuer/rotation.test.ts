/**
 * Goal: whatever happens in whatever order, two connected proxies can always verify each other, and
 * the mesh ends at rest. Method: seeded histories of proxies that hear, certify, vanish and come
 * back, of a person who rotates, of restarts, of crashes after each file that a change writes.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Random, seededRandom } from '../../core/base/random.ts';
import type { Certificate } from '../../core/identity/certificate.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { Authority } from './authority.ts';
import { bundleDigest, isAnchored } from './certificate.ts';
import { IdentityFiles } from './identity-files.ts';

interface Proxy {
  anchors: readonly Certificate[];
  /** Of its leaf; null before the first. */
  issuer: Certificate | null;
  isConnected: boolean;
}

class Mesh {
  readonly clock = new FakeClock();
  readonly proxies: Proxy[] = [];
  readonly #folder: string;
  readonly #random: Random;
  authority: Authority;

  constructor(folder: string, random: Random) {
    this.#folder = folder;
    this.#random = random;
    this.authority = this.restart();
  }

  restart(): Authority {
    this.authority = new Authority({
      clock: this.clock,
      log: { info: () => {}, warn: () => {} },
      files: new IdentityFiles(this.#folder, true),
      trustDomain: 'mesh.test',
      external: null,
      anchors: [],
    });
    this.authority.unconfirmed = ({ bundle, issuer }) =>
      this.proxies
        .filter((one) => one.isConnected && one.issuer !== null)
        .filter(
          (one) =>
            bundleDigest(one.anchors) !== bundle ||
            (issuer !== null && one.issuer?.fingerprint !== issuer),
        )
        .map(() => 'one');
    return this.authority;
  }

  step(): string {
    const steps: readonly (readonly [string, () => void])[] = [
      ['one hears', () => this.#hear()],
      ['one hears', () => this.#hear()],
      ['one certifies', () => this.#certify()],
      ['one certifies', () => this.#certify()],
      ['time passes', () => this.#pass(5_000)],
      ['time passes', () => this.#pass(20_000)],
      ['days pass', () => this.#pass(86_400_000)],
      ['one comes', () => this.#come()],
      ['one goes', () => this.#go()],
      ['a rotation is asked for', () => void this.authority.rotate()],
      ['an issuer is asked for', () => void this.authority.rotateIssuer()],
      ['a repair is asked for', () => void this.authority.repair()],
      ['restart', () => void this.restart()],
      ['crash', () => this.#crash()],
    ];
    const [name, run] = steps[this.#random.uint32() % steps.length];
    run();
    return name;
  }

  /** Those that are connected hear and certify, until nothing changes any more. */
  rest(): void {
    for (let turn = 0; turn < 8; turn++) {
      for (const one of this.proxies) this.#hear(one);
      for (const one of this.proxies) this.#certify(one);
      this.#pass(20_000);
    }
  }

  check(): void {
    const { view } = this.authority;
    assert.ok(view.signer !== null, view.problem);
    assert.ok(isAnchored(view.signer.certificate, view.anchors), 'what signs is trusted');
    const connected = this.proxies.filter((one) => one.isConnected);
    for (const { issuer } of connected) {
      if (issuer === null) continue;
      for (const { anchors } of connected) {
        if (anchors.length > 0) assert.ok(isAnchored(issuer, anchors), 'a peer is refused');
      }
    }
  }

  #pick(): Proxy | undefined {
    return this.proxies[this.#random.uint32() % Math.max(1, this.proxies.length)];
  }

  #hear(one = this.#pick()): void {
    if (one?.isConnected !== true || one.anchors.length === 0) return;
    one.anchors = this.authority.view.anchors;
    this.authority.check();
  }

  #certify(one = this.#pick()): void {
    const { signer, anchors } = this.authority.current();
    if (one?.isConnected !== true || signer === null) return;
    one.anchors = anchors;
    one.issuer = signer.certificate;
    this.authority.check();
  }

  #pass(ms: number): void {
    this.clock.advance(ms);
    this.authority.check();
    // Leaves end after a day: proxies have renewed theirs.
    if (ms >= 86_400_000) for (const one of this.proxies) this.#certify(one);
  }

  #come(): void {
    const gone = this.proxies.find((one) => !one.isConnected);
    if (gone === undefined && this.proxies.length < 6) {
      this.proxies.push({ anchors: [], issuer: null, isConnected: true });
      return;
    }
    // It has missed what happened, and hears it first of all.
    if (gone === undefined) return;
    gone.isConnected = true;
    this.#certify(gone);
  }

  #go(): void {
    const one = this.#pick();
    if (one !== undefined) one.isConnected = false;
  }

  /** Of the files that a change writes in turn, only the first few are written. */
  #crash(): void {
    const before = files.map((name) => this.#read(name));
    this.clock.advance(20_000);
    const changing = this.restart();
    if (this.#random.float() < 0.5) changing.rotate();
    else changing.check();
    const written = this.#random.uint32() % (files.length + 1);
    for (const [index, name] of files.entries()) {
      const text = before[index];
      if (index < written) continue;
      if (text === null) rmSync(join(this.#folder, name), { force: true });
      else writeFileSync(join(this.#folder, name), text, { mode: 0o600 });
    }
    this.restart();
  }

  #read(name: string): string | null {
    const path = join(this.#folder, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : null;
  }
}

test('two connected proxies can verify each other at any moment, and all comes to rest', (t) => {
  for (let seed = 1; seed <= 12; seed++) {
    const mesh = new Mesh(scratch(t), seededRandom(seed));
    const history: string[] = [];
    try {
      for (let step = 0; step < 60; step++) {
        history.push(mesh.step());
        mesh.check();
      }
      mesh.rest();
      mesh.check();
      const { phase, anchors, problem } = mesh.authority.view;
      assert.deepEqual([phase, anchors.length, problem], ['idle', 1, '']);
    } catch (error) {
      t.diagnostic(`seed ${seed}: ${history.join(', ')}`);
      throw error;
    }
  }
});

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** In the order in which a change writes them. */
const files = [
  'next-root.key',
  'next-root.crt',
  'bundle.crt',
  'issuer.key',
  'issuer.crt',
  'root.key',
  'root.crt',
  'rotation.json',
];
