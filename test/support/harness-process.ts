/**
 * The harness as a process of its own, so that a test can measure its memory. Its target `web` has
 * one endpoint, the port of the first argument. Tells its parent its port; ends with its parent.
 */

import { startHarness } from './proxy-harness.ts';

const harness = await startHarness({
  'host:web': { endpoints: [{ port: Number(process.argv[2]) }] },
});
process.on('disconnect', () => process.exit(0));
process.send?.(harness.outboundPort);
