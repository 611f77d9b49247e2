/**
 * Goal: the way to the control plane may be as bad as a network can be, and no request fails.
 * Method: the drill of `outage-drill.ts`, real processes under load and a relay between them.
 */

import { drillOutages, replaceControl } from '../../support/outage-drill.ts';

drillOutages([
  {
    name: 'unreachable by network',
    begin(mesh) {
      mesh.relay.mode = 'hold';
    },
    end: replaceControl,
  },
  {
    name: 'refusing connections',
    begin(mesh) {
      mesh.relay.mode = 'absent';
    },
    end: replaceControl,
  },
  {
    name: 'answering garbage',
    begin(mesh) {
      mesh.relay.mode = 'garbage';
    },
    end: replaceControl,
  },
  {
    name: 'answering slowly',
    begin(mesh) {
      mesh.relay.mode = 'late';
      mesh.relay.cut();
    },
    end: replaceControl,
  },
]);
