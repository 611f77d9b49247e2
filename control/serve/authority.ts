/**
 * heddle.identity.v1.Authority: how the certificates of the mesh do, for commands that show it; and
 * rotations and repairs, for who has the right to any name.
 */

import { create } from '@bufbuild/protobuf';
import { type AuthorityStatus, AuthorityStatusSchema } from '../../api/gen/control/authority_pb.ts';
import type { Clock } from '../../core/base/clock.ts';
import type { Method } from '../../core/grpc/method.ts';
import type { ServerCall } from '../../core/grpc/server-call.ts';
import { Code, okStatus, type Status } from '../../core/grpc/status.ts';
import type { Certificate } from '../../core/identity/certificate.ts';
import type { Authority } from '../issuer/authority.ts';
import type { AuthorityView } from '../issuer/authority-view.ts';
import type { JoinClaims, Refusal } from '../issuer/join-token.ts';
import {
  authorityRepair,
  authorityRotate,
  authorityRotateIssuer,
  authorityStatus,
} from './methods.ts';
import type { Streams } from './streams.ts';

interface AuthorityServiceEnv {
  readonly authority: Authority;
  readonly streams: Streams;
  readonly clock: Clock;
  readonly verify: (token: string, nowWallMs: number) => JoinClaims | Refusal;
  /** When the leaf of the control plane itself ends, in milliseconds since 1970. */
  readonly ownEndMs: () => number;
}

export function serveAuthority(env: AuthorityServiceEnv): void {
  const { authority, streams } = env;
  streams.serve(authorityStatus, (call) => answer(env, call));
  streams.serve(authorityRotate, (call, { token, force }) => {
    const act = (): string | null => (force ? authority.force() : authority.rotate());
    perform(env, authorityRotate, call, token, act);
  });
  streams.serve(authorityRotateIssuer, (call, { token }) => {
    perform(env, authorityRotateIssuer, call, token, () => authority.rotateIssuer());
  });
  streams.serve(authorityRepair, (call, { token }) => {
    perform(env, authorityRepair, call, token, () => authority.repair());
  });
}

function perform<Request>(
  env: AuthorityServiceEnv,
  method: Method<Request, AuthorityStatus>,
  call: ServerCall<Request, AuthorityStatus>,
  token: string,
  act: () => string | null,
): void {
  const refused = refuse(env, token);
  if (refused !== null) {
    env.streams.refuse(method, call, refused);
    return;
  }
  const problem = act();
  if (problem === null) answer(env, call);
  else env.streams.refuse(method, call, { code: Code.FAILED_PRECONDITION, message: problem });
}

function refuse({ verify, clock }: AuthorityServiceEnv, token: string): Status | null {
  const claims = verify(token, clock.wallMs());
  if ('refusal' in claims) return { code: Code.UNAUTHENTICATED, message: claims.refusal };
  if (claims.namespace === '*' && claims.service === '*') return null;
  const message =
    'the token is not for all names: send local.token of the state folder of heddle up';
  return { code: Code.PERMISSION_DENIED, message };
}

function answer<Request>(
  { authority, clock, ownEndMs }: AuthorityServiceEnv,
  call: ServerCall<Request, AuthorityStatus>,
): void {
  const { view, trustDomain } = authority;
  const unconfirmed = view.phase === 'idle' ? [] : authority.waitingFor();
  call.send(
    create(AuthorityStatusSchema, {
      trustDomain,
      problem: view.problem,
      own: view.isOwn,
      anchors: view.anchors.map((one) => ({ certificate: one.der, role: roleOf(one, view) })),
      issuer: { chain: view.chain.map(({ der }) => der) },
      bundle: view.digest,
      phase: view.phase,
      phaseSinceMs: BigInt(Math.round(view.phaseSinceMs)),
      unconfirmed: unconfirmed.slice(0, shownMax),
      unconfirmedCount: unconfirmed.length,
      nowMs: BigInt(Math.round(clock.wallMs())),
      controlExpiresMs: BigInt(Math.round(ownEndMs())),
    }),
  );
  call.end(okStatus);
}

function roleOf({ fingerprint }: Certificate, view: AuthorityView): string {
  if (view.next?.fingerprint === fingerprint) return 'next';
  return view.wanted.some((one) => one.fingerprint === fingerprint) ? 'current' : 'retiring';
}

const shownMax = 100;
