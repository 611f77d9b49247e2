/** The methods of the control API by which a proxy gets its certificate and hears of others. */

import {
  type CertifyRequest,
  type CertifyResponse,
  decodeCertifyResponse,
  encodeCertifyRequest,
} from '../../api/gen/proxy/identity.ts';
import {
  decodeTrustResponse,
  encodeTrustRequest,
  type TrustRequest,
  type TrustResponse,
} from '../../api/gen/proxy/registry.ts';
import { apiDepthMax, apiElementsMax } from '../base/limits.ts';
import type { Method } from '../grpc/method.ts';

export const certifyMethod: Method<CertifyRequest, CertifyResponse> = {
  path: '/io.linkerd.proxy.identity.Identity/Certify',
  request: { encode: encodeCertifyRequest, decode: () => null },
  response: {
    encode: () => new Uint8Array(),
    decode: (bytes) => orNull(decodeCertifyResponse(bytes, limits)),
  },
};

export const trustMethod: Method<TrustRequest, TrustResponse> = {
  path: '/heddle.registry.v1.Registry/Trust',
  request: { encode: encodeTrustRequest, decode: () => null },
  response: {
    encode: () => new Uint8Array(),
    decode: (bytes) => orNull(decodeTrustResponse(bytes, limits)),
  },
};

function orNull<Message extends object>(decoded: Message | string): Message | null {
  return typeof decoded === 'string' ? null : decoded;
}

const limits = { depthMax: apiDepthMax, elementsMax: apiElementsMax };
