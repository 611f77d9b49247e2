/** `heddle proxy`: from flags to a running proxy, with as little loaded as possible. */

import { defaultConfig } from '../control/model/default-settings.ts';
import { type CommandContext, exitUsage } from './context.ts';
import { parseProxyFlags } from './proxy-flags.ts';

/** Resolves with the exit code when the proxy has ended. */
export async function runProxyCommand(
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  const parsed = parseProxyFlags(args);
  if ('usage' in parsed) {
    context.note(`heddle proxy: ${parsed.usage}\n(heddle proxy --help)\n`);
    return exitUsage;
  }
  // A file that has changed is read in a process of its own while everything else is loaded here.
  const { configPath, overrides } = parsed;
  const { loadProxyConfig } = await import('../control/sources/load-config.ts');
  const loading =
    configPath === null
      ? Promise.resolve({ config: defaultConfig })
      : loadProxyConfig(configPath, overrides.control ?? '', context.cacheFolder);
  const { runProxy } = await import('../workers/main.ts');
  return runProxy({ configPath, loading, overrides });
}
