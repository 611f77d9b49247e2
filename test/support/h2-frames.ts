/**
 * Frames of HTTP/2 for tests, as plain as RFC 9113 draws them: written from values, also from such
 * as nobody may send, and shown as a line of text. A second reading, apart from the proxy's codec.
 */

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export const clientPreface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

interface BlockOptions {
  /** END_STREAM. */
  readonly ends?: boolean;
  /** Without END_HEADERS: CONTINUATION follows. */
  readonly partial?: boolean;
  /** PADDED, with so many bytes. */
  readonly padding?: number;
  /** PRIORITY, with this dependency. */
  readonly dependsOn?: number;
}

/** Bytes of frames by their names. */
export const frame = {
  raw(type: number, flags: number, streamId: number, payload: Buffer | string = ''): Buffer {
    const bytes = toBytes(payload);
    const head = Buffer.alloc(9);
    head.writeUIntBE(bytes.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(streamId >>> 0, 5);
    return Buffer.concat([head, bytes]);
  },

  data(streamId: number, content: Buffer | string, { ends, padding }: BlockOptions = {}): Buffer {
    const flags = (ends === true ? 0x1 : 0) | (padding === undefined ? 0 : 0x8);
    return frame.raw(0, flags, streamId, pad(toBytes(content), padding));
  },

  headers(streamId: number, block: Buffer, options: BlockOptions = {}): Buffer {
    const { ends, partial, padding, dependsOn } = options;
    const priority = dependsOn === undefined ? nothing : priorityOf(dependsOn);
    const flags =
      (ends === true ? 0x1 : 0) |
      (partial === true ? 0 : 0x4) |
      (padding === undefined ? 0 : 0x8) |
      (dependsOn === undefined ? 0 : 0x20);
    return frame.raw(1, flags, streamId, pad(Buffer.concat([priority, block]), padding));
  },

  continuation(streamId: number, block: Buffer, { partial }: BlockOptions = {}): Buffer {
    return frame.raw(9, partial === true ? 0 : 0x4, streamId, block);
  },

  priority(streamId: number, dependsOn: number): Buffer {
    return frame.raw(2, 0, streamId, priorityOf(dependsOn));
  },

  rstStream(streamId: number, code: number): Buffer {
    return frame.raw(3, 0, streamId, uint32(code));
  },

  settings(values: Readonly<Record<number, number>> = {}): Buffer {
    const entries = Object.entries(values).map(([setting, value]) => {
      const entry = Buffer.alloc(6);
      entry.writeUInt16BE(Number(setting), 0);
      entry.writeUInt32BE(value, 2);
      return entry;
    });
    return frame.raw(4, 0, 0, Buffer.concat(entries));
  },

  settingsAck(): Buffer {
    return frame.raw(4, 0x1, 0);
  },

  pushPromise(streamId: number, promisedId: number, block: Buffer): Buffer {
    return frame.raw(5, 0x4, streamId, Buffer.concat([uint32(promisedId), block]));
  },

  ping(opaque = '12345678', ack = false): Buffer {
    return frame.raw(6, ack ? 0x1 : 0, 0, opaque);
  },

  goaway(lastStreamId: number, code: number, debug = ''): Buffer {
    const payload = Buffer.concat([uint32(lastStreamId), uint32(code), toBytes(debug)]);
    return frame.raw(7, 0, 0, payload);
  },

  windowUpdate(streamId: number, increment: number): Buffer {
    return frame.raw(8, 0, streamId, uint32(increment));
  },
} as const;

/** Bytes in pieces of any size, as frames. */
export class FrameSplitter {
  #rest: Buffer = nothing;

  push(bytes: Buffer): Frame[] {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frames: Frame[] = [];
    let at = 0;
    while (all.length - at >= 9) {
      const end = at + 9 + all.readUIntBE(at, 3);
      if (end > all.length) break;
      frames.push({
        type: all[at + 3],
        flags: all[at + 4],
        streamId: all.readUInt32BE(at + 5) & 0x7fffffff,
        payload: all.subarray(at + 9, end),
      });
      at = end;
    }
    this.#rest = all.subarray(at);
    return frames;
  }
}

/** A line: `DATA 1 END_STREAM: abc`, `RST_STREAM 3 CANCEL`, `SETTINGS ACK`. */
export function showFrame(shown: Frame, fields: string | null): string {
  const { type, flags, streamId, payload } = shown;
  const name = typeNames[type] ?? `TYPE_${type}`;
  const ends = (flags & 0x1) !== 0 ? ' END_STREAM' : '';
  const whole = (flags & 0x4) !== 0 ? '' : ' PARTIAL';
  switch (type) {
    case 0:
      return line(`${name} ${streamId}${ends}`, contentOf(shown).toString('latin1'));
    case 1:
      return line(`${name} ${streamId}${ends}${whole}`, fields ?? '');
    case 9:
      return line(`${name} ${streamId}${whole}`, fields ?? '');
    case 3:
      return `${name} ${streamId} ${codeName(payload.readUInt32BE(0))}`;
    case 4:
      return (flags & 0x1) !== 0 ? `${name} ACK` : `${name}${showSettings(payload)}`;
    case 6:
      return `${name}${(flags & 0x1) !== 0 ? ' ACK' : ''}: ${payload.toString('latin1')}`;
    case 7: {
      const text = `${name} ${payload.readUInt32BE(0)} ${codeName(payload.readUInt32BE(4))}`;
      return line(text, payload.toString('latin1', 8));
    }
    case 8:
      return `${name} ${streamId} ${payload.readUInt32BE(0)}`;
    default:
      return line(`${name} ${streamId}`, payload.toString('latin1'));
  }
}

/** What a DATA or HEADERS frame carries beside padding and priority. */
export function contentOf({ type, flags, payload }: Frame): Buffer {
  const isPadded = (type === 0 || type === 1) && (flags & 0x8) !== 0;
  const start = (isPadded ? 1 : 0) + (type === 1 && (flags & 0x20) !== 0 ? 5 : 0);
  return payload.subarray(start, payload.length - (isPadded ? payload[0] : 0));
}

/** Error codes by their names, RFC 9113 7. */
export const code = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;

/** Settings by their names, RFC 9113 6.5.2. */
export const setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
} as const;

export function codeName(value: number): string {
  return codeNames[value] ?? String(value);
}

function line(start: string, rest: string): string {
  return rest === '' ? start : `${start}: ${rest}`;
}

function showSettings(payload: Buffer): string {
  let text = '';
  for (let at = 0; at + 6 <= payload.length; at += 6) {
    const id = payload.readUInt16BE(at);
    const name = settingNames.find(([, value]) => value === id)?.[0] ?? String(id);
    text += ` ${name}=${payload.readUInt32BE(at + 2)}`;
  }
  return text;
}

function priorityOf(dependsOn: number): Buffer {
  return Buffer.concat([uint32(dependsOn), Buffer.from([15])]);
}

function pad(content: Buffer, padding: number | undefined): Buffer {
  if (padding === undefined) return content;
  return Buffer.concat([Buffer.from([padding]), content, Buffer.alloc(padding)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0, 0);
  return bytes;
}

function toBytes(value: Buffer | string): Buffer {
  return typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
}

const nothing = Buffer.alloc(0);
const types =
  'DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE CONTINUATION';
const typeNames = types.split(' ');
const codeNames = Object.keys(code);
const settingNames = Object.entries(setting);
