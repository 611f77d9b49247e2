/** What all connections of a command to control planes share. Nobody reads their byte counts. */

import type { Clock } from '../core/base/clock.ts';
import { Deadlines } from '../core/base/deadlines.ts';
import type { TimerWheel } from '../core/base/timers.ts';
import type { GrpcClientEnv } from '../core/grpc/client.ts';
import { Io } from '../core/io/io.ts';

export function createGrpcEnv(clock: Clock, timers: TimerWheel): GrpcClientEnv {
  const io = new Io(clock, new Float64Array(2));
  const meter = { readCell: 0, writeCell: 1 };
  return { io, timers, deadlines: new Deadlines(timers, io), meter };
}
