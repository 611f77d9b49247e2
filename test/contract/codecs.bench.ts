/**
 * What a codec costs a process that holds it: `node test/contract/codecs.bench.ts [ROUNDS]`. For
 * no codec, the proxy's and the control plane's, each with all messages of the proxy: private
 * memory when it is loaded, and when it has read an update of a hundred endpoints; then the time
 * that reading takes. Bundled, as the proxy is, and with its young generation; median, smallest
 * and largest of the rounds.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { rolldown } from 'rolldown';
import { UpdateSchema, WeightedAddrSchema } from '../../api/gen/control/destination_pb.ts';
import { decoders, encoders } from './proxy-codecs.ts';

async function main(rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'codecs-'));
  try {
    const bytes = writeUpdate(folder);
    const programs = new Map<string, string>();
    for (const [name, codec] of codecs) programs.set(name, await bundle(folder, name, codec));
    const figures = new Map<string, number[][]>();
    for (let round = 0; round < rounds; round++) {
      for (const [name, program] of programs) {
        figures.set(name, [...(figures.get(name) ?? []), measure(program, folder)]);
      }
    }
    process.stdout.write(`an update of ${endpoints} endpoints has ${bytes} bytes\n`);
    for (const [name, rows] of figures) process.stdout.write(`${name}: ${describe(rows)}\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writeUpdate(folder: string): number {
  const addrs = Array.from({ length: endpoints }, (_, index) =>
    create(WeightedAddrSchema, {
      addr: { ip: { ip: { case: 'ipv4', value: 0x0a000000 + index } }, port: 8080 },
      weight: 10_000,
      metricLabels: {
        control_plane_ns: 'heddle',
        deployment: 'web',
        pod: `web-6d5f8c7b9-${index}`,
        pod_template_hash: '6d5f8c7b9',
        serviceaccount: 'web',
        zone: 'zone-a',
        zone_locality: 'local',
      },
      tlsIdentity: { strategy: { case: 'dnsLikeIdentity', value: { name: identity } } },
      protocolHint: { protocol: { case: 'h2', value: {} } },
      http2: { keepAlive: { interval: { seconds: 10n }, timeout: { seconds: 3n } } },
    }),
  );
  const metricLabels = { namespace: 'default', service: 'web' };
  const update = create(UpdateSchema, { update: { case: 'add', value: { addrs, metricLabels } } });
  const bytes = toBinary(UpdateSchema, update);
  writeFileSync(join(folder, 'update'), bytes);
  return bytes.length;
}

async function bundle(folder: string, name: string, codec: string): Promise<string> {
  const source = join(folder, `${name}.ts`);
  writeFileSync(source, `${codec}\n${measurement}`);
  const build = await rolldown({
    input: source,
    platform: 'node',
    resolve: { modules: [join(root, 'node_modules')] },
    logLevel: 'silent',
  });
  const file = join(folder, `${name}.mjs`);
  await build.write({ file, format: 'esm', comments: false });
  await build.close();
  return file;
}

/** KiB when loaded, KiB when the update has been read, microseconds for each later one. */
function measure(program: string, folder: string): number[] {
  const args = ['--max-semi-space-size=1', program, join(folder, 'update')];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as number[];
}

function describe(rows: readonly number[][]): string {
  const [loaded, used, time] = [0, 1, 2].map((column) => {
    const sorted = rows.map((row) => row[column]).toSorted((a, b) => a - b);
    const [median, least, most] = [
      sorted[sorted.length >> 1],
      sorted[0],
      sorted[sorted.length - 1],
    ];
    return `${Math.round(median)} (${Math.round(least)}-${Math.round(most)})`;
  });
  return `loaded ${loaded} KiB, used ${used} KiB, ${time} us an update`;
}

/** Keeps the code of all messages, and reads updates by the control plane's. */
function controlCodec(): string {
  const schemas = [...decoders, ...encoders].map(({ schema }) => schema);
  const imports = schemas.map(({ name, file }) => {
    return `import { ${name}Schema } from '${root}/api/gen/control/${file.name}_pb.ts';`;
  });
  return `import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
${imports.join('\n')}
globalThis.kept = [create, toBinary, ${schemas.map(({ name }) => `${name}Schema`).join()}];
const decode = (bytes) => fromBinary(UpdateSchema, bytes);`;
}

function proxyCodec(): string {
  const names = [
    ...decoders.map(({ schema }) => [`decode${schema.name}`, schema.file.name]),
    ...encoders.map(({ schema }) => [`encode${schema.name}`, schema.file.name]),
  ];
  const imports = names.map(([name, file]) => {
    return `import { ${name} } from '${root}/api/gen/proxy/${file}.ts';`;
  });
  return `${imports.join('\n')}
globalThis.kept = [${names.map(([name]) => name).join()}];
const decode = (bytes) => decodeUpdate(bytes, { depthMax: 100, elementsMax: 100_000 });`;
}

const root = resolve(import.meta.dirname, '../..');
const endpoints = 100;
const identity = 'web.default.serviceaccount.identity.heddle.mesh.local';
const codecs = [
  ['none', 'const decode = (bytes) => bytes.length;'],
  ['proxy', proxyCodec()],
  ['control', controlCodec()],
] as const;
const measurement = `
import { readFileSync } from 'node:fs';
const bytes = readFileSync(process.argv[2]);
const readStatus = () => readFileSync('/proc/self/status', 'utf8');
const readKib = () => Number(/RssAnon:\\s+(\\d+)/.exec(readStatus())[1]);
const sleep = () => new Promise((resolve) => setTimeout(resolve, 300));
await sleep();
const loaded = readKib();
globalThis.update = decode(bytes);
await sleep();
const used = readKib();
let best = Infinity;
for (let round = 0; round < 10; round++) {
  const startMs = performance.now();
  for (let call = 0; call < 100; call++) globalThis.update = decode(bytes);
  best = Math.min(best, (performance.now() - startMs) * 10);
}
console.log(JSON.stringify([loaded, used, best]));
`;

await main(Number(process.argv[2] ?? 9));
