/**
 * Goal: every rule finds what it is for and leaves correct code alone. Method: made-up trees in a
 * temporary folder, each wrong in one place, and the exact places that are reported.
 */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { findProblems, fixProblems } from './tidy.ts';

/** Writes `files` into a new folder; gives `path:line: message` of every problem. */
function tidy(files: Readonly<Record<string, string>>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'heddle-tidy-'));
  try {
    for (const [path, text] of Object.entries({ 'package.json': manifest, ...files })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return findProblems(root).map(({ path, line, message }) => `${path}:${line}: ${message}`);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** Asserts that the only problems of `files` are these, each given by its beginning. */
function expectProblems(files: Readonly<Record<string, string>>, begins: readonly string[]): void {
  const problems = tidy(files);
  const unexpected = problems.filter((problem) => !begins.some((one) => problem.startsWith(one)));
  assert.deepEqual(unexpected, []);
  for (const begin of begins) {
    assert.ok(
      problems.some((problem) => problem.startsWith(begin)),
      `${begin} is not among ${JSON.stringify(problems)}`,
    );
  }
}

/** A file with a header that names every import, so that nothing is unused. */
function source(body: string): string {
  return `/** What it is for. */\n${body}\n`;
}

/** Makes each of `paths` used. */
function starting(...paths: string[]): Record<string, string> {
  const scripts = Object.fromEntries(paths.map((path) => [path, `node ${path}`]));
  return { 'package.json': JSON.stringify({ dependencies: { zod: '1', ws: '1' }, scripts }) };
}

const manifest = JSON.stringify({ dependencies: {} });
/** In two parts, so that a search for what is unfinished does not find it here. */
const unfinished = ['TO', 'DO'].join('');

describe('imports', () => {
  test('a lower rank and the own folder are allowed', () => {
    expectProblems(
      {
        ...starting('workers/main.ts', 'cli/main.ts', 'test/e2e/x.test.ts'),
        'workers/main.ts': source("import { a } from '../core/io/a.ts';\na;"),
        'cli/main.ts': source("import '../workers/main.ts';\nimport '../core/io/a.ts';"),
        'core/io/a.ts': source(
          "import { b } from './b.ts';\nimport { c } from '../base/c.ts';\nexport const a = b + c;",
        ),
        'core/io/b.ts': source('export const b = 1;'),
        'core/base/c.ts': source('export const c = 1;'),
        'core/io/a.test.ts': source("import '../../test/support/d.ts';\nimport './a.ts';"),
        'test/support/d.ts': source("import '../../core/io/b.ts';"),
      },
      [],
    );
  });

  const refused: readonly (readonly [from: string, to: string, says: string])[] = [
    ['core/base/a.ts', 'core/io/b.ts', 'which is above it'],
    ['core/balance/a.ts', 'core/pool/b.ts', 'which is of equal rank'],
    ['core/http/a.ts', 'core/http/h1/b.ts', 'which is above it'],
    ['core/io/a.ts', 'workers/b.ts', 'which is above it'],
    ['core/io/a.ts', 'control/model/b.ts', 'it may use lower ranks only'],
    ['workers/listen.ts', 'control/sources/b.ts', 'it may use'],
    ['control/sources/a.ts', 'core/route/b.ts', 'it may use'],
    ['control/model/a.ts', 'control/index/b.ts', 'which is above it'],
    ['cli/a.ts', 'core/balance/b.ts', 'it may use'],
    ['core/io/a.ts', 'test/support/b.ts', 'which nothing else may import'],
    ['core/io/a.ts', 'core/base/b.test.ts', 'move the shared part to test/support'],
    ['core/proxy/inbound/a.ts', 'core/proxy/outbound/b.ts', 'share by core/proxy itself'],
    ['workers/a.ts', 'core/proxy/inbound/b.ts', 'belongs to core/proxy alone'],
    ['core/grpc/a.ts', 'core/http/h2/frame/b.ts', 'belongs to core/http/h2 alone'],
    ['core/strange/a.ts', 'core/base/b.ts', 'without a rank'],
  ];
  for (const [from, to, says] of refused) {
    test(`${from} may not import ${to}`, () => {
      const depth = from.split('/').length - 1;
      const problems = tidy({
        ...starting(from),
        [from]: source(`import '${'../'.repeat(depth)}${to}';`),
        [to]: source(''),
      });
      assert.equal(problems.length, 1, JSON.stringify(problems));
      assert.ok(problems[0].startsWith(`${from}:2: `), problems[0]);
      assert.ok(problems[0].includes(says), problems[0]);
    });
  }

  test('the main file of workers may use the sources of control', () => {
    expectProblems(
      {
        ...starting('workers/main.ts'),
        'workers/main.ts': source("import '../control/sources/b.ts';"),
        'control/sources/b.ts': source("import '../index/c.ts';\nimport '../../core/io/d.ts';"),
        'control/index/c.ts': source(''),
        'core/io/d.ts': source(''),
      },
      [],
    );
  });

  test('a cycle is shown with its way, types included', () => {
    expectProblems(
      {
        ...starting('core/io/a.ts'),
        'core/io/a.ts': source("import { b } from './b.ts';\nexport type A = typeof b;"),
        'core/io/b.ts': source("import type { A } from './a.ts';\nexport const b: A = 1;"),
      },
      ['core/io/b.ts:2: closes a cycle of imports: core/io/a.ts -> core/io/b.ts -> core/io/a.ts'],
    );
  });

  test('a package is for the folders that need it, and must be a dependency', () => {
    expectProblems(
      {
        ...starting('core/io/a.ts', 'control/sources/b.ts'),
        'core/io/a.ts': source("import 'zod';\nimport 'left-pad';\nimport 'ws';"),
        'control/sources/b.ts': source("import 'zod';"),
        'core/io/a.test.ts': source("import 'left-pad';"),
      },
      [
        'core/io/a.ts:2: imports zod, which only',
        'core/io/a.ts:3: imports left-pad, which package',
      ],
    );
  });
});

test('generated code is judged by its imports, and by who imports it', () => {
  const generated = `export enum A { B }\nexport const unused = 1; // ${unfinished}`;
  expectProblems(
    {
      ...starting('core/io/a.ts', 'control/b.ts'),
      'api/gen/proxy/a.ts': `import '../../wire/c.ts';\n${generated}`,
      'api/gen/control/b_pb.ts': `import 'zod';\nimport '../../../core/io/d.ts';\n${generated}`,
      'api/wire/c.ts': source(''),
      'core/io/d.ts': source(''),
      'core/io/a.ts': source(
        "import '../../api/gen/proxy/a.ts';\nimport '../../api/gen/control/b_pb.ts';",
      ),
      'control/b.ts': source("import '../api/gen/control/b_pb.ts';"),
    },
    [
      'api/gen/control/b_pb.ts:1: imports zod, which only',
      'api/gen/control/b_pb.ts:2: in api/gen/control imports from core/io',
      'core/io/a.ts:3: in core/io imports from api/gen/control',
    ],
  );
});

test('what generated code imports is used', () => {
  const tree = {
    'api/gen/proxy/a.ts': "export { c } from '../../wire/c.ts';\n",
    'api/wire/c.ts': source('export const c = 1;'),
  };
  expectProblems(tree, []);
});

describe('dead code', () => {
  test('a file and an export that nobody uses', () => {
    expectProblems(
      {
        ...starting('cli/main.ts'),
        'cli/main.ts': source("import { a } from './a.ts';\na;"),
        'cli/a.ts': source('export const a = 1;\nexport function b(): void {}\nexport type C = 1;'),
        'cli/a.test.ts': source("import type { C } from './a.ts';\nimport './tested.ts';"),
        'cli/tested.ts': source(''),
        'cli/lost.ts': source(''),
      },
      [
        'cli/a.ts:3: b is exported and used by no other file',
        'cli/tested.ts:1: only tests use this file',
        'cli/lost.ts:1: nothing uses this file',
      ],
    );
  });

  test('scripts, URLs and names in strings start files', () => {
    expectProblems(
      {
        'cli/heddle': '#!/bin/sh\nexec node "$(dirname "$0")/main.ts"\n',
        'cli/main.ts': source("new URL('./worker.ts', import.meta.url);\nspawn('cli/other.ts');"),
        'cli/worker.ts': source('export function run(): void {}'),
        'cli/other.ts': source(''),
      },
      [],
    );
  });

  test('a namespace import uses the members that it mentions', () => {
    expectProblems(
      {
        ...starting('cli/main.ts'),
        'cli/main.ts': source("import * as limits from './limits.ts';\nlimits.a;"),
        'cli/limits.ts': source('export const a = 1;\nexport const b = 1;'),
      },
      ['cli/limits.ts:3: b is exported'],
    );
  });
});

test('an export that nobody uses can be dropped by the command', () => {
  const root = mkdtempSync(join(tmpdir(), 'heddle-tidy-'));
  try {
    const path = join(root, 'a.ts');
    const text = '/** A. */\nexport const a = 1;\n';
    writeFileSync(path, text);
    const rest = fixProblems(root, [
      { path: 'a.ts', line: 1, message: 'of another kind' },
      { path: 'a.ts', line: 2, message: 'dead', surplus: 'export ' },
    ]);
    assert.deepEqual(
      rest.map(({ line }) => line),
      [1],
    );
    assert.equal(readFileSync(path, 'utf8'), '/** A. */\nconst a = 1;\n');
  } finally {
    rmSync(root, { recursive: true });
  }
});

describe('globals', () => {
  const banned: readonly (readonly [code: string, says: string])[] = [
    ['setTimeout(f, 1);', 'core/base/timers.ts'],
    ['globalThis.setInterval(f, 1);', 'core/base/timers.ts'],
    ['Date.now();', 'core/base/clock.ts'],
    ['new Date();', 'core/base/clock.ts'],
    ['performance.now();', 'core/base/clock.ts'],
    ['Math.random();', 'core/base/random.ts'],
    ['process.env.HOME;', 'cli/main.ts'],
    ['process.exit(1);', 'workers'],
    ['console.log(1);', 'core/telemetry'],
    [`\`\${Math.random()}\`;`, 'core/base/random.ts'],
    ["import { setTimeout as wait } from 'node:timers/promises';", 'core/base/timers.ts'],
    ["import { randomBytes } from 'node:crypto';", 'core/base/random.ts'],
    ["import net from 'node:net';", 'core/io'],
    ["import { connect } from 'node:tls';", 'core/tls'],
    ["import { Worker } from 'node:worker_threads';", 'workers'],
  ];
  for (const [code, says] of banned) {
    test(code, () => {
      const problems = tidy({ ...starting('core/stack/a.ts'), 'core/stack/a.ts': source(code) });
      assert.equal(problems.length, 1, JSON.stringify(problems));
      assert.ok(problems[0].startsWith('core/stack/a.ts:2: '), problems[0]);
      assert.ok(problems[0].includes(says), problems[0]);
    });
  }

  test('types, members, keys, comments, strings and the file that may are left alone', () => {
    const code = `import type { Socket } from 'node:net';
import { isIP } from 'node:net';
// Date.now() is read elsewhere
timers.setTimeout(socket, 'Math.random()');
const options = { setTimeout: 1, at: new Date(0) };`;
    expectProblems(
      {
        ...starting('core/stack/a.ts', 'core/base/clock.ts'),
        'core/stack/a.ts': source(code),
        'core/base/clock.ts': source('Date.now();'),
        'core/stack/a.test.ts': source('Date.now();'),
        'test/e2e/a.test.ts': source('process.env.HOME;'),
      },
      [],
    );
  });
});

describe('shape', () => {
  function shape(body: string, says: readonly string[]): void {
    const path = 'core/io/a.ts';
    expectProblems(
      { ...starting(path), [path]: source(body) },
      says.map((one) => `${path}:${one}`),
    );
  }

  test('the size of files, functions and lines', () => {
    const lines = 'x;\n'.repeat(69);
    shape(`function short(): void {\n${'x;\n'.repeat(68)}}`, []);
    shape(`function long(): { a: string } {\n${lines}}`, ['2: long has 71 lines']);
    shape(`class A {\n  async long<T>(a: T): Promise<T> {\n${lines}  }\n}`, ['3: long has 71']);
    shape(`const long = (a: string): void => {\n${lines}};`, ['2: long has 71 lines']);
    shape(`const a = { get long() {\n${lines}} };`, ['2: long has 71 lines']);
    shape(`switch (f(a)) {\ncase g(b): {\n${lines}}\n}`, []);
    shape(`const a = {\n${'  x: f(1),\n'.repeat(90)}};`, []);
    shape('x;\n'.repeat(399), ['401: 401 lines, allowed are 400']);
    shape(`// ${'x'.repeat(98)}`, ['2: 101 columns']);
  });

  test('a section of tests may be longer than a function', () => {
    const tests = "test('a', () => {});\n".repeat(80);
    const path = 'core/io/a.test.ts';
    expectProblems({ [path]: source(`describe('a', () => {\n${tests}});`) }, []);
  });

  test('constructs that the project does without', () => {
    shape('enum Color { Red }', ['2: enum']);
    shape('namespace A { x; }', ['2: namespace']);
    shape('const enumerate = { enum: 1 };', []);
    shape('export default 1;', ['2: default export']);
    shape('const a = b as any;', ['2: as any']);
    shape('class A {\n  constructor(b: string, private c = 1) {}\n}', ['3: parameter property']);
    shape('class A {\n  readonly b: string;\n  constructor(readonlyB: string) {}\n}', []);
  });

  test('barrels', () => {
    expectProblems(
      {
        ...starting('core/io/a.ts', 'core/io/b.ts'),
        'core/io/a.ts': source("export { b } from './b.ts';\nexport * from './b.ts';"),
        'core/io/b.ts': source('export const b = 1;'),
      },
      ['core/io/a.ts:2: exports what', 'core/io/a.ts:3: exports what'],
    );
  });

  test('headers and names', () => {
    expectProblems(
      {
        ...starting('core/io/aB.ts', 'core/io/utils.ts'),
        'core/io/aB.ts': 'x;\n',
        'core/io/utils.ts': source(''),
      },
      [
        'core/io/aB.ts:1: the file begins without a comment',
        'core/io/aB.ts:1: a file name is kebab-case',
        'core/io/utils.ts:1: the file name "utils" says nothing',
      ],
    );
  });

  test('tests that sleep or leave others out', () => {
    const body = [
      'await new Promise((resolve) => setTimeout(resolve, 100));',
      "test.only('a', () => {});",
      'await new Promise((resolve) => socket.once("close", resolve));',
    ];
    expectProblems({ 'core/io/a.test.ts': source(body.join('\n')) }, [
      'core/io/a.test.ts:2: a sleep',
      'core/io/a.test.ts:3: only',
    ]);
  });

  test('words', () => {
    shape(`// ${unfinished}: later`, [`2: ${unfinished}`]);
    shape('/**\n * @ts-ignore\n */', ['3: @ts-ignore']);
    shape('const circuitOpen = 1;', ['2: circuitOpen: say breaker']);
    shape('const gate = { circuit_breakers: 1 };\npool.circuit;', []);
  });
});

describe('documents', () => {
  test('one title, files that exist, links that lead somewhere', () => {
    const text = `# One

\`core/io/a.ts\`, \`core/io\`, \`core/{io,base}/\`, \`core/*/a.ts\`, \`application/json\`,
\`core/base/b.ts\`, [here](docs/B.md#two-words), [there](docs/C.md), [no](docs/B.md#three),
[web](https://example.org/x), \`docs/{B,C}.md\`

\`\`\`sh
# a comment in a block: \`core/gone.ts\`
\`\`\`
`;
    expectProblems(
      {
        ...starting('core/io/a.ts', 'core/base/a.ts'),
        'core/io/a.ts': source(''),
        'core/base/a.ts': source('// see docs/GONE.md'),
        'README.md': text,
        'docs/B.md': '# B\n\n## Two words\n',
        'docs/D.md': 'no title\n',
      },
      [
        'README.md:4: names core/base/b.ts',
        'README.md:4: links to docs/C.md',
        'README.md:4: links to #three',
        'README.md:5: names docs/{B,C}.md',
        'core/base/a.ts:2: a comment names docs/GONE.md',
        'docs/D.md:1: has 0 titles',
      ],
    );
  });
});
