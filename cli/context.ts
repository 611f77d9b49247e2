/** What a command is given: the terminal as far as it needs to know it, and where results go. */

export interface CommandContext {
  /** Data, on stdout. */
  readonly print: (text: string) => void;
  /** Everything else, on stderr. */
  readonly note: (text: string) => void;
  /** stdout is a terminal, so that a table may be drawn over the one before. */
  readonly live: boolean;
  /** stdout takes colours; NO_COLOR and FORCE_COLOR were heard. */
  readonly color: boolean;
  /** Of the terminal as it is now; Infinity when stdout is none. */
  readonly columns: number;
  /** Where a command keeps what it can do without; null for nowhere. */
  readonly cacheFolder: string | null;
  /** Where commands keep what they need again, `heddle` among states; null for nowhere. */
  readonly stateFolder: string | null;
  /** For what a command starts, and for variables of its own. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What the process ends with when the command has ended. */
  exitCode: number;
}

export const exitFailure = 1;
export const exitUsage = 2;
export const exitConfig = 64;
export const exitInterrupt = 130;
