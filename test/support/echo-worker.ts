/**
 * A worker for tests of everything around it: it echoes bytes, keeps its status row as the real
 * one does, and dies in the way that a client asks for.
 */

import { dlopen } from 'node:ffi';
import type { Socket } from 'node:net';
import type { ListenerName, MainToWorker } from '../../api/messages.ts';
import { stampOf, statusField, statusWords } from '../../api/shared-memory.ts';
import type { ProxyEnv, Proxy as ProxyWorker } from '../../core/proxy/proxy.ts';
import { serveWorker, type WorkerTask } from '../../workers/serve.ts';

export function runEcho(task: WorkerTask): Promise<never> {
  return serveWorker(task, createEchoProxy);
}

/** What a client sends to make the worker die. */
const deaths: Record<string, () => void> = {
  exception: () => {
    throw new Error('asked to throw');
  },
  exit: () => process.exit(0),
  loop: () => {
    for (;;);
  },
  // In C, where nothing interrupts it: only for a process of its own, which has to be killed.
  stuck: () => {
    const { functions } = dlopen(null, { sleep: { arguments: ['u32'], return: 'u32' } });
    functions.sleep(60);
  },
  heap: () => {
    const hoard: unknown[] = [];
    for (;;) hoard.push(Array.from({ length: 1000 }, (_, index) => ({ index })));
  },
};

function createEchoProxy(env: ProxyEnv): ProxyWorker {
  const row = env.index * statusWords;
  const sockets = new Set<Socket>();
  const bump = (field: number, by: number): void => {
    Atomics.add(env.memory.status, row + field, by);
  };
  const fieldOf = (listener: ListenerName): number =>
    listener === 'inbound' ? statusField.connectionsInbound : statusField.connectionsOutbound;

  const touch = (listener: ListenerName): void => {
    if (listener === 'inbound') return;
    const stamp = stampOf(env.memory, env.clock.monotonicMs());
    Atomics.store(env.memory.status, row + statusField.outboundActivity, stamp);
  };

  return {
    adopt(listener, socket) {
      touch(listener);
      bump(statusField.adoptedTotal, 1);
      bump(fieldOf(listener), 1);
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        bump(fieldOf(listener), -1);
      });
      socket.on('end', () => socket.end());
      socket.on('data', (bytes: Buffer) => {
        touch(listener);
        const text = bytes.toString('latin1');
        if (text === 'who') socket.write(`worker ${env.index}`);
        else if (text.startsWith('want ')) env.post({ kind: 'want', key: text.slice(5) });
        else if (text in deaths) deaths[text]();
        else socket.write(bytes);
      });
      socket.resume();
    },
    receive(message: Exclude<MainToWorker, { kind: 'socket' }>) {
      if (message.kind === 'drain' && message.stage === 'force') reset(sockets);
      if (message.kind !== 'identity') return;
      env.post({ kind: 'identified', generation: message.identity.generation });
    },
    close: () => reset(sockets),
  };
}

/** A reset while a shutdown is under way fails, and then the handle never closes. */
function reset(sockets: Iterable<Socket>): void {
  for (const socket of sockets) {
    if (socket.writableEnded) socket.destroy();
    else socket.resetAndDestroy();
  }
}
