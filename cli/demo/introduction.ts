/** What the demo says before its table: what runs where, and what to try. Pure. */

import type { Mesh } from './mesh.ts';

export function introduce(mesh: Mesh, folder: string): string {
  const { control, edge, apps } = mesh;
  const processes = apps.map(({ name, pid }) => `${name} ${pid}`);
  const pidOf = (name: string): number => apps.find((app) => app.name === name)?.pid ?? 0;
  const outbound = `127.0.0.1:${edge.outbound}`;
  const plane = `127.0.0.1:${control.port}`.padEnd(`http://${outbound}`.length);
  const stat = edge.admin === 4191 ? 'stat' : `stat 127.0.0.1:${edge.admin}`;
  const at = control.port === 8086 ? '' : ` --control 127.0.0.1:${control.port}`;
  return `
  you, load -> edge proxy -> web -> users-1, users-2
                   |-> greeter-1, greeter-2    gRPC
                   |-> prices                  HTTP/2
                   \\-> echo                    TCP

  control plane  ${plane}   admin http://127.0.0.1:${control.admin}/metrics
  edge proxy     http://${outbound}   admin http://127.0.0.1:${edge.admin}/metrics
  echo (TCP)     127.0.0.1:${edge.echoBind}
  processes      ${processes.slice(0, processesInLine).join(', ')},
                 ${processes.slice(processesInLine).join(', ')}
  files          ${folder}

Each has joined by heddle run, with a proxy of its own. Try in another terminal:
  curl -H 'Host: web' http://${outbound}/
  curl -x http://${outbound} http://users/users/1
  curl --http2-prior-knowledge -H 'Host: prices' http://${outbound}/yarn
  curl -i -H 'Host: nobody' http://${outbound}/     the answer says why
  kill -9 ${pidOf('users-1')}     the other replica of users takes its requests
  kill -9 ${pidOf('greeter-1')}     the same for calls of gRPC
  kill -9 ${control.pid}     the control plane: the proxies go on without it
  ${command} endpoints --compare${at}     who knows what
  ${command} check${at}     whether all is well
  ${command} edges${at}     who talks to whom, as whom
  ${command} identity web${at}     its certificate
  ${command} identity rotate${at} \\
    --token-file ${folder}/up/local.token
  ${command} ${stat} -o wide     calls of gRPC by status
  grpcurl -plaintext -proto cli/demo/greeter.proto -authority greeter \\
    -d '{"name":"Ada"}' ${outbound} demo.Greeter/Greet     if you have it

users-2 is slow for two seconds in every ten: watch P99. Every twentieth call
that greeter-2 gets ends with UNAVAILABLE. Ctrl-C ends all of it.

`;
}

/** What a person types: an image has no folder of sources. */
const command = import.meta.url.endsWith('.ts') ? 'cli/heddle' : 'heddle';
/** So that a line has at most 80 columns. */
const processesInLine = 4;
