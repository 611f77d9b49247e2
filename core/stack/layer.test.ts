/** Layers that note what passes them: the order on both ways, and what a gap in the list does. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProxyError } from '../base/errors.ts';
import { compose, Layer } from './layer.ts';

/** What the events of this test are about: names of the layers that they passed. */
type Passed = string[];

class Noting extends Layer<Passed> {
  readonly #name: string;

  constructor(name: string) {
    super();
    this.#name = name;
  }

  override request(x: Passed): void {
    x.push(`request ${this.#name}`);
    super.request(x);
  }

  override cancel(x: Passed): void {
    x.push(`cancel ${this.#name}`);
    super.cancel(x);
  }

  override informational(x: Passed): void {
    x.push(`informational ${this.#name}`);
    super.informational(x);
  }

  override response(x: Passed): void {
    x.push(`response ${this.#name}`);
    super.response(x);
  }

  override end(x: Passed): void {
    x.push(`end ${this.#name}`);
    super.end(x);
  }

  override fail(x: Passed, error: ProxyError): void {
    x.push(`${error.code} ${this.#name}`);
    super.fail(x, error);
  }
}

/** Takes what comes to its end of the list. */
class Last extends Layer<Passed> {
  override request(): void {}
  override cancel(): void {}
  override informational(): void {}
  override response(): void {}
  override end(): void {}
  override fail(): void {}
}

/** Overrides nothing. */
class Plain extends Layer<Passed> {}

const error = new ProxyError('UPSTREAM_RESET');

describe('a list of layers', () => {
  const front = new Last();
  const back = new Last();
  const layers = [front, new Noting('a'), new Plain(), new Noting('b'), back];
  const first = compose(layers);

  test('begins with the first one', () => {
    assert.equal(first, front);
  });

  for (const event of ['request', 'cancel'] as const) {
    test(`${event} passes it in the order of the list`, () => {
      const x: Passed = [];
      front.next[event](x);
      assert.deepEqual(x, [`${event} a`, `${event} b`]);
    });
  }

  for (const event of ['informational', 'response', 'end'] as const) {
    test(`${event} passes it backwards`, () => {
      const x: Passed = [];
      back.prev[event](x);
      assert.deepEqual(x, [`${event} b`, `${event} a`]);
    });
  }

  test('a failure passes it backwards, with its error', () => {
    const x: Passed = [];
    back.prev.fail(x, error);
    assert.deepEqual(x, ['UPSTREAM_RESET b', 'UPSTREAM_RESET a']);
  });
});

test('a layer without a neighbour says which event had nowhere to go', () => {
  const alone = new Plain();
  const unlinked = (event: string) => new RegExp(`not linked: ${event} has nowhere to go`);
  for (const event of ['request', 'cancel', 'informational', 'response', 'end'] as const) {
    assert.throws(() => alone[event]([]), unlinked(event));
  }
  assert.throws(() => alone.fail([], error), unlinked('fail'));
  const first = compose([new Plain(), new Plain()]);
  assert.throws(() => first.request([]), unlinked('request'));
});
