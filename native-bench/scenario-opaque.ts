/** Opaque TCP in bulk: one stream of 64 KiB chunks from the server to the client. */

import type { Scenario } from './bench.ts';
import { comparePeers, planService } from './compare.ts';
import { contendBulk, startBulk } from './measure-bulk.ts';

export const opaque: Scenario = {
  name: 'opaque',
  about: 'opaque TCP, one stream of 64 KiB chunks; HAProxy and Envoy in TCP mode',
  needs: [],
  execute: async (bench) => {
    const bulk = await startBulk(bench);
    const plan = planService(bench, 'opaque', `127.0.0.1:${bulk.port}`);
    const title = 'opaque TCP, one stream, 64 KiB chunks';
    const outcome = await comparePeers(
      bench,
      title,
      plan,
      (subject) => contendBulk(bench, subject, bulk),
      'GB',
    );
    await bench.run.end(bulk.started);
    return [outcome];
  },
};
