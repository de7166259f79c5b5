/**
 * Seeded randomness: the same seed gives the same numbers on every machine. Never for secrets.
 *
 * - sfc32, Chris Doty-Humphrey, PractRand (2010): 128 bits of state, passes PractRand to 2^42 bytes.
 */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Standard normal. */
  normal(): number;
  /** Exponential with mean 1. */
  exponential(): number;
  /** Poisson with the given mean. */
  poisson(mean: number): number;
  /** An independent stream, named so that adding a consumer does not shift the others. */
  fork(name: string): Random;
}

export function createRandom(seed: number | string): Random {
  let [a, b, c, d] = hashSeed(String(seed));
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4_294_967_296;
  };
  // The first outputs still show the seed's structure; a dozen rounds mix it away.
  for (let round = 0; round < 12; round++) next();

  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const exponential = (): number => -Math.log(1 - next());
  return {
    next,
    normal,
    exponential,
    poisson(mean) {
      if (mean <= 0) return 0;
      // Above 60 the normal approximation with a continuity correction is within 1 % of the distribution function.
      if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
      const limit = Math.exp(-mean);
      let product = next();
      let count = 0;
      while (product > limit) {
        product *= next();
        count++;
      }
      return count;
    },
    fork: (name) => createRandom(`${seed}/${name}`),
  };
}

/** Spreads a text over four words: FNV-1a with four different bases. */
function hashSeed(text: string): [number, number, number, number] {
  const words: [number, number, number, number] = [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35];
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    for (let word = 0; word < 4; word++) words[word] = Math.imul(words[word]! ^ (code + word), 0x01000193);
  }
  return words;
}
