/** What the demo says before its table: what runs where, and what to try. Pure. */

import type { Mesh } from './mesh.ts';

export function introduce(mesh: Mesh, folder: string): string {
  const { edge, sidecar, apps } = mesh;
  const [web, users1, users2, echo] = apps;
  const beside = `http://127.0.0.1:${sidecar.outbound}`;
  const outbound = `http://127.0.0.1:${edge.outbound}`;
  const command = edge.admin === 4191 ? 'heddle stat' : `heddle stat 127.0.0.1:${edge.admin}`;
  return `
  you, load --> edge proxy --> web proxy --> web --> web proxy --> users-1, users-2
            \\-> edge proxy --> echo

  edge proxy   ${outbound}   admin http://127.0.0.1:${edge.admin}/metrics
  web proxy    ${beside}   admin http://127.0.0.1:${sidecar.admin}/metrics
  echo (TCP)   127.0.0.1:${edge.echoBind}
  processes    ${[web, users1, users2, echo].map(({ name, pid }) => `${name} ${pid}`).join(', ')}
  files        ${folder}

Try in another terminal:
  curl -H 'Host: web' ${outbound}/
  curl -x ${outbound} http://web/
  curl -x ${outbound} http://users/users/1
  curl -i -H 'Host: nobody' ${outbound}/     an unknown name: the answer says why
  kill -9 ${users1.pid}     one replica of users: the other takes its requests
  cli/${command}
users-2 is slow for two seconds in every ten: watch P99. Ctrl-C ends all of it.

`;
}
