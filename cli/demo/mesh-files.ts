/** The configurations of the demo's two proxies as text. Pure. */

export interface EdgePorts {
  readonly outbound: number;
  readonly admin: number;
  readonly echoBind: number;
}

export interface SidecarPorts {
  readonly outbound: number;
  readonly inbound: number;
  readonly admin: number;
}

export interface AppPorts {
  readonly web: number;
  readonly users: readonly number[];
  readonly greeters: readonly number[];
  readonly prices: number;
  readonly echo: number;
}

/** For the client side: everything that has a name in the demo. */
export function edgeFile(ports: EdgePorts, sidecar: SidecarPorts, apps: AppPorts): string {
  return `# The proxy of the client side. web is reached through its own proxy.
services:
  web:
    port: 80
    protocol: http1
    endpoints: [127.0.0.1:${sidecar.inbound}]
  users:
    port: 80
    protocol: http1
    endpoints: [${listAddresses(apps.users)}]
  greeter:
    port: 80
    protocol: grpc
    endpoints: [${listAddresses(apps.greeters)}]
  prices:
    port: 80
    protocol: http2
    endpoints: [127.0.0.1:${apps.prices}]
  echo:
    port: 7
    protocol: opaque
    bind: 127.0.0.1:${ports.echoBind}
    endpoints: [127.0.0.1:${apps.echo}]
proxy:
  outbound: 127.0.0.1:${ports.outbound}
  admin: 127.0.0.1:${ports.admin}
  workers: 1
${ending}`;
}

/** Beside web: brings requests to it, and carries those that it makes. */
export function sidecarFile(ports: SidecarPorts, apps: AppPorts): string {
  return `# The proxy beside web: inbound to it, outbound from it to users.
services:
  users:
    port: 80
    protocol: http1
    endpoints: [${listAddresses(apps.users)}]
proxy:
  outbound: 127.0.0.1:${ports.outbound}
  inbound: 127.0.0.1:${ports.inbound}
  inboundTo: 127.0.0.1:${apps.web}
  admin: 127.0.0.1:${ports.admin}
  workers: 0
${ending}`;
}

function listAddresses(ports: readonly number[]): string {
  return ports.map((port) => `127.0.0.1:${port}`).join(', ');
}

/** Nobody waits for the end of a demo. */
const ending = `  announceMs: 0
  graceMs: 1000
`;
