/**
 * Thousands of proxies that ask a control plane for a certificate at once: calls of
 * Identity.Certify by node:http2, as many at a time as connections and streams allow, each for a
 * name of its own. Who is told that there is no room asks again, as proxies do.
 */

import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { CertifyRequestSchema, CertifyResponseSchema } from '../api/gen/control/identity_pb.ts';
import { createKey, createRequest } from '../core/identity/csr.ts';

interface StormOptions {
  /** `127.0.0.1:8086` */
  readonly control: string;
  /** The right to all names. */
  readonly token: string;
  readonly proxies: number;
  readonly connections: number;
}

interface Storm {
  /** How many proxies have a certificate in the end. */
  readonly certified: number;
  /** Answers that there was no room, each followed by another request. */
  readonly refused: number;
  /** What else was answered; none of it is expected. */
  readonly failures: readonly string[];
  /** From the first request to the last certificate, and until half had one. */
  readonly seconds: number;
  readonly medianSeconds: number;
  /** Requests that were outstanding at one time, at the most. */
  readonly outstandingMax: number;
}

export async function certifyAll(options: StormOptions): Promise<Storm> {
  const { control, token, proxies, connections } = options;
  // One key does for all: what is verified is that each request is signed by its own.
  const key = createKey();
  const bodies = Array.from({ length: proxies }, (_, index) => {
    const identity = `p${index}.storm.serviceaccount.identity.heddle.mesh.local`;
    const certificateSigningRequest = createRequest(identity, key);
    return frame({ identity, token: Buffer.from(token), certificateSigningRequest });
  });
  const sessions = Array.from({ length: connections }, () => connect(`http://${control}`));
  await Promise.all(sessions.map((session) => once(session, 'remoteSettings')));
  const doneMs: number[] = [];
  const failures: string[] = [];
  let refused = 0;
  let outstanding = 0;
  let outstandingMax = 0;
  const startMs = performance.now();
  const runOne = async (body: Buffer, index: number): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      outstanding += 1;
      outstandingMax = Math.max(outstandingMax, outstanding);
      const { status, message } = await certify(sessions[index % connections], body);
      outstanding -= 1;
      if (status === '0') {
        const { leafCertificate } = fromBinary(CertifyResponseSchema, message.subarray(5));
        if (leafCertificate.length === 0) failures.push('an answer without a leaf');
        else doneMs.push(performance.now() - startMs);
        return;
      }
      if (status !== resourceExhausted || attempt === attemptsMax) {
        failures.push(`status ${status}`);
        return;
      }
      refused += 1;
      await sleep(retryMs * attempt);
    }
  };
  await Promise.all(bodies.map(runOne));
  for (const session of sessions) session.close();
  return {
    certified: doneMs.length,
    refused,
    failures,
    seconds: Math.max(...doneMs) / 1000,
    medianSeconds: (doneMs.toSorted((a, b) => a - b)[doneMs.length >> 1] ?? 0) / 1000,
    outstandingMax,
  };
}

function certify(
  session: ClientHttp2Session,
  body: Buffer,
): Promise<{ readonly status: string; readonly message: Buffer }> {
  return new Promise((resolve) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/io.linkerd.proxy.identity.Identity/Certify',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const parts: Buffer[] = [];
    let status = 'none';
    const take = (headers: Readonly<Record<string, unknown>>): void => {
      const said = headers['grpc-status'];
      if (typeof said === 'string') status = said;
    };
    stream.on('response', take);
    stream.on('trailers', take);
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('error', (error) => {
      status = String(error);
    });
    stream.on('close', () => resolve({ status, message: Buffer.concat(parts) }));
    stream.end(body);
  });
}

function frame(request: Parameters<typeof create<typeof CertifyRequestSchema>>[1]): Buffer {
  const message = toBinary(CertifyRequestSchema, create(CertifyRequestSchema, request));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const resourceExhausted = '8';
const attemptsMax = 20;
const retryMs = 200;
