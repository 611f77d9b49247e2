/** What every part of the proxy in one thread shares. */

import type { WorkerToMain } from '../../api/messages.ts';
import type { ProxySettings } from '../../api/settings.ts';
import type { SharedMemory } from '../../api/shared-memory.ts';
import type { Slots } from '../balance/slots.ts';
import type { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Deadlines } from '../base/deadlines.ts';
import type { Random } from '../base/random.ts';
import type { TimerWheel } from '../base/timers.ts';
import type { Exchanges } from '../http/exchange.ts';
import { H2Thread } from '../http/h2/thread.ts';
import type { Io } from '../io/io.ts';
import { createTune, type Tune } from '../io/tcp-options.ts';
import type { AccessLog } from '../telemetry/access-log.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Registry } from '../telemetry/registry.ts';
import type { TlsContexts } from '../tls/contexts.ts';

export type DirectionName = 'inbound' | 'outbound';

export interface Core {
  /** Index of this thread's columns and rows in shared memory. */
  readonly worker: number;
  /** Of both directions, or of the one that this is the core of. */
  readonly settings: ProxySettings;
  readonly memory: SharedMemory;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly deadlines: Deadlines;
  readonly random: Random;
  readonly io: Io;
  readonly slots: Slots;
  readonly registry: Registry;
  readonly cells: Float64Array;
  readonly exchanges: Exchanges;
  readonly h2: H2Thread;
  /** Set the options of connections of clients, and of those to endpoints. */
  readonly tuneAccepted: Tune | null;
  readonly tuneConnected: Tune | null;
  /** How long an endpoint is left alone that could not be reached. */
  readonly connectBackoff: Backoff;
  /** Who this proxy is and whom it trusts, for its connections with peers. */
  readonly tls: TlsContexts;
  readonly log: Logger;
  readonly accessLog: AccessLog | null;
  /** The loop guard: this address is one that the proxy itself listens on. */
  readonly isOwnListener: (host: string, port: number) => boolean;
  /** Ends connections that are kept for later; false when there are none. */
  readonly freeDescriptors: () => boolean;
  readonly post: (message: WorkerToMain) => void;
}

/** With what is of this direction alone. */
export function coreOf(core: Core, name: DirectionName): Core {
  const { inboundOnly, outboundOnly } = core.settings;
  const only = name === 'inbound' ? inboundOnly : outboundOnly;
  const settings = { ...core.settings, ...only };
  const isSame = Object.keys(only).length === 0;
  const { acceptKeepAliveMs, acceptUserTimeoutMs } = settings;
  const { connectKeepAliveMs, connectUserTimeoutMs } = settings;
  const onMissing = (reason: string): void => {
    core.log.warn('heddle::proxy', 'User timeouts of TCP have no effect', {
      direction: name,
      reason,
    });
  };
  return {
    ...core,
    settings,
    h2: isSame ? core.h2 : h2Of(settings),
    tuneAccepted: createTune(acceptKeepAliveMs, acceptUserTimeoutMs, onMissing),
    tuneConnected: createTune(connectKeepAliveMs, connectUserTimeoutMs, onMissing),
    connectBackoff: { minMs: settings.connectBackoffMinMs, maxMs: settings.connectBackoffMaxMs },
  };
}

export function h2Of(settings: ProxySettings): H2Thread {
  return new H2Thread({
    headBytesMax: settings.http2MaxHeaderListSize,
    headFieldsMax: settings.headFieldsMax,
    initialStreamWindowBytes: settings.http2InitialStreamWindowSize,
    initialConnectionWindowBytes: settings.http2InitialConnectionWindowSize,
    maxConcurrentStreams: settings.http2MaxConcurrentStreams,
    maxFrameBytes: settings.http2MaxFrameSize,
  });
}
