/**
 * Which folder may import from which: the layout of docs/ARCHITECTURE.md as a table. A file
 * imports from its own folder or from a lower rank; equal ranks never import each other; a folder
 * below a ranked one belongs to it alone. Test files may also look sideways and into test/support,
 * and run a fuzzer.
 */

import { isTestFile } from './tree.ts';

/** Why `from` may not import `to`, as the end of a sentence; null when it may. */
export function refuseImport(from: string, to: string, typeOnly: boolean): string | null {
  const source = homeOf(from);
  const target = homeOf(to);
  if (source === null) return `lies in a folder without a rank: ${addRank}`;
  if (target === null) return `imports ${to}, which lies in a folder without a rank: ${addRank}`;
  const isTest = isTestFile(from);
  if (isTestFile(to) && !(isTest && to.endsWith('.fuzz.ts'))) {
    return `imports the test file ${to}: move the shared part to test/support`;
  }
  if (isTest && to.startsWith('test/support/')) return null;
  if (source.area === 'test') return unrelated.has(target.area) ? standAlone(target) : null;
  if (!isTest && isPrivate(from, to, target)) {
    return `imports ${to}, which belongs to ${target.folder} alone`;
  }
  if (source === target) return separated(from, to);
  if (standAloneAreas.has(target.area)) return isShared(source, to) ? null : standAlone(target);
  if (source.area === target.area) return climb(source, target, isTest);
  return crossing(source, target, { from, typeOnly });
}

/** What stands alone and is used by one other that does. */
function isShared(source: Home, to: string): boolean {
  return (sharedBy[source.area] ?? []).some((folder) => to.startsWith(`${folder}/`));
}

interface Home {
  readonly folder: string;
  /** What is compared by rank with each other. */
  readonly area: string;
  readonly rank: number;
}

/** The ranked folder that a file belongs to: the longest that contains it. */
function homeOf(path: string): Home | null {
  let best: Home | null = null;
  for (const home of homes) {
    const fits = path.startsWith(`${home.folder}/`);
    if (fits && home.folder.length > (best?.folder.length ?? 0)) best = home;
  }
  return best;
}

/** A folder below a ranked one is private to it. */
function isPrivate(from: string, to: string, target: Home): boolean {
  const isNested = to.slice(target.folder.length + 1).includes('/');
  const opened = openFolders.some((folder) => to.startsWith(`${folder}/`));
  return isNested && !opened && !from.startsWith(`${target.folder}/`);
}

function separated(from: string, to: string): string | null {
  const [source, target] = directions.map((folder) => [from, to].map((p) => p.startsWith(folder)));
  const crosses = (source[0] && target[1]) || (target[0] && source[1]);
  return crosses ? `imports ${to}: inbound and outbound share by core/proxy itself` : null;
}

function climb(source: Home, target: Home, isTest: boolean): string | null {
  if (source.rank > target.rank || (isTest && source.rank === target.rank)) return null;
  const relation = source.rank === target.rank ? 'of equal rank' : 'above it';
  return `in ${source.folder} imports from ${target.folder}, which is ${relation}: ${moveDown}`;
}

/** From one area to another: what each may use. */
function crossing(
  source: Home,
  target: Home,
  how: { readonly from: string; readonly typeOnly: boolean },
): string | null {
  const allowed = [...(uses[source.folder] ?? uses[source.area] ?? [])];
  if (/^workers\/(main|start|discovery-[^/]*|config[^/]*)\.ts$/.test(how.from)) {
    allowed.push('control/sources', 'control/index');
  }
  const name = target.folder;
  const fits = allowed.some((folder) => name === folder || name.startsWith(`${folder}/`));
  if (!fits) return `in ${source.folder} imports from ${name}; ${mayUse(allowed)}`;
  if (source.area !== 'dashboard' || how.typeOnly) return null;
  return 'imports values of api; the dashboard takes its types only';
}

function mayUse(folders: readonly string[]): string {
  return folders.length === 0 ? 'it may use lower ranks only' : `it may use ${folders.join(', ')}`;
}

function standAlone(target: Home): string {
  return `imports from ${target.folder}, which nothing else may import`;
}

const addRank = 'move it, or give the folder a rank in tools/tidy/ranks.ts';
const moveDown = 'move the shared part to a lower rank';

const ladder: readonly (readonly [area: string, steps: readonly string[]])[] = [
  [
    'proxy',
    [
      'api/wire',
      'api/gen/proxy',
      'api',
      'core/base',
      'core/telemetry',
      'core/stack core/io',
      'core/identity',
      'core/tls core/http',
      'core/http/h1 core/http/h2',
      'core/grpc',
      'core/detect',
      'core/policy core/route core/balance core/resilience core/pool',
      'core/discover core/tap',
      'core/proxy',
      'workers',
    ],
  ],
  ['codec of the control plane', ['api/gen/control']],
  [
    'control',
    [
      'control/model',
      'control/issuer control/index',
      'control/sources control/serve control/admit control/inject control/view',
      'control',
    ],
  ],
  ['cli', ['cli']],
  ['deploy', ['deploy']],
  ['dashboard', ['dashboard']],
  ['test', ['test']],
  ['tools', ['tools']],
  ['native-bench', ['native-bench']],
  ['loadtest', ['loadtest']],
];

const homes: readonly Home[] = ladder.flatMap(([area, steps]) =>
  steps.flatMap((step, rank) => step.split(' ').map((folder) => ({ folder, area, rank }))),
);

const everything = ['api', 'core', 'workers', 'control', 'cli', 'deploy'];
const controlUses = 'base telemetry stack io identity tls http grpc'.split(' ');
const cliUses = 'base telemetry io identity tls http grpc'.split(' ');

/** What an area, or a folder of one, may import from others. */
const uses: Readonly<Record<string, readonly string[]>> = {
  workers: ['control/model'],
  control: ['api', ...controlUses.map((name) => `core/${name}`)],
  cli: ['workers', 'control', 'api', 'deploy', ...cliUses.map((name) => `core/${name}`)],
  deploy: ['api', 'core/base'],
  dashboard: ['api'],
  tools: everything,
  'native-bench': everything,
  loadtest: everything,
};

const standAloneAreas = new Set(['test', 'tools', 'native-bench', 'loadtest']);
const unrelated = new Set(['tools', 'native-bench', 'loadtest']);
/** Pods are made in one way; a load test starts, loads and reads processes as a benchmark does. */
const sharedBy: Readonly<Record<string, readonly string[]>> = {
  'native-bench': ['test/support'],
  loadtest: ['test/support', 'native-bench'],
};
/** Folders without a rank of their own that are meant to be imported. */
const openFolders = ['test/support'];
const directions = ['core/proxy/inbound/', 'core/proxy/outbound/'];
