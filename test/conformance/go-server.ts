/** gRPC's server for interoperability tests, in Go. */

import type { TestContext } from 'node:test';
import { start, untilWritten } from './programs.ts';

/** Its port, on all addresses of the machine. */
export async function startGoServer(t: TestContext): Promise<number> {
  const child = start(t, 'grpc-interop-server', ['--port=0'], logging);
  const [, port] = await untilWritten(child, /listening on \S+:(\d+)/);
  return Number(port);
}

/** Its log tells the port. */
const logging = { GRPC_GO_LOG_SEVERITY_LEVEL: 'info' };
