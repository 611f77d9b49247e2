/** An origin that answers every request, all without a body, with the same response. */

import type { Wire } from './wire.ts';

export function answerAlways(response: string): (wire: Wire) => void {
  return (wire) => {
    wire.socket.on('data', () => {
      for (let at = wire.received.indexOf('\r\n\r\n'); at !== -1; ) {
        wire.received = wire.received.slice(at + 4);
        wire.write(response);
        at = wire.received.indexOf('\r\n\r\n');
      }
    });
  };
}
