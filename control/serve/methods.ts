/** The methods of the API that a control plane serves, with the codec of its messages. */

import {
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Authority } from '../../api/gen/control/authority_pb.ts';
import { Destination } from '../../api/gen/control/destination_pb.ts';
import { Identity } from '../../api/gen/control/identity_pb.ts';
import { InboundServerPolicies } from '../../api/gen/control/inbound_pb.ts';
import { OutboundPolicies } from '../../api/gen/control/outbound_pb.ts';
import { Registry } from '../../api/gen/control/registry_pb.ts';
import { View } from '../../api/gen/control/view_pb.ts';
import type { MessageCodec, Method } from '../../core/grpc/method.ts';

export const authorityStatus = methodOf(Authority.method.status);
export const authorityRotate = methodOf(Authority.method.rotate);
export const authorityRotateIssuer = methodOf(Authority.method.rotateIssuer);
export const authorityRepair = methodOf(Authority.method.repair);
export const destinationGet = methodOf(Destination.method.get);
export const destinationGetProfile = methodOf(Destination.method.getProfile);
export const outboundGet = methodOf(OutboundPolicies.method.get);
export const outboundWatch = methodOf(OutboundPolicies.method.watch);
export const inboundGetPort = methodOf(InboundServerPolicies.method.getPort);
export const inboundWatchPort = methodOf(InboundServerPolicies.method.watchPort);
export const identityCertify = methodOf(Identity.method.certify);
export const registryJoin = methodOf(Registry.method.join);
export const registryTrust = methodOf(Registry.method.trust);
export const viewEndpoints = methodOf(View.method.endpoints);
export const viewStatus = methodOf(View.method.status);

function methodOf<Request extends DescMessage, Response extends DescMessage>(
  method: DescMethod & { readonly input: Request; readonly output: Response },
): Method<MessageShape<Request>, MessageShape<Response>> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    request: codecOf(method.input),
    response: codecOf(method.output),
  };
}

/** Fields that we do not know are dropped: nothing is passed on. */
function codecOf<Desc extends DescMessage>(desc: Desc): MessageCodec<MessageShape<Desc>> {
  return {
    encode: (message) => toBinary(desc, message),
    decode: (bytes) => fromBinary(desc, bytes, { readUnknownFields: false }),
  };
}
