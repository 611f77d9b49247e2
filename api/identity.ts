/**
 * Who a proxy is, and whom it believes: made by main, the same in every worker. Each change is a
 * new one as a whole.
 */

export interface IdentitySnapshot {
  /** Grows with each change. */
  readonly generation: number;
  /** The name that the leaf proves, which is also the server name that peers ask for. */
  readonly name: string;
  /** PKCS#8 in PEM; empty before the first certificate. */
  readonly key: string;
  /** The leaf and its intermediates in PEM, the leaf first; empty before the first certificate. */
  readonly chain: string;
  /** The trust anchors in PEM; never empty once there is a chain. */
  readonly roots: string;
}
