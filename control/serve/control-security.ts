/** Who may speak with a control plane, and how: plaintext for this host alone, TLS for all. */

import type { IdentitySnapshot } from '../../api/identity.ts';
import type { ServerSecurity } from '../../core/grpc/server.ts';
import type { Logger } from '../../core/telemetry/log.ts';
import { TlsContexts } from '../../core/tls/contexts.ts';
import { isLoopback } from '../model/address.ts';
import { identityCertify, registryJoin } from './methods.ts';
import type { ControlMetrics } from './metrics.ts';

interface ControlSecurityEnv {
  readonly log: Logger;
  readonly metrics: ControlMetrics;
}

/** The control plane's own certificate, null while there is none that is good. */
interface OwnCertificate {
  readonly snapshot: IdentitySnapshot | null;
  onChange(listener: () => void): () => void;
}

/**
 * Without a certificate there are the methods that bring a token: the one that gets a certificate,
 * and the one that `heddle run` itself joins by.
 */
export function controlSecurity(own: OwnCertificate, env: ControlSecurityEnv): ServerSecurity {
  const { log, metrics } = env;
  const contexts = new TlsContexts();
  const take = (): void => {
    if (own.snapshot !== null) contexts.replace(own.snapshot);
  };
  take();
  own.onChange(take);
  return {
    contexts,
    allowsPlaintext: (host) => isLoopback(host.replace(/^::ffff:/, '')),
    openMethods: new Set([identityCertify.path, registryJoin.path]),
    onRefused: (peer, reason) => {
      metrics.count('heddle_control_connections_refused_total', {});
      log.info('heddle::control', 'a connection was closed', { peer, reason });
    },
  };
}
