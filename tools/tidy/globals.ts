/**
 * The clock, timers, randomness, the environment and sockets may each be touched in few files;
 * everybody else is handed what those files make, so that tests and the simulator can replace it.
 */

import type { Problem } from './problem.ts';
import { isTestFile, type SourceFile } from './tree.ts';

export function checkGlobals(file: SourceFile): Problem[] {
  const isExempt = exemptFolders.some((folder) => file.path.startsWith(folder));
  if (isExempt || isTestFile(file.path)) return [];
  return [...checkNames(file), ...checkModules(file)];
}

interface Ban {
  /** Regular expression that must match a path for the use to be allowed. */
  readonly allowed: RegExp;
  readonly instead: string;
}

interface NameBan extends Ban {
  /** A global's name, or a name with its member. */
  readonly names: readonly string[];
  /** Limits the ban to these paths. */
  readonly within?: RegExp;
}

interface ModuleBan extends Ban {
  readonly modules: readonly string[];
  /** Names that do no harm. */
  readonly harmless?: ReadonlySet<string>;
  readonly within?: RegExp;
}

function checkNames(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  const { tokens } = file.facts;
  let isImport = false;
  for (const [index, token] of tokens.entries()) {
    if (token.text === 'from') isImport = false;
    else if (token.text === 'import')
      isImport = tokens[index + 1]?.kind === 'word' || tokens[index + 1]?.text === '{';
    if (token.kind !== 'word' || isImport) continue;
    const before = tokens[index - 1]?.text;
    if (before === '.' && tokens[index - 2]?.text !== 'globalThis') continue;
    if (before === '?.' || isKey(tokens[index + 1]?.text, before)) continue;
    const member = tokens[index + 1]?.text === '.' ? `.${tokens[index + 2]?.text}` : '';
    for (const ban of nameBans) {
      const name = ban.names.find((one) => one === token.text || one === token.text + member);
      if (name === undefined || ban.allowed.test(file.path)) continue;
      if (ban.within !== undefined && !ban.within.test(file.path)) continue;
      problems.push({ path: file.path, line: token.line, message: `${name}: ${ban.instead}` });
    }
    const texts = tokens.slice(index, index + 4).map((one) => one.text);
    if (/^new Date (\( \)|[;,)])/.test(texts.join(' ')) && !clockFile.test(file.path)) {
      const message = `new Date() without a time: ${clockInstead}`;
      problems.push({ path: file.path, line: token.line, message });
    }
  }
  return problems;
}

/** `{ name: value }` and `name: Type` are names of our own, not the global. */
function isKey(after: string | undefined, before: string | undefined): boolean {
  return after === ':' && before !== '?' && before !== 'case';
}

function checkModules(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  for (const { specifier, names, line, typeOnly } of file.facts.imports) {
    if (typeOnly) continue;
    for (const ban of moduleBans) {
      if (!ban.modules.includes(specifier) || ban.allowed.test(file.path)) continue;
      if (ban.within !== undefined && !ban.within.test(file.path)) continue;
      const harmful = names.filter((name) => ban.harmless?.has(name) !== true);
      if (names.length > 0 && harmful.length === 0) continue;
      problems.push({ path: file.path, line, message: `${specifier}: ${ban.instead}` });
    }
  }
  return problems;
}

const exemptFolders = ['test/', 'tools/', 'native-bench/', 'loadtest/', 'dashboard/'];

const timersFile = /^core\/base\/timers\.ts$/;
const timersInstead = 'arm a Timer of core/base/timers.ts';
const clockFile = /^core\/base\/clock\.ts$/;
const clockInstead = 'take a Clock of core/base/clock.ts';
const randomFile = /^core\/base\/random\.ts$/;
const randomInstead = 'take a Random of core/base/random.ts';
const environmentFiles = /^(workers\/config|cli\/main)\.ts$/;
const environmentInstead = 'read by workers/config.ts and cli/main.ts; take a setting';
const outputFiles = /^cli\//;
/** Of those in cli, the demo's applications, and what looks whether a network is redirected. */
const socketFiles = new RegExp(
  '^(core/io/|workers/(listen|accept|handoff)\\.ts$|control/serve/listen\\.ts$|cli/demo|' +
    'cli/validate-network\\.ts$)',
);

const nameBans: readonly NameBan[] = [
  {
    names: ['setTimeout', 'setInterval', 'setImmediate', 'AbortSignal.timeout'],
    allowed: timersFile,
    instead: timersInstead,
  },
  {
    names: ['Date.now', 'performance.now', 'performance.timeOrigin', 'process.hrtime'],
    allowed: clockFile,
    instead: clockInstead,
  },
  {
    names: ['Math.random', 'crypto.getRandomValues', 'crypto.randomUUID'],
    allowed: randomFile,
    instead: randomInstead,
  },
  { names: ['process.env'], allowed: environmentFiles, instead: environmentInstead },
  {
    names: ['process.argv', 'process.exit', 'process.on', 'process.once', 'process.cwd'],
    within: /^(core|api)\//,
    allowed: /^$/,
    instead: 'core knows no process: workers hands it what it needs',
  },
  {
    names: ['console'],
    allowed: outputFiles,
    instead: 'log by core/telemetry; only cli writes to the terminal',
  },
];

const moduleBans: readonly ModuleBan[] = [
  {
    modules: ['node:timers', 'node:timers/promises'],
    allowed: timersFile,
    instead: timersInstead,
  },
  {
    modules: ['node:crypto'],
    harmless: new Set(
      'createHash createHmac createPublicKey createPrivateKey timingSafeEqual X509Certificate'
        .concat(' generateKeyPairSync generateKeyPair sign verify hash KeyObject')
        .split(' '),
    ),
    allowed: randomFile,
    instead: randomInstead,
  },
  {
    modules: ['node:net'],
    harmless: new Set(['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress']),
    allowed: socketFiles,
    instead:
      'sockets belong to core/io, workers/{listen,accept,handoff}.ts, control/serve/listen.ts',
  },
  {
    modules: ['node:tls'],
    allowed: /^(core\/tls\/|cli\/fetch-certificate\.ts$)/,
    instead: 'TLS belongs to core/tls; cli/fetch-certificate.ts looks at what others serve',
  },
  {
    modules: ['node:dgram', 'node:dns', 'node:dns/promises'],
    allowed: /^(core\/io\/|control\/sources\/)/,
    instead: 'names are looked up in control/sources',
  },
  {
    modules: ['node:http', 'node:https', 'node:http2'],
    allowed: /^(workers\/admin[^/]*\.ts$|workers\/admin\/|cli\/|control\/(serve|view|sources)\/)/,
    instead: 'traffic goes by core/http; only admin, cli and control use it for themselves',
  },
  {
    modules: ['node:worker_threads', 'node:cluster', 'node:child_process', 'node:fs'],
    within: /^(core|api)\//,
    allowed: /^core\/(discover\/|base\/make-folder\.ts$)/,
    instead: 'core knows no threads, processes or files: workers hands it what it needs',
  },
  { modules: ['node:process'], allowed: environmentFiles, instead: environmentInstead },
];
