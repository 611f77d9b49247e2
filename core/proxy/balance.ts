/**
 * Chooses an endpoint for each attempt. While none is ready requests wait, in order and bounded;
 * when none has been ready for `failfastTimeoutMs`, all that wait fail and later ones are refused
 * at once until one is (Linkerd's queue and failfast in front of its balancer).
 */

import { isConnectError, ProxyError } from '../base/errors.ts';
import { Timer, type TimerOwner } from '../base/timers.ts';
import type { Exchange } from '../http/exchange.ts';
import { Layer } from '../stack/layer.ts';
import type { Core } from './core.ts';
import type { Endpoint } from './endpoint.ts';
import type { Target } from './target.ts';

export class Balance extends Layer<Exchange> {
  readonly #core: Core;
  readonly #polls = new Map<Target, Poll>();

  constructor(core: Core) {
    super();
    this.#core = core;
  }

  override request(x: Exchange): void {
    const target = x.target as Target;
    const endpoint = target.queue.length === 0 ? this.#pick(target, x) : null;
    if (endpoint !== null) {
      x.endpoint = endpoint;
      this.next.request(x);
      return;
    }
    // An attempt has failed and there is nowhere else to go right now: that is the answer.
    x.endpoint = null;
    if (x.error !== null) this.prev.fail(x, x.error);
    else this.#wait(target, x);
  }

  override cancel(x: Exchange): void {
    const target = x.target as Target;
    if (target.queue.remove(x)) target.countQueued(-1);
    else this.next.cancel(x);
  }

  /** The endpoints of a target have changed, or time has passed. */
  retry(target: Target): void {
    while (target.queue.length > 0) {
      const endpoint = target.pick(null);
      if (endpoint === null) break;
      const x = target.queue.shift() as Exchange;
      target.countQueued(-1);
      x.endpoint = endpoint;
      this.next.request(x);
    }
    if (target.queue.length > 0 && target.endpoints.length === 0) {
      this.#failAll(target, new ProxyError(target.emptyCode, target.authority));
    }
    if (target.queue.length === 0) this.#stopPoll(target);
  }

  /** Not the one that has just failed; where nobody else is ready, one that accepts may do. */
  #pick(target: Target, x: Exchange): Endpoint | null {
    if (x.error === null) return target.pick(null);
    const other = target.pick(x.endpoint as Endpoint | null);
    return other === null && !isConnectError(x.error) ? target.pick(null) : other;
  }

  #wait(target: Target, x: Exchange): void {
    const { settings, io } = this.#core;
    if (target.endpoints.length === 0) {
      this.prev.fail(x, new ProxyError(target.emptyCode, target.authority));
    } else if (target.failfast) {
      this.prev.fail(x, new ProxyError('LOAD_SHED', `${target.authority} is in failfast`));
    } else if (target.queue.length >= settings.queueRequestsMax) {
      const text = `${target.authority}: ${target.queue.length} requests (queueRequestsMax)`;
      this.prev.fail(x, new ProxyError('QUEUE_FULL', text));
    } else {
      if (target.queue.length === 0) target.unreadySinceMs = io.nowMs;
      target.queue.push(x);
      target.countQueued(1);
      if (!this.#polls.has(target)) {
        this.#polls.set(target, new Poll(this.#core, () => this.#poll(target)));
      }
    }
  }

  #poll(target: Target): void {
    this.retry(target);
    if (target.queue.length === 0) return;
    const unreadyMs = this.#core.io.nowMs - target.unreadySinceMs;
    if (unreadyMs < this.#core.settings.failfastTimeoutMs) return;
    target.enterFailfast();
    const text = `${target.authority}: no endpoint was ready for ${Math.round(unreadyMs)} ms`;
    this.#failAll(target, new ProxyError('FAILFAST', `${text} (failfastTimeoutMs)`));
    this.#stopPoll(target);
  }

  #failAll(target: Target, error: ProxyError): void {
    for (let x = target.queue.shift(); x !== null; x = target.queue.shift()) {
      target.countQueued(-1);
      this.prev.fail(x, error);
    }
  }

  #stopPoll(target: Target): void {
    this.#polls.get(target)?.stop();
    this.#polls.delete(target);
  }
}

/** Looks at a target again and again while requests wait for it; gates open by time alone. */
class Poll implements TimerOwner {
  readonly #core: Core;
  readonly #look: () => void;
  readonly #timer = new Timer(this);
  #stopped = false;

  constructor(core: Core, look: () => void) {
    this.#core = core;
    this.#look = look;
    core.timers.arm(this.#timer, pollMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#core.timers.cancel(this.#timer);
  }

  onTimer(): void {
    this.#core.io.enter();
    this.#look();
    this.#core.io.leave();
    if (!this.#stopped) this.#core.timers.arm(this.#timer, pollMs);
  }
}

const pollMs = 50;
