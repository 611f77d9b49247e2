/**
 * Network namespaces as pods: two that a pair of veth devices joins, with addresses of both
 * families, and processes inside of them. For root on Linux only; all of it goes with the test.
 */

import { spawn, spawnSync } from 'node:child_process';
import { accessSync } from 'node:fs';
import type { NetConnectOpts } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { cleanUp } from './cleanup.ts';
import type { AgentRequest } from './network-agent.ts';

/** Why they cannot be had, for `skip`; false when they can. */
export function lackOfPods(programs: readonly string[] = []): string | false {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const missing = ['ip', ...programs].find((name) => !isProgram(name));
  if (missing !== undefined) return `${missing} is not installed: tools/install-test-peers.sh`;
  const name = `heddle-${process.pid}-try`;
  const failure = tryRun(['ip', 'netns', 'add', name]);
  if (failure === null) run(['ip', 'netns', 'del', name]);
  return failure === null ? false : `no network namespaces: ${failure}`;
}

export interface Pod {
  readonly namespace: string;
  readonly ipv4: string;
  readonly ipv6: string;
  /** A second one of each family, in another subnet. */
  readonly otherIpv4: string;
  readonly otherIpv6: string;
  /** Runs a program in it; its output. */
  run(words: readonly string[]): string;
  agent(uid?: number): Promise<Agent>;
}

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

/** Each is the other's gateway, so that there is a way to every address. */
export function createPods(t: TestContext): readonly [pod: Pod, outside: Pod] {
  count += 1;
  const names = ['a', 'b'].map((end) => `heddle-${process.pid}-${count}${end}`);
  for (const name of names) {
    run(['ip', 'netns', 'add', name]);
    cleanUp(t, () => run(['ip', 'netns', 'del', name]));
  }
  const [inside, outside] = names;
  run(`ip link add eth0 netns ${inside} type veth peer name eth0 netns ${outside}`.split(' '));
  const pods = [createPod(t, inside, 1), createPod(t, outside, 2)] as const;
  for (const [index, pod] of pods.entries()) {
    const gateway = pods[1 - index];
    pod.run(`ip route add default via ${gateway.ipv4}`.split(' '));
    pod.run(`ip -6 route add default via ${gateway.ipv6}`.split(' '));
  }
  return pods;
}

function createPod(t: TestContext, namespace: string, host: number): Pod {
  const pod: Pod = {
    namespace,
    ipv4: `10.77.0.${host}`,
    ipv6: `fd77::${host}`,
    otherIpv4: `10.78.0.${host}`,
    otherIpv6: `fd78::${host}`,
    run: (words) => run(['ip', 'netns', 'exec', namespace, ...words]),
    agent: (uid) => startAgent(t, namespace, uid),
  };
  pod.run('ip link set lo up'.split(' '));
  for (const address of [pod.ipv4, pod.otherIpv4]) {
    pod.run(`ip addr add ${address}/24 dev eth0`.split(' '));
  }
  for (const address of [pod.ipv6, pod.otherIpv6]) {
    pod.run(`ip addr add ${address}/64 dev eth0 nodad`.split(' '));
  }
  pod.run('ip link set eth0 up'.split(' '));
  return pod;
}

async function startAgent(t: TestContext, namespace: string, uid?: number): Promise<Agent> {
  const words = ['netns', 'exec', namespace, process.execPath, agentFile];
  const child = spawn('ip', words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
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

function run(words: readonly string[]): string {
  const [program, ...args] = words;
  const { status, error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`${words.join(' ')}: ${error?.message ?? stderr.trim()}`);
}

/** Why it fails; null when it does not. */
function tryRun(words: readonly string[]): string | null {
  try {
    run(words);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function isProgram(name: string): boolean {
  const folders = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`.split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name));
      return true;
    } catch {
      return false;
    }
  });
}

let count = 0;
const agentFile = resolve(import.meta.dirname, 'network-agent.ts');
