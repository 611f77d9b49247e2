/** Names and ports as flags take them, for commander. */

import { InvalidArgumentError } from 'commander';
import { isHostAndPort, parsePort, splitPort } from '../control/model/address.ts';

/** Of a service or a namespace: a DNS label (RFC 1123). */
export function parseLabel(text: string): string {
  if (label.test(text)) return text;
  throw new InvalidArgumentError('Expected letters a-z, digits and -, at most 63.');
}

export function parsePortFlag(text: string): number {
  const port = parsePort(text) ?? 0;
  if (port > 0) return port;
  throw new InvalidArgumentError('Expected a port from 1 to 65535.');
}

/** `host:port` of control planes, each once. */
export function parseControls(text: string): readonly string[] {
  const controls = text.split(',').map((one) => {
    // Control planes listen there by default: its other address, ::1, would seem to have none.
    return one.trim().replace(/^localhost:/, '127.0.0.1:');
  });
  if (controls.every(isHostAndPort)) return [...new Set(controls)];
  throw new InvalidArgumentError('Expected host:port such as 127.0.0.1:8086, or several.');
}

/** Admin addresses of a flag that may be repeated, each once. */
export function collectAdmins(text: string, before: readonly string[]): readonly string[] {
  const split = splitPort(text);
  if (split === null || split.port === null || split.port === 0 || split.name === '') {
    throw new InvalidArgumentError('Expected host:port such as 127.0.0.1:4191.');
  }
  return before.includes(text) ? before : [...before, text];
}

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
