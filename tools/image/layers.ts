/**
 * What is in an image, as folders: one for each layer, those that change least come first. All of
 * it comes from this machine's Debian, from npm and from our own sources.
 */

import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleProgram, bundleProxy } from '../bundle.ts';
import { buildInside } from './build-inside.ts';
import { bundlePath, initPath, writeLaunchers } from './launchers.ts';
import { copied, copyPlugins, copyProgram, libraryFolder } from './libraries.ts';
import { writePackages } from './packages.ts';

interface Layer {
  readonly name: string;
  /** Adds what it has to a folder that holds the layers before it and stands for `/`. */
  readonly lay: (folder: string) => void | Promise<void>;
}

export const layers: readonly Layer[] = [
  { name: 'base', lay: layBase },
  { name: 'node', lay: layNode },
  { name: 'firewall', lay: layFirewall },
  { name: 'heddle', lay: layHeddle },
];

/** Folders and links that programs expect, users, and the few programs that need no other layer. */
function layBase(folder: string): void {
  for (const path of baseFolders) mkdirSync(join(folder, path), { recursive: true });
  for (const [path, target] of baseLinks) symlinkSync(target, join(folder, path));
  for (const [path, text] of baseFiles) writeFileSync(join(folder, path), text);
  chmodSync(join(folder, 'tmp'), 0o1777);
  copyProgram('/usr/bin/env', folder);
  copyProgram('/usr/bin/sleep', folder);
}

/** Without its symbols, a quarter of it. */
function layNode(folder: string): void {
  copyProgram(process.execPath, folder, '/usr/bin/node');
  execFileSync('strip', ['--strip-all', join(folder, 'usr/bin/node')]);
}

/** `iptables` alone is the legacy one, as in Linkerd's image. */
function layFirewall(folder: string): void {
  for (const name of ['xtables-legacy-multi', 'xtables-nft-multi', 'nft']) {
    copyProgram(`/usr/sbin/${name}`, folder);
  }
  copyPlugins(`${libraryFolder}/xtables`, /^lib(?:xt|ipt|ip6t)_/, folder);
  for (const family of ['iptables', 'ip6tables']) {
    for (const kind of ['', '-legacy', '-nft']) {
      for (const action of ['', '-save', '-restore']) {
        const target = kind === '-nft' ? 'xtables-nft-multi' : 'xtables-legacy-multi';
        symlinkSync(target, join(folder, 'usr/sbin', `${family}${kind}${action}`));
      }
    }
  }
  for (const name of ['xtables-legacy-multi', 'xtables-nft-multi']) {
    allowFirewall(join(folder, 'usr/sbin', name));
  }
}

async function layHeddle(folder: string): Promise<void> {
  const bundle = join(folder, bundlePath);
  await bundleProxy(bundle, './program.js');
  await bundleProgram(bundle);
  writeFileSync(join(bundle, 'package.json'), '{ "type": "module" }\n');
  for (const [path, text] of writeLaunchers()) {
    const file = join(folder, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, 0o755);
  }
  // Where `heddle run` looks for what starts a proxy.
  symlinkSync('../../bin/heddle', join(bundle, 'heddle'));
  for (const name of ['env', 'setpriv']) {
    copyProgram(`/usr/bin/${name}`, folder, `${initPath}/${name}`);
    allowFirewall(join(folder, initPath, name));
  }
  copyFileSync(license, join(folder, 'usr/lib/linkerd/LICENSE'));
  writePackages(copied, folder);
  buildInside(folder);
}

/** By the file, as in Linkerd's image: who runs it need not be root. */
function allowFirewall(file: string): void {
  execFileSync('setcap', ['cap_net_raw,cap_net_admin+eip', file]);
}

const license = new URL('../../LICENSE', import.meta.url);

const baseFolders = [
  'dev',
  'etc',
  'proc',
  'run',
  'sys',
  'tmp',
  'usr/bin',
  'usr/sbin',
  'usr/lib64',
].concat(['var/lib/heddle', 'root', libraryFolder]);

const baseLinks: readonly (readonly [path: string, target: string])[] = [
  ['bin', 'usr/bin'],
  ['sbin', 'usr/sbin'],
  ['lib', 'usr/lib'],
  ['lib64', 'usr/lib64'],
  ['var/run', '/run'],
];

/** Users by the numbers that the manifests have; the name of 2102 is Linkerd's own. */
const baseFiles: readonly (readonly [path: string, text: string])[] = [
  [
    'etc/passwd',
    [
      'root:x:0:0:root:/root:/sbin/nologin',
      'linkerd:x:2102:2102:proxy:/:/sbin/nologin',
      'nonroot:x:65532:65532:nonroot:/:/sbin/nologin',
      'nobody:x:65534:65534:nobody:/:/sbin/nologin',
      '',
    ].join('\n'),
  ],
  ['etc/group', 'root:x:0:\nlinkerd:x:2102:\nnonroot:x:65532:\nnogroup:x:65534:\n'],
  ['etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'],
];
