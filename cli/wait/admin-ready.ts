/** Asks the admin port of a proxy whether it is ready, and tells it to end. */

import { askAdmin } from '../admin-client.ts';

/** Null when one of the addresses says so, else why none does. They may be those of one port. */
export async function askReady(addresses: readonly string[]): Promise<string | null> {
  const reasons: string[] = [];
  for (const address of addresses) {
    try {
      const { status, body } = await askAdmin(address, '/ready');
      if (status >= 200 && status < 300) return null;
      reasons.push(`it is not ready: ${body.trim()}`);
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  return reasons.join('; ');
}

/** Done when it has heard it. Null, else why nobody has. */
export async function tellShutdown(addresses: readonly string[]): Promise<string | null> {
  const reasons: string[] = [];
  for (const address of addresses) {
    try {
      const { status } = await askAdmin(address, '/shutdown', 'POST');
      if (status >= 200 && status < 300) return null;
      reasons.push(`http://${address}/shutdown: answered ${status}`);
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  return reasons.join('; ');
}

/** Both addresses of the loopback: a proxy may listen on either. */
export function addressesOfPort(port: number): readonly string[] {
  return [`127.0.0.1:${port}`, `[::1]:${port}`];
}
