/**
 * The programs of the image that are ours: scripts that `env -S` starts with Node and its flags,
 * because there is no shell. Each loads the bundle with a command of `heddle`.
 */

export const bundlePath = '/usr/lib/heddle';
export const compileCachePath = `${bundlePath}/cache`;

/** Path and text. */
export function writeLaunchers(): ReadonlyMap<string, string> {
  return new Map([
    ['/usr/bin/heddle', launch(nodeLine, [])],
    [`${linkerd}/linkerd2-proxy`, launch(nodeLine, ['proxy'])],
    [`${linkerd}/linkerd2-proxy-identity`, launch(nodeLine, ['proxy', '--prepare-identity'])],
    [`${linkerd}/linkerd2-proxy-init`, launch(initLine, ['init'])],
    [`${linkerd}/linkerd2-network-validator`, launch(nodeLine, ['validate-network'])],
    // Its usual port; one that is named comes later and counts.
    [`${linkerd}/linkerd-await`, launch(nodeLine, ['wait', '--port', '4191'])],
  ]);
}

/** `env` and `setpriv` with file capabilities of their own, for the line below. */
export const initPath = `${bundlePath}/init`;

function launch(line: string, command: readonly string[]): string {
  const words = command.map((word) => `'${word}'`).join(', ');
  const insert = command.length === 0 ? '' : `process.argv.splice(2, 0, ${words});\n`;
  return `#!${line}\n${insert}import('${bundlePath}/main.js');\n`;
}

const linkerd = '/usr/lib/linkerd';

/** As `cli/heddle` does it, which says why; what is in the environment there, the image sets. */
const node = '/usr/bin/node --disable-warning=ExperimentalWarning --max-semi-space-size=1';
const nodeLine = `/usr/bin/env -S ${node}`;

/**
 * The init container has its capabilities as a user that is not root, and may gain none. A program
 * keeps them only if its file has them, which Node's has not. So `setpriv` makes them ambient, and
 * every program after it keeps them.
 */
const capabilities = '+net_admin,+net_raw';
const setpriv = `setpriv --inh-caps ${capabilities} --ambient-caps ${capabilities}`;
const initLine = `${initPath}/env -S ${initPath}/${setpriv} ${node}`;
