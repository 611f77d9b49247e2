/** What `heddle run` was asked for. */

export interface RunOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Null for a client, which announces nothing. */
  readonly announced: AnnouncedService | null;
  readonly namespace: string;
  /** What its proxy proves, as its setting has it; empty for nothing. */
  readonly identity: string;
  /** `host:port`, each. */
  readonly controls: readonly string[];
  readonly waitMs: number;
  readonly graceMs: number;
  readonly stateFolder: string;
  readonly instance: string;
}

export interface AnnouncedService {
  readonly service: string;
  /** The application's. */
  readonly port: number;
  readonly servicePort: number;
  readonly protocol: string;
  /** A path that is asked for by GET; null: that it accepts is enough. */
  readonly healthPath: string | null;
  readonly advertise: string;
  readonly zone: string;
}
