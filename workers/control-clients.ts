/**
 * How main connects to a control plane: in plaintext on this machine, and in TLS elsewhere, where a
 * proxy without an identity of its own would have nothing to verify anybody by.
 */

import type { Address } from '../api/settings.ts';
import { isLoopback } from '../control/model/address.ts';
import { GrpcClient, type GrpcClientEnv } from '../core/grpc/client.ts';
import { controlNameOf } from '../core/identity/names.ts';
import type { TlsContexts } from '../core/tls/contexts.ts';
import type { ControlAccess } from './proxy-discovery.ts';

interface ControlClients extends Pick<ControlAccess, 'isSecured' | 'findPinned'> {
  readonly openClient: (address: Address, anonymous: boolean) => GrpcClient;
  /** Elsewhere nothing is answered before there is a certificate. */
  readonly isOpenTo: (address: Address) => boolean;
}

export function createControlClients(
  env: GrpcClientEnv,
  tls: TlsContexts,
  hasIdentity: boolean,
  serverName: string,
  onConnectFailed: (address: Address, detail: string) => void,
): ControlClients {
  const own = {
    contexts: tls,
    serverName: () => (serverName === '' ? controlNameOf(tls.name) : serverName),
  };
  const anonymous = {
    get client() {
      return tls.anonymous;
    },
  };
  const isSecured = ({ host }: Address): boolean => hasIdentity && !isLoopback(host);
  return {
    isSecured,
    isOpenTo: (address) => tls.certified || !isSecured(address),
    openClient(address, isAnonymous) {
      const security = isAnonymous ? { ...own, contexts: anonymous } : own;
      return new GrpcClient(env, address, {
        ...(isSecured(address) && { security }),
        onConnectFailed: (detail) => onConnectFailed(address, detail),
      });
    },
    async findPinned(address, serverName, pins) {
      // Only who has to find a trust anchor carries what it takes.
      const { findPinned } = await import('../core/tls/peer-chain.ts');
      return findPinned(env, address, serverName, pins);
    },
  };
}
