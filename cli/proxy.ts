/** `heddle proxy`: from flags to a running proxy, with as little loaded as possible. */

import { defaultConfig } from '../control/model/default-settings.ts';
import { type CommandContext, exitFailure, exitUsage } from './context.ts';
import { parseProxyFlags } from './proxy-flags.ts';

/** Resolves with the exit code when the proxy has ended. */
export async function runProxyCommand(
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  const { environment } = context;
  const hasEnvironment = Object.keys(environment).some((name) => name.startsWith(sidecarPrefix));
  const parsed = parseProxyFlags(args, hasEnvironment);
  if ('usage' in parsed) {
    context.note(`heddle proxy: ${parsed.usage}\n(heddle proxy --help)\n`);
    return exitUsage;
  }
  // A file that has changed is read in a process of its own while everything else is loaded here.
  const { configPath, overrides, isSidecar, preparesIdentity } = parsed;
  const { loadProxyConfig } = await import('../control/sources/load-config.ts');
  const loading =
    configPath === null
      ? Promise.resolve({ config: defaultConfig })
      : loadProxyConfig(configPath, overrides.control ?? '', context.cacheFolder);
  const { runProxy } = await import('../workers/main.ts');
  if (preparesIdentity) {
    const { prepareIdentity } = await import('../workers/prepare-identity.ts');
    const problem = await prepareIdentity(environment);
    if (problem !== '') {
      context.note(`heddle: ${problem}\n`);
      return exitFailure;
    }
  }
  return runProxy({ configPath, loading, overrides, isSidecar });
}

const sidecarPrefix = 'LINKERD2_PROXY_';
