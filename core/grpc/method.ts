/** What a call is about: its path, and how its messages become bytes and back. */

/** Where both sides of a call agree on a message's form; protobuf, as a rule. */
export interface MessageCodec<Message> {
  encode(message: Message): Uint8Array;
  /** The bytes belong to the message from now on. Null, or an error: they are no message. */
  decode(bytes: Uint8Array): Message | null;
}

export interface Method<Request, Response> {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly request: MessageCodec<Request>;
  readonly response: MessageCodec<Response>;
}

/** Whatever is wrong with the bytes, it is the peer's fault, and null. */
export function decodeMessage<Message>(
  codec: MessageCodec<Message>,
  bytes: Uint8Array,
): Message | null {
  try {
    return codec.decode(bytes);
  } catch {
    return null;
  }
}
