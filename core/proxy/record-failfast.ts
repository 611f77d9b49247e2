/** Says that something has waited for too long in a queue that has no balancer behind it. */

import type { LogSpan } from '../../api/messages.ts';
import { formatSeconds } from '../base/seconds.ts';
import type { Logger } from '../telemetry/log.ts';

export const failfastTarget = 'heddle::proxy::failfast';

export function recordFailfast(
  log: Logger,
  service: string,
  limitMs: number,
  spans: readonly LogSpan[],
): void {
  const message = `Service entering failfast after ${formatSeconds(limitMs)}`;
  log.warn(failfastTarget, message, service === '' ? {} : { service }, spans);
}
