/**
 * Bundles the proxy into `dist/`. `npm ci` runs this; `cli/heddle` uses the result only while no
 * source is newer, and what else the command can do runs from its sources.
 */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundleProxy, snapshotArgs } from './bundle.ts';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
await bundleProxy(dist, '../cli/program.ts');
execFileSync(process.execPath, snapshotArgs(dist), { stdio: ['ignore', 'ignore', 'inherit'] });
