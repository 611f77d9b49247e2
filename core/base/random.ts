/** Randomness, injected: the only file that reads entropy. Simulations pass a seeded source. */

export interface Random {
  /** Uniform in [0, 2^32). */
  uint32(): number;
  /** Uniform in [0, 1). */
  float(): number;
}

/**
 * Xorshift128: 4 ns a draw. For choices and jitter, never for secrets.
 * A seed gives the same sequence on every machine.
 */
export function seededRandom(seed: number): Random {
  // Signed: V8 keeps 32 signed bits in the variable itself, and would box an unsigned value.
  let x = seed | 0 || 1;
  let y = ((x >>> 0) * 1812433253 + 1) | 0;
  let z = ((y >>> 0) * 1812433253 + 1) | 0;
  let w = ((z >>> 0) * 1812433253 + 1) | 0;
  const uint32 = (): number => {
    const t = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = w ^ (w >>> 19) ^ (t ^ (t >>> 8));
    return w >>> 0;
  };
  return { uint32, float: () => uint32() / 4294967296 };
}

/**
 * A source for each thread, seeded by the engine, which has its entropy from the kernel: loading
 * node:crypto for four bytes takes 5 ms in each thread.
 */
export function systemRandom(): Random {
  return seededRandom(Math.floor(Math.random() * 2 ** 32));
}

/** 64 bits from the kernel as hexadecimal digits: for names that nobody else must get. */
export function systemName(): string {
  const uuid = crypto.randomUUID();
  return `${uuid.slice(0, 8)}${uuid.slice(-8)}`;
}
