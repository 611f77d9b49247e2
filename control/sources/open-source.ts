/** Which source serves which kind of `services` entry. */

import type { OpenSource } from '../model/source.ts';

export function createSourceOpener(): OpenSource {
  return (config, listener) => {
    switch (config.kind) {
      case 'inline':
        listener.onEndpoints(config.endpoints);
        return { close: () => undefined };
      default:
        throw new Error(config.kind);
    }
  };
}
