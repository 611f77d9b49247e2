/** The service of gRPC that applications of pods have: text comes back. */

import * as grpc from '@grpc/grpc-js';

const encode = (text: string): Buffer => Buffer.from(text);
const decode = (bytes: Buffer): string => bytes.toString();

export const echoService = {
  say: {
    path: '/pod.Echo/Say',
    requestStream: false,
    responseStream: false,
    requestSerialize: encode,
    requestDeserialize: decode,
    responseSerialize: encode,
    responseDeserialize: decode,
  },
} satisfies grpc.ServiceDefinition;

/** The answer, or the error as the library says it. */
export function callEcho(address: string, name: string, text: string): Promise<string> {
  const options = { 'grpc.default_authority': name };
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), options);
  const { promise, resolve } = Promise.withResolvers<string>();
  client.makeUnaryRequest(echoService.say.path, encode, decode, text, (error, answer) => {
    client.close();
    resolve(error === null ? String(answer) : error.message);
  });
  return promise;
}
