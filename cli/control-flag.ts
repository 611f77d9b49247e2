/** `--control`, for commands that ask control planes. */

import { Option } from 'commander';
import { parseControls } from './labels.ts';

/** `off`: the word for none, where a command can do without. */
export function controlOption(off: 'off' | null = null): Option {
  const none = off === null ? '' : `, or ${off}`;
  const help = `control planes, host:port, comma-separated${none}`;
  return new Option('--control <addresses>', help)
    .argParser((text) => (text === off ? [] : parseControls(text)))
    .default([controlDefault], controlDefault);
}

const controlDefault = '127.0.0.1:8086';
