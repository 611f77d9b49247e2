/**
 * A process that is many proxies which want certificates: each a connection of its own, through the
 * client and the codec that a proxy uses, and each asks again as soon as it has been answered.
 * Prints one line of JSON: leaves in the window, and how long each took.
 *
 * Arguments: port, file of the token, connections, seconds.
 */

import { readFileSync } from 'node:fs';
import {
  type CertifyRequest,
  decodeCertifyResponse,
  encodeCertifyRequest,
} from '../../api/gen/proxy/identity.ts';
import { GrpcClient } from '../../core/grpc/client.ts';
import { createKey, createRequest } from '../../core/identity/csr.ts';
import { clientMethod, createClientEnv } from '../grpc-calls.ts';

export interface CertifiersFound {
  readonly leaves: number;
  readonly seconds: number;
  readonly tookMs: readonly number[];
  /** With those before the window. */
  readonly total: number;
  /** Answers that were no leaf, with the last reason. */
  readonly refused: number;
  readonly reason: string;
}

const [port, tokenFile, connections, seconds] = process.argv.slice(2);
const token = Buffer.from(readFileSync(tokenFile, 'latin1').trim());
const env = createClientEnv();
const certify = clientMethod(
  '/io.linkerd.proxy.identity.Identity/Certify',
  encodeCertifyRequest,
  decodeCertifyResponse,
);
const warmMs = 1_000;
const refusedMax = 100;

const startMs = performance.now();
const fromMs = startMs + warmMs;
const toMs = fromMs + Number(seconds) * 1000;
const tookMs: number[] = [];
let total = 0;
let refused = 0;
let reason = '';

/** Requests are made before, and are asked for again and again: signing them is not measured. */
function requestOf(index: number): CertifyRequest {
  const identity = `proxy-${index}.default.serviceaccount.identity.heddle.mesh.local`;
  return {
    identity,
    token,
    certificateSigningRequest: createRequest(identity, createKey()),
    heddleLeaf: new Uint8Array(0),
  };
}

function ask(client: GrpcClient, request: CertifyRequest): void {
  const askedMs = performance.now();
  let answered = false;
  const call = client.call(certify, {
    onMessage({ leafCertificate }) {
      answered = leafCertificate.length > 0;
    },
    onEnd(status) {
      const nowMs = performance.now();
      if (nowMs >= toMs) report();
      if (!answered) {
        refused += 1;
        reason = `${status.code} ${status.message}`;
        if (refused > refusedMax) report();
      } else {
        total += 1;
        if (nowMs >= fromMs) tookMs.push(nowMs - askedMs);
      }
      ask(client, request);
    },
  });
  call.send(request);
  call.end();
}

function report(): never {
  const found: CertifiersFound = {
    leaves: tookMs.length,
    seconds: Number(seconds),
    tookMs,
    total,
    refused,
    reason,
  };
  process.stdout.write(`${JSON.stringify(found)}\n`);
  process.exit(0);
}

for (let index = 0; index < Number(connections); index++) {
  ask(new GrpcClient(env, { host: '127.0.0.1', port: Number(port) }), requestOf(index));
}
