/** What loads of gRPC are made with: our own client, and codecs of answers that are only read. */

import { systemClock } from '../core/base/clock.ts';
import { Deadlines } from '../core/base/deadlines.ts';
import { apiDepthMax, apiElementsMax } from '../core/base/limits.ts';
import { TimerWheel } from '../core/base/timers.ts';
import type { GrpcClientEnv } from '../core/grpc/client.ts';
import type { Method } from '../core/grpc/method.ts';
import { Io } from '../core/io/io.ts';

type Limits = { readonly depthMax: number; readonly elementsMax: number };

export function createClientEnv(): GrpcClientEnv {
  const timers = new TimerWheel(systemClock);
  const io = new Io(systemClock, new Float64Array(2));
  const deadlines = new Deadlines(timers, io);
  return { io, timers, deadlines, meter: { readCell: 0, writeCell: 1 } };
}

/** A method as a client needs it. */
export function clientMethod<Request, Response>(
  path: string,
  encode: (request: Request) => Uint8Array,
  decode: (bytes: Uint8Array, limits: Limits) => Response | string,
): Method<Request, Response> {
  return {
    path,
    request: { encode, decode: () => null },
    response: {
      encode: () => new Uint8Array(0),
      decode: (bytes) => {
        const response = decode(bytes, limits);
        return typeof response === 'string' ? null : response;
      },
    },
  };
}

const limits: Limits = { depthMax: apiDepthMax, elementsMax: apiElementsMax };
