/**
 * Containers of a pod without a container runtime: programs of the image, by chroot into its root
 * file system, read-only, in the pod's network and with its folders where Linkerd's injector has
 * its volumes.
 */

import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Owner } from './cleanup.ts';
import type { Host } from './hosts.ts';
import { imageEnvironment } from './image.ts';
import { launchWords, makeFolder, type ProxyProcess } from './process.ts';
import { makeRootfs } from './rootfs.ts';

export interface Pod {
  readonly host: Host;
  /** Its volumes: `end-entity`, which is the proxy's own, `tokens`, and `test` at `/run/test`. */
  readonly folders: string;
  readonly rootfs: string;
}

interface Container {
  readonly user: number;
  readonly words: readonly string[];
  /** A path on this machine: what is `paths.linkerd` there. */
  readonly program?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Those of the injector's manifests. */
export const users = { proxy: 2102, init: 65_534 } as const;
export const paths = {
  proxy: '/usr/lib/linkerd/linkerd2-proxy-identity',
  linkerd: '/usr/lib/linkerd/linkerd2-proxy',
  init: '/usr/lib/linkerd/linkerd2-proxy-init',
  validator: '/usr/lib/linkerd/linkerd2-network-validator',
  await: '/usr/lib/linkerd/linkerd-await',
  sleep: '/bin/sleep',
  identity: '/var/run/linkerd/identity/end-entity',
  token: '/var/run/secrets/tokens/linkerd-identity-token',
  test: '/var/run/test',
} as const;

export function createPod(t: Owner, host: Host): Pod {
  const folders = makeFolder(t);
  for (const name of ['end-entity', 'tokens', 'test']) mkdirSync(join(folders, name));
  chownSync(join(folders, 'end-entity'), users.proxy, users.proxy);
  return { host, folders, rootfs: makeRootfs() };
}

/** Started, and not waited for; it ends with the test at the latest. */
export function startContainer(t: Owner, pod: Pod, container: Container): ProxyProcess {
  const { user, words, program = '', environment } = container;
  const { host, rootfs, folders } = pod;
  const enter = [...host.inside, 'unshare', '--mount', 'sh', '-c', enterRootfs, 'sh'];
  // The init container has a volume there, for the lock of iptables-legacy.
  const runMode = user === users.init ? '777' : '755';
  const all = [...enter, rootfs, folders, `${user}:${user}`, runMode, program, ...words];
  return launchWords(t, all, folders, { ...imageEnvironment(), ...environment });
}

/**
 * Words: root file system, pod's folders, user, mode of /run, what is linkerd2-proxy or nothing,
 * program. Its mounts end with it. Linkerd's proxy logs to the standard output. The last that it says
 * itself is when the program begins, in nanoseconds of the system's clock.
 */
const enterRootfs = `
set -e
root=$1 folders=$2 user=$3 mode=$4 program=$5
shift 5
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode="$mode" tmpfs "$root/run"
cd "$root/run"
mkdir -p linkerd/identity/end-entity secrets/tokens test
mount --bind "$folders/end-entity" linkerd/identity/end-entity
mount --bind -o ro "$folders/tokens" secrets/tokens
mount --bind -o ro "$folders/test" test
[ -z "$program" ] || { mount --bind "$program" "$root${paths.linkerd}"; exec >&2; }
PATH=$PATH:/usr/sbin:/sbin
date '+entered at %s%N' >&2
exec chroot --userspec="$user" --groups= "$root" "$@"
`;
