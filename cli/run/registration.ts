/**
 * The word of one process at one control plane: a stream for as long as both live, made again with
 * back-off when it ends. Refusals are said once and tried again slowly, because a token may come.
 *
 * ```
 * resting --back-off over--> asking --first answer--> joined
 *    ^  ended: 0.1 to 2 s, refused: 5 to 60 s |          |
 *    +----------------------------------------+----------+
 * ```
 */

import { create } from '@bufbuild/protobuf';
import type { JoinRequest } from '../../api/gen/control/registry_pb.ts';
import {
  JoinRequestSchema,
  type JoinResponse,
  type Registration as RegistrationMessage,
  RegistrationSchema,
  StateSchema,
} from '../../api/gen/control/registry_pb.ts';
import { runAfter } from '../../control/model/delay.ts';
import { registryJoin } from '../../control/serve/methods.ts';
import { backoffMs } from '../../core/base/backoff.ts';
import type { Random } from '../../core/base/random.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import type { GrpcClient } from '../../core/grpc/client.ts';
import type { ClientCall } from '../../core/grpc/client-call.ts';
import { Code, codeName, type Status } from '../../core/grpc/status.ts';

/** What is announced; the token is read anew for each stream. */
export type Announced = Pick<
  RegistrationMessage,
  | 'instance'
  | 'namespace'
  | 'service'
  | 'servicePort'
  | 'protocol'
  | 'address'
  | 'zone'
  | 'admin'
  | 'inboundPort'
> & { readonly weight: number; readonly version: string };

export type Token = { readonly token: string } | { readonly problem: string };

interface RegistrationEnv {
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly readToken: () => Token;
  readonly onNews: (news: RegistrationNews) => void;
}

export type RegistrationNews =
  /** What a person may want to know, each once until something else is true. */
  | { readonly kind: 'joined'; readonly warning: string }
  | { readonly kind: 'lost' | 'refused'; readonly reason: string }
  /** After `leave`: the control plane has heard it, or cannot any more. */
  | { readonly kind: 'left' };

export class Registration {
  readonly #client: GrpcClient;
  readonly #announced: Announced;
  readonly #env: RegistrationEnv;
  #call: ClientCall<JoinRequest> | null = null;
  #serving = false;
  #isJoined = false;
  /** It has taken us, and may keep us although the stream is lost. */
  #isKnown = false;
  #isLeaving = false;
  #failures = 0;
  #said = '';
  #isClosed = false;
  #cancel: () => void = () => undefined;

  /** The client is its own, and closed with it. */
  constructor(client: GrpcClient, announced: Announced, env: RegistrationEnv) {
    this.#client = client;
    this.#announced = announced;
    this.#env = env;
  }

  open(serving: boolean): void {
    this.#serving = serving;
    this.#join();
  }

  setServing(serving: boolean): void {
    if (serving === this.#serving) return;
    this.#serving = serving;
    if (this.#call !== null) this.#sendState(this.#call);
  }

  /**
   * For good: not serving any more, and the end of the stream, which the control plane answers by
   * ending it too. One that was lost may be back and still have us: it is asked once more, now.
   * False where there is nobody to say it to.
   */
  leave(): boolean {
    if (this.#call === null && this.#isKnown) {
      this.#cancel();
      this.#serving = false;
      this.#join();
    }
    const call = this.#isKnown ? this.#call : null;
    this.#isLeaving = true;
    if (call === null) {
      this.close();
      return false;
    }
    this.setServing(false);
    call.end();
    return true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancel();
    this.#call = null;
    this.#client.close();
  }

  #join(): void {
    const read = this.#env.readToken();
    if ('problem' in read) {
      this.#rest('refused', read.problem, lostBackoff);
      return;
    }
    const call = this.#client.call(registryJoin, {
      onMessage: (message) => this.#answered(call, message),
      onEnd: (status) => this.#ended(call, status),
    });
    this.#call = call;
    this.#isJoined = false;
    const value = create(RegistrationSchema, { ...this.#announced, token: read.token });
    call.send(create(JoinRequestSchema, { kind: { case: 'registration', value } }));
    this.#sendState(call);
    // A peer that takes the call and says nothing is as good as none.
    this.#cancel = runAfter(this.#env.timers, firstAnswerMs, () => this.#giveUp(call));
  }

  #giveUp(call: ClientCall<JoinRequest>): void {
    this.#call = null;
    call.cancel();
    this.#rest('lost', `it gives no answer within ${firstAnswerMs / 1000} s`, lostBackoff);
  }

  #sendState(call: ClientCall<JoinRequest>): void {
    const value = create(StateSchema, { serving: this.#serving });
    call.send(create(JoinRequestSchema, { kind: { case: 'state', value } }));
  }

  #answered(call: ClientCall<JoinRequest>, { warning }: JoinResponse): void {
    if (call !== this.#call) return;
    this.#cancel();
    if (this.#isJoined) return;
    this.#isJoined = true;
    this.#isKnown = true;
    // One that takes us and drops us again is not to be asked ten times a second.
    this.#cancel = runAfter(this.#env.timers, steadyMs, () => {
      this.#failures = 0;
    });
    this.#tell(`joined ${warning}`, { kind: 'joined', warning });
  }

  #ended(call: ClientCall<JoinRequest>, { code, message }: Status): void {
    if (call !== this.#call) return;
    this.#cancel();
    this.#call = null;
    const reason = `${codeName(code)}: ${message}`;
    if (refusals.has(code)) this.#rest('refused', reason, refusedBackoff);
    else this.#rest('lost', reason, lostBackoff);
  }

  #rest(kind: 'lost' | 'refused', reason: string, backoff: typeof lostBackoff): void {
    if (this.#isLeaving) {
      this.close();
      this.#env.onNews({ kind: 'left' });
      return;
    }
    this.#isJoined = false;
    if (kind === 'refused') this.#isKnown = false;
    this.#failures += 1;
    this.#tell(kind === 'lost' ? 'lost' : `refused ${reason}`, { kind, reason });
    const delayMs = backoffMs(backoff, this.#failures, this.#env.random);
    this.#cancel = runAfter(this.#env.timers, delayMs, () => this.#join());
  }

  /** An outage has one line, although its attempts fail in different ways. */
  #tell(said: string, news: RegistrationNews): void {
    if (said === this.#said) return;
    this.#said = said;
    this.#env.onNews(news);
  }
}

const lostBackoff = { minMs: 100, maxMs: 2_000 };
const refusedBackoff = { minMs: 5_000, maxMs: 60_000 };
const firstAnswerMs = 5_000;
const steadyMs = 2_000;
/** Asking again soon would get the same answer. */
const refusals: ReadonlySet<number> = new Set([
  Code.UNAUTHENTICATED,
  Code.PERMISSION_DENIED,
  Code.INVALID_ARGUMENT,
  Code.FAILED_PRECONDITION,
  Code.UNIMPLEMENTED,
]);
