/** Limits of what is known about the policies of inbound ports; `limits.ts` has the others. */

import { assert } from './assert.ts';
import { diskWaitMs } from './limits.ts';

/** After which an inbound port that nobody has said the policy of goes by the default one. */
export const defaultPolicyAfterMs = 500;
/** Inbound ports whose policies are watched from the start. */
export const inboundPortsMax = 1_024;

assert(diskWaitMs < defaultPolicyAfterMs, 'what is on disk comes before the default policy');
