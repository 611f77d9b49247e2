/** The control plane's codec as tests want it: all of the API by name. */

import { createRegistry, type DescFile, type DescMessage } from '@bufbuild/protobuf';
import { file_destination } from '../../api/gen/control/destination_pb.ts';
import { file_grpc_route } from '../../api/gen/control/grpc_route_pb.ts';
import { file_http_route } from '../../api/gen/control/http_route_pb.ts';
import { file_http_types } from '../../api/gen/control/http_types_pb.ts';
import { file_identity } from '../../api/gen/control/identity_pb.ts';
import { file_inbound } from '../../api/gen/control/inbound_pb.ts';
import { file_meta } from '../../api/gen/control/meta_pb.ts';
import { file_net } from '../../api/gen/control/net_pb.ts';
import { file_opaque_route } from '../../api/gen/control/opaque_route_pb.ts';
import { file_outbound } from '../../api/gen/control/outbound_pb.ts';
import { file_registry } from '../../api/gen/control/registry_pb.ts';
import { file_tap } from '../../api/gen/control/tap_pb.ts';
import { file_tls_route } from '../../api/gen/control/tls_route_pb.ts';

export const controlFiles: readonly DescFile[] = [
  file_destination,
  file_grpc_route,
  file_http_route,
  file_http_types,
  file_identity,
  file_inbound,
  file_meta,
  file_net,
  file_opaque_route,
  file_outbound,
  file_tap,
  file_tls_route,
];

/** Throws when there is none of that name. */
export function controlSchema(typeName: string): DescMessage {
  const schema = registry.getMessage(typeName);
  if (schema === undefined) throw new Error(`api/proto has no message ${typeName}`);
  return schema;
}

/** Linkerd's API, and of ours what a proxy speaks too. */
const registry = createRegistry(...controlFiles, file_registry);
