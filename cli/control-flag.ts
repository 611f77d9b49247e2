/** `--control`: where control planes are, for commands that ask them. */

import { InvalidArgumentError, Option } from 'commander';
import type { Address } from '../api/settings.ts';
import { formatAddress, parseAddress } from '../control/model/address.ts';

/** `off`: the word for none, where a command can do without. */
export function controlOption(off: 'off' | null = null): Option {
  const none = off === null ? '' : `, or ${off}`;
  const help = `control planes, IP:port with commas between them${none}`;
  return new Option('--control <addresses>', help)
    .argParser((text) => (text === off ? [] : parseControls(text)))
    .default([controlDefault], formatAddress(controlDefault));
}

/** Each once, in the order in which they were given. */
function parseControls(text: string): readonly Address[] {
  const addresses = new Map<string, Address>();
  for (const part of text.split(',')) {
    const address = parseAddress(part.trim().replace(/^localhost:/, '127.0.0.1:'));
    if (address === null || address.port === 0) {
      throw new InvalidArgumentError('Expected IP:port such as 127.0.0.1:8086, or several.');
    }
    addresses.set(formatAddress(address), address);
  }
  if (addresses.size > controlsMax) {
    throw new InvalidArgumentError(`Expected at most ${controlsMax} addresses.`);
  }
  return [...addresses.values()];
}

const controlDefault: Address = { host: '127.0.0.1', port: 8086 };
const controlsMax = 16;
