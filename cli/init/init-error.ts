/** Why rules cannot be had: what failed, the reason, and what to do. */

export class InitError extends Error {
  override readonly name = 'InitError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitRefused) {
    super(message);
    this.exitCode = exitCode;
  }
}

const exitRefused = 1;
/** Of sysexits(3): a program is not there; a permission is not. */
export const exitUnavailable = 69;
export const exitNoPermission = 77;
