/**
 * A real DNS server on 127.0.0.1, over UDP and TCP on one port, that answers from a table and
 * misbehaves on request: fails, stays silent, lies about the id, truncates, sends garbage.
 */

import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface DnsRecord {
  readonly type: 'A' | 'AAAA' | 'SRV' | 'CNAME';
  readonly name: string;
  readonly ttl: number;
  readonly data: unknown;
}

interface DnsAnswerScript {
  readonly rcode?: 'NOERROR' | 'FORMERR' | 'SERVFAIL' | 'NXDOMAIN' | 'REFUSED';
  readonly answers?: readonly DnsRecord[];
  readonly additionals?: readonly DnsRecord[];
  /**
   * `silent` never answers; `wrong-id`, `wrong-question` and `garbage` come before the answer;
   * `no-edns` refuses queries with EDNS as malformed.
   */
  readonly trouble?: 'silent' | 'wrong-id' | 'wrong-question' | 'garbage' | 'no-edns';
}

interface DnsServer {
  readonly port: number;
  /** By `TYPE name`, lower-case; what is not here does not exist (NXDOMAIN). */
  readonly script: Map<string, DnsAnswerScript>;
  /** Every question in its order, as `udp A web.internal`. */
  readonly asked: string[];
  /** Resolves when the question has been asked `count` times in all. */
  waitFor(question: string, count?: number): Promise<void>;
  close(): Promise<void>;
}

interface Packet {
  readonly id: number;
  readonly questions: readonly { readonly type: string; readonly name: string }[];
  readonly additionals: readonly { readonly type: string }[];
}

const dnsPacket = createRequire(import.meta.url)('dns-packet') as {
  encode(packet: unknown): Buffer;
  decode(bytes: Buffer): Packet;
};
const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
const truncated = 1 << 9;
const datagramBytesMax = 1232;

export async function startDnsServer(
  at: { readonly host: string; readonly port: number } = { host: '127.0.0.1', port: 0 },
): Promise<DnsServer> {
  const script = new Map<string, DnsAnswerScript>();
  const asked: string[] = [];
  const waiters = new Set<() => void>();
  const sockets = new Set<Socket>();

  function answer(query: Buffer, over: 'udp' | 'tcp'): Buffer[] {
    const packet = dnsPacket.decode(query);
    const { type, name } = packet.questions[0];
    asked.push(`${over} ${type} ${name}`);
    for (const waiter of waiters) waiter();
    const entry = script.get(`${type} ${name.toLowerCase()}`) ?? { rcode: 'NXDOMAIN' as const };
    return answersTo(packet, entry, over);
  }

  const udp = createSocket('udp4', (query: Buffer, from: RemoteInfo) => {
    for (const bytes of answer(query, 'udp')) udp.send(bytes, from.port, from.address);
  });
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      for (const bytes of answer(chunk.subarray(2), 'tcp')) {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(bytes.length);
        socket.write(Buffer.concat([length, bytes]));
      }
    });
  });
  const port = await listenOnBoth();

  /** A port that is free for TCP may be taken for UDP. */
  async function listenOnBoth(): Promise<number> {
    tcp.listen(at.port, at.host);
    await once(tcp, 'listening');
    const { port } = tcp.address() as AddressInfo;
    udp.bind(port, at.host);
    await once(udp, 'listening');
    return port;
  }

  return {
    port,
    script,
    asked,
    waitFor(question, count = 1) {
      return new Promise((resolve) => {
        const check = (): void => {
          if (asked.filter((one) => one === question).length < count) return;
          waiters.delete(check);
          resolve();
        };
        waiters.add(check);
        check();
      });
    },
    async close() {
      if (!tcp.listening) return;
      for (const socket of sockets) socket.destroy();
      udp.close();
      tcp.close();
      await once(tcp, 'close');
    },
  };
}

function answersTo(packet: Packet, entry: DnsAnswerScript, over: 'udp' | 'tcp'): Buffer[] {
  if (entry.trouble === 'silent') return [];
  const base = { type: 'response', id: packet.id, questions: packet.questions };
  const hasEdns = packet.additionals.some(({ type }) => type === 'OPT');
  if (entry.trouble === 'no-edns' && hasEdns) {
    return [dnsPacket.encode({ ...base, flags: rcodes.FORMERR })];
  }
  const whole = dnsPacket.encode({
    ...base,
    flags: rcodes[entry.rcode ?? 'NOERROR'],
    answers: entry.answers ?? [],
    additionals: entry.additionals ?? [],
  });
  const fits = over === 'tcp' || whole.length <= datagramBytesMax;
  const answer = fits ? whole : dnsPacket.encode({ ...base, flags: truncated });
  const lie = { type: 'A', name: packet.questions[0].name, ttl: 60, data: '192.0.2.66' };
  switch (entry.trouble) {
    case 'wrong-id': {
      const id = (packet.id + 1) & 0xffff;
      return [dnsPacket.encode({ ...base, id, answers: [lie] }), answer];
    }
    case 'wrong-question': {
      const questions = [{ type: 'A', name: 'other.internal', class: 'IN' }];
      return [dnsPacket.encode({ ...base, questions, answers: [lie] }), answer];
    }
    case 'garbage':
      return [Buffer.from([packet.id >> 8, packet.id & 0xff, 0x80, 0, 0xff]), answer];
    default:
      return [answer];
  }
}
