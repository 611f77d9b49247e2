/**
 * The root file system of the image for tests, and programs in it as in a container: the root is
 * read-only and `/tmp` is not, the network is a namespace of its own, the user has no capabilities
 * but those that are named, and may not gain others.
 */

import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** Why no image can be built here; false when it can. */
export function cannotBuildImage(): string | false {
  if (process.getuid?.() !== 0) return 'only root builds images';
  const folders = searchPath.split(':');
  const isThere = (name: string) => folders.some((folder) => existsSync(join(folder, name)));
  const missing = programs.filter((name) => !isThere(name));
  return missing.length > 0 && `needs ${missing.join(', ')}: tools/install-test-peers.sh`;
}

/** `npm run image` with these arguments. */
export function runImageTool(args: readonly string[]): void {
  runPrivately([process.execPath, join(root, 'tools/image.ts'), ...args]);
}

/** What it mounts is seen by nobody else and gone when it ends, however that comes; its output. */
export function runPrivately(command: readonly string[]): string {
  return execFileSync('unshare', ['--mount', ...command], {
    env: { ...process.env, PATH: searchPath },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
}

interface Container {
  readonly user?: number;
  /** As `capsh` spells them, `cap_net_admin,cap_net_raw`; without: none. */
  readonly capabilities?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The words of a command that runs `args` in the root file system, by root of this machine. */
function imageCommand(
  rootfs: string,
  args: readonly string[],
  { user = 2102, capabilities = '' }: Container = {},
): string[] {
  return ['unshare', '--mount', '--net', 'sh', '-ec', enter, 'sh', rootfs, `${user}`]
    .concat([capabilities])
    .concat(args);
}

export function runInImage(
  rootfs: string,
  args: readonly string[],
  container: Container = {},
): SpawnSyncReturns<string> {
  const [file = '', ...words] = imageCommand(rootfs, args, container);
  const env = { ...imageEnvironment(), ...container.environment };
  return spawnSync(file, words, { encoding: 'utf8', env, timeout: 20_000 });
}

/** What the image sets, as far as programs need it. */
export function imageEnvironment(): Record<string, string> {
  return {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/',
    NODE_COMPILE_CACHE: '/usr/lib/heddle/cache',
    GLIBC_TUNABLES:
      'glibc.malloc.arena_max=2:glibc.malloc.top_pad=0:' +
      'glibc.malloc.mmap_threshold=32768:glibc.malloc.trim_threshold=65536',
    HEDDLE_ADDED: 'NODE_COMPILE_CACHE GLIBC_TUNABLES',
    ...marked(),
  };
}

/** By which the test runner finds what is left behind. */
function marked(): Record<string, string> {
  const { HEDDLE_TEST_FILE_RUN: marker } = process.env;
  return marker === undefined ? {} : { HEDDLE_TEST_FILE_RUN: marker };
}

/**
 * As container runtimes do it: capabilities are permitted and kept through the change of the user,
 * and the bounding set has no others.
 */
const enter = `
root=$1 user=$2 capabilities=$3
shift 3
ip link set lo up
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs -o mode=1777 none "$root/tmp"
mount -t tmpfs -o mode=777 none "$root/run"
mount -t proc none "$root/proc"
mount --bind /dev "$root/dev"
program=$1
shift
drop=$(capsh --print | sed -n 's/^Bounding set =//p' | tr , '\\n')
[ -z "$capabilities" ] || drop=$(echo "$drop" | grep -vxE "$(echo "$capabilities" | tr , '|')")
keep=
[ -z "$capabilities" ] || keep="--caps=$capabilities+ep"
exec capsh --chroot="$root" --keep=1 --drop="$(echo "$drop" | paste -sd,)" \\
  --gid="$user" --uid="$user" $keep --no-new-privs --shell="$program" -- "$@"
`;

const searchPath = `${process.env.PATH}:/usr/sbin:/sbin`;
const programs = [
  'buildah',
  'capsh',
  'setcap',
  'strip',
  'unshare',
  'setpriv',
  'iptables-nft',
].concat(['iptables-legacy', 'nft', 'chroot']);
