/**
 * Which source serves which kind of `services` entry. The resolver's files and its client are
 * shared by all names and opened with the first.
 */

import { unreachable } from '../../core/base/assert.ts';
import type { Clock } from '../../core/base/clock.ts';
import type { Random } from '../../core/base/random.ts';
import type { TimerWheel } from '../../core/base/timers.ts';
import type { OpenServicePort, OpenSource, SourceLog } from '../model/source.ts';
import { type DnsEnv, openDnsSource, openSrvSource } from './dns.ts';
import { DnsClient } from './dns-client.ts';
import { openFileSource } from './file-source.ts';
import type { TtlBounds } from './follow-name.ts';
import { openResolverFiles, type ResolverPaths } from './resolver-files.ts';

interface SourceOpenerEnv {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly log: SourceLog;
  readonly resolver: ResolverOptions;
  /** Of a control plane; a proxy by itself has none. */
  readonly catalogs?: {
    readonly manifests?: OpenServicePort;
    readonly registry?: OpenServicePort;
  };
}

export interface ResolverOptions {
  readonly paths: ResolverPaths;
  /** Where name servers listen. */
  readonly port: number;
  readonly ttl?: TtlBounds;
}

interface SourceOpener {
  readonly open: OpenSource;
  /** Sources are closed by whoever opened them, before this. */
  close(): void;
}

export function createSourceOpener(env: SourceOpenerEnv): SourceOpener {
  let dns: DnsEnv | null = null;

  function openDns(): DnsEnv {
    const files = openResolverFiles(env.resolver.paths, env);
    const client = new DnsClient({ ...env, files, port: env.resolver.port });
    return { ...env, files, client, ttl: env.resolver.ttl };
  }

  return {
    open(config, listener) {
      switch (config.kind) {
        case 'inline':
          listener.onEndpoints(config.endpoints);
          return { close: () => undefined };
        case 'file':
          return openFileSource(config.path, env, listener);
        case 'dns':
          dns ??= openDns();
          return openDnsSource(config.name, config.port, dns, listener);
        case 'srv':
          dns ??= openDns();
          return openSrvSource(config.name, dns, listener);
        case 'manifests':
        case 'registry': {
          const openServicePort = env.catalogs?.[config.kind];
          if (openServicePort !== undefined) return openServicePort(config, listener);
          listener.onError(`endpoints of kind ${config.kind} need heddle up`);
          return { close: () => undefined };
        }
        default:
          return unreachable(config);
      }
    },
    close() {
      dns?.client.close();
      dns?.files.close();
    },
  };
}
