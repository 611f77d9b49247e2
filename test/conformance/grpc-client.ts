/** Calls of grpc-js as promises: what was received, and the status with which the call ended. */

import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  credentials,
  Metadata,
  type ServiceDefinition,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';

interface Unary<Response> {
  readonly response: Response | undefined;
  readonly initial: Metadata;
  readonly status: StatusObject;
}

export class GrpcClient {
  readonly #client: Client;
  readonly #service: ServiceDefinition;

  /** `options` as of grpc-js; by default one connection of its own and no proxy but ours. */
  constructor(address: string, service: ServiceDefinition, options: ClientOptions = {}) {
    this.#service = service;
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.enable_http_proxy': 0,
      'grpc.max_receive_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    });
  }

  close(): void {
    this.#client.close();
  }

  unary<Response>(
    method: string,
    request: object,
    metadata: Metadata = new Metadata(),
    options: CallOptions = {},
  ): Promise<Unary<Response>> {
    const { path, requestSerialize, responseDeserialize } = this.#service[method];
    return new Promise((resolve) => {
      let response: Response | undefined;
      let initial = new Metadata();
      const call = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        options,
        (_error: ServiceError | null, value?: Response) => {
          response = value;
        },
      );
      call.on('metadata', (received: Metadata) => {
        initial = received;
      });
      // It comes last, and tells of errors too.
      call.on('status', (status: StatusObject) => resolve({ response, initial, status }));
    });
  }

  /** A call with streams in either direction; `requests` are sent as they come. */
  stream<Request, Response>(
    method: string,
    metadata: Metadata = new Metadata(),
    options: CallOptions = {},
  ): GrpcStream<Request, Response> {
    const { path, requestSerialize, responseDeserialize } = this.#service[method];
    const call = this.#client.makeBidiStreamRequest<Request, Response>(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
      options,
    );
    return new GrpcStream(call);
  }
}

class GrpcStream<Request, Response> {
  readonly received: Response[] = [];
  readonly status: Promise<StatusObject>;
  readonly #call: ClientDuplexStream<Request, Response>;
  #wake = Promise.withResolvers<void>();
  #ended = false;

  constructor(call: ClientDuplexStream<Request, Response>) {
    this.#call = call;
    this.status = new Promise((resolve) => {
      call.on('status', (status: StatusObject) => {
        this.#ended = true;
        this.#wake.resolve();
        resolve(status);
      });
    });
    call.on('error', () => {});
    call.on('data', (response: Response) => {
      this.received.push(response);
      this.#wake.resolve();
    });
  }

  /** Resolves when there is room for more; fails when the call has ended. */
  send(request: Request): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = ({ code, details }: StatusObject): void => {
        reject(new Error(`ended with ${code} ${details}`));
      };
      this.#call.once('status', fail);
      this.#call.write(request, () => {
        this.#call.off('status', fail);
        resolve();
      });
    });
  }

  end(): void {
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }

  /** Resolves when so many messages have come; fails when the call ends before. */
  async untilReceived(count: number): Promise<void> {
    while (this.received.length < count) {
      if (this.#ended) throw new Error(`ended after ${this.received.length} messages`);
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
  }
}
