/**
 * Agents on hosts (`hosts.ts`): each a process of one user that listens, dials and asks as the test
 * says (`network-agent.ts`).
 */

import { spawn } from 'node:child_process';
import type { NetConnectOpts } from 'node:net';
import { resolve } from 'node:path';
import { cleanUp, type Owner } from './cleanup.ts';
import type { Host } from './hosts.ts';
import type { AgentRequest } from './network-agent.ts';

export interface Agent {
  listen(port: number, name: string): Promise<string>;
  receive(port: number, name: string): Promise<string>;
  /** Who has answered, or the code of the error. */
  dial(host: string, port: number, localAddress?: string): Promise<string>;
  /** The same by UDP. */
  ask(host: string, port: number): Promise<string>;
}

interface AgentAnswer {
  readonly id: number;
  readonly text?: string;
  readonly error?: string;
}

export async function startAgent(
  t: Owner,
  { inside }: Pick<Host, 'inside'>,
  uid?: number,
): Promise<Agent> {
  const [program, ...args] = [...inside, process.execPath, agentFile];
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const waiting = new Map<number, (answer: AgentAnswer) => void>();
  child.on('message', (answer: AgentAnswer) => waiting.get(answer.id)?.(answer));
  const ended = new Promise<void>((settle) => child.once('close', () => settle()));
  cleanUp(t, async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const ask = (request: AgentRequest): Promise<string> => {
    return new Promise((settle, fail) => {
      const id = waiting.size;
      waiting.set(id, ({ text, error }) => {
        if (text === undefined) fail(new Error(error));
        else settle(text);
      });
      void ended.then(() => fail(new Error('the agent has ended')));
      child.send({ id, request });
    });
  };
  if (uid !== undefined) await ask({ kind: 'user', uid });
  return {
    listen: (port, name) => ask({ kind: 'listen', port, name }),
    receive: (port, name) => ask({ kind: 'receive', port, name }),
    dial(host, port, localAddress) {
      const to: NetConnectOpts = { host, port };
      return ask({ kind: 'dial', to: localAddress === undefined ? to : { ...to, localAddress } });
    },
    ask: (host, port) => ask({ kind: 'ask', host, port }),
  };
}

const agentFile = resolve(import.meta.dirname, 'network-agent.ts');
