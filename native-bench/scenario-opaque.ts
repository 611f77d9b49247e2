/** Opaque TCP in bulk: one stream of 64 KiB chunks from the server to the client. */

import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, type Scenario, startPeers } from './bench.ts';
import type { BulkReply, BulkRequest } from './bulk.ts';
import { type Contender, measureRounds, measureWindow } from './measure.ts';
import type { Subject } from './peer.ts';
import type { Started } from './run.ts';

export const opaque: Scenario = {
  name: 'opaque',
  about: 'opaque TCP, one stream of 64 KiB chunks; HAProxy and Envoy in TCP mode',
  needs: [],
  execute: async (bench) => {
    const bulk = startBulk(bench);
    const { port } = await receive(bulk, 'port');
    const { subjects, missing } = await startPeers(bench, {
      protocol: 'opaque',
      services: [{ name: 'bulk', endpoints: [`127.0.0.1:${port}`] }],
      cores: bench.options.proxyCores,
      workers: 1,
    });
    const contenders = subjects.map((subject) => contendBulk(bench, subject, bulk));
    const measured = await measureRounds(bench, contenders);
    for (const subject of subjects) await subject.end();
    await bench.run.end(bulk);
    const title = 'opaque TCP, one stream, 64 KiB chunks';
    return [{ kind: 'comparison', title, unit: 'GB', ratio: 'peers', measured, missing }];
  },
};

function startBulk(bench: Bench): Started {
  return bench.run.start({
    name: 'bulk',
    command: process.execPath,
    args: [join(import.meta.dirname, 'bulk.ts')],
    cores: bench.options.loadCores,
    channel: true,
  });
}

function contendBulk(bench: Bench, subject: Subject, bulk: Started): Contender {
  const count = async (): Promise<number> => {
    request(bulk, 'count');
    return (await receive(bulk, 'bytes')).bytes / gb;
  };
  const transfer = async <T>(use: () => Promise<T>): Promise<T> => {
    request(bulk, { port: subject.port });
    await sleep(settleMs);
    const outcome = await use();
    request(bulk, 'stop');
    await sleep(pauseMs);
    return outcome;
  };
  return {
    label: subject.name,
    warm: () => transfer(() => sleep(warmMs)),
    sample: () =>
      transfer(async () => {
        const window = await measureWindow(subject.pid, count, bench.options.seconds);
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
