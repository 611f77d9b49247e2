/**
 * Goal: the control plane may end, hang or come back with less than it knew, and no request fails.
 * Method: the drill of `outage-drill.ts`, real processes under load.
 */

import { meshYaml } from '../../support/control-mesh.ts';
import { drillOutages, replaceControl } from '../../support/outage-drill.ts';

drillOutages([
  {
    name: 'stopped',
    async begin(_mesh, control) {
      control.signal('SIGTERM');
      await control.ended;
    },
    end: replaceControl,
  },
  {
    name: 'killed',
    async begin(_mesh, control) {
      control.signal('SIGKILL');
      await control.ended;
    },
    end: replaceControl,
  },
  {
    name: 'frozen',
    begin: (_mesh, control) => control.signal('SIGSTOP'),
    async end(_mesh, control, yaml) {
      control.write(yaml);
      control.signal('SIGCONT');
      await control.untilSaid('is applied');
    },
  },
  {
    name: 'restarted empty',
    begin: (mesh, control) => replaceControl(mesh, control, '{}'),
    end: replaceControl,
  },
  {
    name: 'restarted older',
    begin: (mesh, control) => replaceControl(mesh, control, meshYaml(mesh.origins.slice(0, 1))),
    end: replaceControl,
  },
]);
