/** A bulk transfer through a subject: one stream of 64 KiB chunks from the server to the client. */

import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import type { BulkReply, BulkRequest } from './bulk.ts';
import { type Contender, measureWindow } from './measure.ts';
import type { Subject } from './peer.ts';
import type { Started } from './run.ts';

/** Both ends of transfers, and the port that the sending one listens on. */
interface Bulk {
  readonly port: number;
  readonly started: Started;
}

export async function startBulk(bench: Bench): Promise<Bulk> {
  const started = bench.run.start({
    name: 'bulk',
    command: process.execPath,
    args: [join(import.meta.dirname, 'bulk.ts')],
    cores: bench.options.loadCores,
    channel: true,
  });
  const { port } = await receive(started, 'port');
  return { port, started };
}

export function contendBulk(bench: Bench, subject: Subject, { started }: Bulk): Contender {
  const count = async (): Promise<number> => {
    request(started, 'count');
    return (await receive(started, 'bytes')).bytes / gb;
  };
  const transfer = async <T>(use: () => Promise<T>): Promise<T> => {
    request(started, { port: subject.port });
    await sleep(settleMs);
    const outcome = await use();
    request(started, 'stop');
    await sleep(pauseMs);
    return outcome;
  };
  return {
    label: subject.name,
    warm: () => transfer(() => sleep(warmMs)),
    sample: () =>
      transfer(async () => {
        const window = await measureWindow(subject.pids, count, bench.options.seconds);
        return { ...window, p50Micros: 0, p99Micros: 0, errors: 0 };
      }),
  };
}

function request(bulk: Started, message: BulkRequest): void {
  bulk.child.send(message);
}

type ReplyWith<K extends string> = Extract<BulkReply, Record<K, number>>;

async function receive<K extends 'port' | 'bytes'>(bulk: Started, key: K): Promise<ReplyWith<K>> {
  const [message]: ReplyWith<K>[] = await once(bulk.child, 'message');
  if (!(key in message)) throw new Error(`expected ${key} from the bulk process`);
  return message;
}

const gb = 1_000_000_000;
const settleMs = 500;
const warmMs = 1_500;
/** Until the proxy has closed the transfer's connections. */
const pauseMs = 200;
