/** Processes that join a registry, and who serves a service according to it. */

import assert from 'node:assert/strict';
import type { Registration } from '../../control/model/registration.ts';
import type { Registry } from '../../control/sources/registry.ts';

export function registration(rest: Partial<Registration> = {}): Registration {
  return {
    instance: 'a',
    namespace: 'demo',
    service: 'web',
    servicePort: 80,
    protocol: 'auto',
    host: '127.0.0.1',
    port: 4001,
    weight: 1,
    zone: '',
    admin: '',
    version: '0.1.0',
    ...rest,
  };
}

/** Ports of the endpoints now. */
export function joinedPorts(registry: Registry, name = 'web', namespace = 'demo'): number[] {
  let ports: number[] = [];
  registry
    .openEndpoints(
      { namespace, name, port: 80 },
      {
        onEndpoints: (endpoints) => {
          ports = endpoints.map(({ port }) => port);
        },
        onError: (reason) => assert.fail(reason),
      },
    )
    .close();
  return ports;
}
