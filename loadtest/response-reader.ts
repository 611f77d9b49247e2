/**
 * Finds the end of one response in the bytes of a connection. As little as a load generator needs:
 * a status and a content-length; anything else is `unreadable`, which the report counts as errors.
 */

type Progress = 'more' | 'done' | 'unreadable';

export class ResponseReader {
  status = 0;
  #head: Buffer = nothing;
  #left = -1;

  /** Bytes of the next response start the reader anew. */
  push(chunk: Buffer): Progress {
    if (this.#left >= 0) return this.#takeBody(chunk.length);
    const bytes = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) {
      // The chunk's memory may be read into again.
      this.#head = Buffer.from(bytes);
      return bytes.length > headBytesMax ? 'unreadable' : 'more';
    }
    this.#head = nothing;
    const head = bytes.toString('latin1', 0, end + 2);
    const length = /\r\ncontent-length:[ \t]*([0-9]+)[ \t]*\r\n/i.exec(head);
    this.status = Number(head.slice(9, 12));
    if (length === null || !head.startsWith('HTTP/1.')) return 'unreadable';
    this.#left = Number(length[1]);
    return this.#takeBody(bytes.length - end - 4);
  }

  #takeBody(length: number): Progress {
    this.#left -= length;
    if (this.#left > 0) return 'more';
    const over = this.#left < 0;
    this.#left = -1;
    return over ? 'unreadable' : 'done';
  }
}

const nothing = Buffer.alloc(0);
const headBytesMax = 64 * 1024;
