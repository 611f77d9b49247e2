/** One request for a certificate at whichever control plane is there; it ends in any case. */

import type { CertifyRequest, CertifyResponse } from '../../api/gen/proxy/identity.ts';
import { certifyTimeoutMs } from '../base/limits.ts';
import { Timer, type TimerWheel } from '../base/timers.ts';
import { codeName } from '../grpc/status.ts';
import { GrpcCode } from '../http/grpc.ts';
import type { ControlCall, ControlChannel } from './control-channel.ts';
import { certifyMethod } from './identity-methods.ts';

interface CallEnv {
  readonly timers: TimerWheel;
  readonly channel: Pick<ControlChannel, 'openAnonymous' | 'whenUsable'>;
}

/** Resolves with the answer, or with why there is none. */
export function certify(env: CallEnv, request: CertifyRequest): Promise<CertifyResponse | string> {
  const { promise, resolve } = Promise.withResolvers<CertifyResponse | string>();
  const { timers, channel } = env;
  let call: ControlCall | null = null;
  let stopWaiting: (() => void) | null = null;
  let answer: CertifyResponse | null = null;
  const timer = new Timer({
    onTimer: () => {
      stopWaiting?.();
      call?.cancel(true);
      const whom = call === null ? 'no control plane is found' : `${call.address} does not answer`;
      resolve(`${whom} within ${certifyTimeoutMs} ms`);
    },
  });
  const end = (result: CertifyResponse | string): void => {
    timers.cancel(timer);
    resolve(result);
  };
  const open = (): void => {
    call = channel.openAnonymous(certifyMethod, request, {
      onMessage: (message) => {
        answer ??= message;
      },
      onEnd: ({ code, message }) => {
        if (code === GrpcCode.OK) end(answer ?? 'the answer is empty');
        else end(message === '' ? codeName(code) : `${codeName(code)}: ${message}`);
      },
    });
    if (call === null) stopWaiting = channel.whenUsable(open);
  };
  timers.arm(timer, certifyTimeoutMs);
  open();
  return promise;
}
