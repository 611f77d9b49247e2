/** What each of the compared servers serves, and how the bench drives it. */

import { create } from '@bufbuild/protobuf';
import { type Update, UpdateSchema } from '../../api/gen/control/destination_pb.ts';

const endpointsServed = 100;

/** The first message of a watch: a hundred endpoints as a cluster would have them. */
export function firstUpdate(): Update {
  return add(Array.from({ length: endpointsServed }, (_, index) => 10_000 + index));
}

/** One more endpoint. */
export function changeUpdate(port: number): Update {
  return add([port]);
}

function add(ports: readonly number[]): Update {
  const addrs = ports.map((port) => ({
    addr: { ip: { ip: { case: 'ipv4' as const, value: 0x0a000001 } }, port },
    weight: 10_000,
    metricLabels: { pod: `web-${port}`, zone: 'eu-1a' },
  }));
  const metricLabels = { namespace: 'default', service: 'web' };
  return create(UpdateSchema, { update: { case: 'add', value: { addrs, metricLabels } } });
}

/** Tells the bench the port, and calls `change` with each path and endpoint's port it names. */
export function serveBench(
  port: number,
  change: (path: string, endpointPort: number) => void,
): void {
  process.on('message', (order: { readonly path: string; readonly endpointPort: number }) => {
    change(order.path, order.endpointPort);
  });
  process.once('disconnect', () => process.exit(0));
  process.send?.({ port });
}
