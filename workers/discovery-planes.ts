/**
 * The control planes of this process: whom it asks for endpoints, for policies and for its
 * certificate. Those that are the same share one way there.
 */

import type { Address, ProxySettings } from '../api/settings.ts';
import { formatAddress } from '../control/model/address.ts';
import { followAddresses } from '../control/sources/follow-addresses.ts';
import { explainSystemError } from '../core/base/node-error.ts';
import { ControlPlane, type ControlPlanes, type PlaneEnv } from '../core/discover/control-plane.ts';
import type { GrpcClientEnv } from '../core/grpc/client.ts';
import type { Logger } from '../core/telemetry/log.ts';
import type { TlsContexts } from '../core/tls/contexts.ts';
import { createControlClients } from './control-clients.ts';
import { controllerEndpointSpans, controllerSpans, type PlaneRole } from './log-spans.ts';
import type { ControlAccess } from './proxy-discovery.ts';

interface PlanesEnv extends Pick<PlaneEnv, 'io' | 'clock' | 'random'> {
  readonly log: Logger;
  readonly client: GrpcClientEnv;
  readonly tls: TlsContexts;
  readonly open: Parameters<typeof followAddresses>[1];
}

interface OpenPlanes {
  readonly planes: ControlPlanes;
  /** To the one that certifies. */
  readonly access: Omit<ControlAccess, 'counters'>;
  close(): void;
}

export function openControlPlanes(settings: ProxySettings, env: PlanesEnv): OpenPlanes {
  const { io, clock, random, log, client, tls, open } = env;
  const opened = new Map<string, { plane: ControlPlane; access: OpenPlanes['access'] }>();
  const renew = (): void => {
    for (const { plane } of opened.values()) plane.renew();
  };
  const openOne = ({ text, serverName }: Place, role: PlaneRole) => {
    const key = `${text} ${serverName}`;
    const known = opened.get(key);
    if (known !== undefined) return known;
    const hasIdentity = settings.identity !== '';
    const onConnectFailed = (address: Address, detail: string): void => {
      const addr = formatAddress(address);
      const error = `endpoint ${addr}: ${explainSystemError(detail)}`;
      const spans = controllerEndpointSpans(role, text, addr);
      log.warn(logTarget, 'Failed to connect', { error }, spans);
    };
    const clients = createControlClients(client, tls, hasIdentity, serverName, onConnectFailed);
    const plane = new ControlPlane(
      {
        io,
        clock,
        random,
        log: {
          warn: (message, fields) =>
            log.warn(logTarget, message, fields, controllerSpans(role, text)),
        },
        ...clients,
        followControl: (onAddresses, onError) =>
          followAddresses(text, open, { onAddresses, onError }),
      },
      text,
    );
    const one = { plane, access: { ...clients, plane, serverName, renew } };
    opened.set(key, one);
    return one;
  };
  const { destination, policy, identity } = placesOf(settings);
  // Lines about one that is asked for everything speak of the first.
  const planes = {
    destination: openOne(destination, 'dst').plane,
    policy: openOne(policy, 'policy').plane,
  };
  const certifying = openOne(identity, 'identity');
  return {
    planes: { ...planes, identity: certifying.plane },
    access: certifying.access,
    close() {
      for (const { plane } of opened.values()) plane.close();
    },
  };
}

interface Place {
  readonly text: string;
  /** Empty: the control plane of the proxy's own trust domain. */
  readonly serverName: string;
}

function placesOf(settings: ProxySettings): Record<keyof ControlPlanes, Place> {
  const { control, controlPolicy, controlIdentity } = settings;
  const common = { text: control, serverName: settings.controlServerName };
  // Whoever answers in the place of `control` is who answers there, unless it is said.
  const placeOf = (text: string, serverName: string): Place =>
    text === '' ? { ...common, ...(serverName !== '' && { serverName }) } : { text, serverName };
  return {
    destination: common,
    policy: placeOf(controlPolicy, settings.controlPolicyServerName),
    identity: placeOf(controlIdentity, settings.controlIdentityServerName),
  };
}

const logTarget = 'heddle::discovery';
