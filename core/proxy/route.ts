/**
 * Finds the target of a request: what its connection is for if that was known before, else the
 * authority that it names. Requests for a target that is not known yet wait here, bounded in time
 * by `Targets`; a CONNECT is answered here.
 */

import { ProxyError } from '../base/errors.ts';
import type { Exchange, ExchangeClient } from '../http/exchange.ts';
import { Form, Method } from '../http/head.ts';
import { Known } from '../http/known-fields.ts';
import { Layer } from '../stack/layer.ts';
import type { Core } from './core.ts';
import { takeDstOverride } from './dst-override.ts';
import { compareIdentity } from './require-identity.ts';
import type { Target } from './target.ts';
import type { Targets } from './targets.ts';

export class Route extends Layer<Exchange> {
  readonly #core: Core;
  readonly #targets: () => Targets;

  constructor(core: Core, targets: () => Targets) {
    super();
    this.#core = core;
    this.#targets = targets;
  }

  override request(x: Exchange): void {
    const fixed = (x.client as ExchangeClient).connection.fixedTarget as Target | null;
    const target = this.#find(x, fixed);
    if (target === null) return;
    x.target = target;
    if (target.known) this.#go(x, target);
    else target.undiscovered.push(x);
  }

  override cancel(x: Exchange): void {
    const target = x.target as Target | null;
    if (target === null || x.waitingIn === this) {
      x.waitingIn = null;
      return;
    }
    if (!target.undiscovered.remove(x)) this.next.cancel(x);
  }

  /** The target has become known, or has not in time for what came until `arrivedMs`. */
  discovered(target: Target, arrivedMs: number): void {
    const { undiscovered } = target;
    for (let x = undiscovered.first; x !== null; x = undiscovered.first) {
      if (x.startedMs > arrivedMs) return;
      undiscovered.remove(x);
      if (target.known) this.#go(x, target);
      else this.prev.fail(x, new ProxyError('DISCOVERY_TIMEOUT', target.key));
    }
  }

  #go(x: Exchange, target: Target): void {
    if (target.absent) {
      this.prev.fail(x, new ProxyError('UNKNOWN_SERVICE', x.request.authority()));
    } else if (target.refusal !== '') {
      this.prev.fail(x, new ProxyError('POLICY_UNSUPPORTED', target.refusal));
    } else if (x.request.method === Method.CONNECT) {
      this.#connect(x, target);
    } else {
      target.lastUsedMs = this.#core.io.nowMs;
      // HTTP/1.0 needs no host field; what we speak upstream does.
      if (x.request.authorityStart < 0) x.defaultAuthority = target.authority;
      this.next.request(x);
    }
  }

  /** Answered in an event of its own, when the bytes behind the head have been put aside. */
  #connect(x: Exchange, target: Target): void {
    // What goes through the tunnel may go to any of them.
    const asks = (x.request.seen & (1 << Known.L5D)) !== 0;
    for (const endpoint of asks ? target.endpoints : []) {
      const wrong = compareIdentity(x.request, endpoint);
      if (wrong === '') continue;
      this.prev.fail(x, new ProxyError('IDENTITY_MISMATCH', `${endpoint.address}: ${wrong}`));
      return;
    }
    x.waitingIn = this;
    target.holders += 1;
    this.#core.io.soon(() => {
      target.holders -= 1;
      if (x.waitingIn !== this) return;
      x.waitingIn = null;
      x.status = 200;
      x.respondedMs = this.#core.io.nowMs;
      this.prev.end(x);
    });
  }

  /** Null when the request has been answered. */
  #find(x: Exchange, fixed: Target | null): Target | null {
    const name = this.#isIngress(fixed) ? takeDstOverride(x.request) : '';
    if (name === '') return fixed === null ? this.#byAuthority(x) : this.#fixed(x, fixed);
    return this.#byOverride(x, name);
  }

  #isIngress(fixed: Target | null): boolean {
    if (!this.#core.settings.ingressMode) return false;
    return fixed === null || (fixed.redirected && fixed.direction === 'outbound');
  }

  /** An ingress has chosen an endpoint already, and says which service it means. */
  #byOverride(x: Exchange, name: string | null): Target | null {
    if (name === null) {
      const text = 'l5d-dst-override is to be one name and a port';
      this.prev.fail(x, new ProxyError('BAD_REQUEST', text));
      return null;
    }
    const target = this.#targets().find('host', name);
    if (target === null) this.#shed(x);
    return target;
  }

  /** What its connection is for; null when the request has been answered. */
  #fixed(x: Exchange, fixed: Target): Target | null {
    if (x.request.method === Method.CONNECT) {
      if (fixed.redirected) {
        this.prev.fail(x, new ProxyError('UNKNOWN_SERVICE', lateConnect));
        return null;
      }
      // The one destination of an inbound connection is our own application.
      if (fixed.direction === 'outbound') return this.#byAuthority(x);
      this.prev.fail(x, new ProxyError('UNKNOWN_SERVICE', 'CONNECT is for the outbound listener'));
      return null;
    }
    if (fixed.redirected && x.request.form === Form.ABSOLUTE) x.request.form = Form.WHOLE;
    const target = fixed.dropped ? this.#targets().findAgain(fixed) : fixed;
    if (target === null) this.#shed(x);
    return target;
  }

  /** Null when the request has been answered. */
  #byAuthority(x: Exchange): Target | null {
    if (x.request.authorityStart < 0) {
      this.prev.fail(x, new ProxyError('NO_AUTHORITY'));
      return null;
    }
    const target = this.#targets().findByAuthority(x.request);
    if (target === null) this.#shed(x);
    return target;
  }

  #shed(x: Exchange): void {
    this.prev.fail(x, new ProxyError('LOAD_SHED', 'too many services are in use (targetsMax)'));
  }
}

const lateConnect = 'a CONNECT for somebody else has to be the first request of its connection';
