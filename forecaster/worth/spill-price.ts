/**
 * What a spilled request has to cost so that a stated share of spilled requests is kept at the least dollars: the multiplier of that share. With it a
 * function that states a share and one that states dollars speak the same language, and what is scarce can go to the better use.
 */
import { bestPath, type Chain, type StepScale } from './chain.ts';

export interface SpillShare {
  /** Requests that may spill over all requests. */
  readonly ratioMax: number;
  /** Over these blocks of the chain. */
  readonly blockFrom: number;
  readonly blockEnd: number;
  /** Expected arrivals in each block of the chain. */
  readonly requestCount: Float64Array;
  readonly scale: StepScale;
}

/** Prices are told apart to a five-hundredth. */
const priceRatio = 1.002;
/** A hundred million dollars a request buys whatever there is. */
const usdPerSpillMax = 1e8;
const usdPerSpillMin = 1e-12;

/**
 * The least price of a spilled request at which the share is kept, in dollars; 0 where dollars alone keep it. Where no level keeps it, the least at which
 * everything is held that avoids anything.
 *
 * Cost: some forty paths over the blocks before `blockEnd`.
 */
export function spillPriceFor(chain: Chain, share: SpillShare): number {
  const { ratioMax, blockFrom, blockEnd, requestCount, scale } = share;
  const suffixes = Array.from({ length: blockEnd - blockFrom }, (_, index) => spilledFrom(chain, blockFrom + index));
  let requests = 0;
  for (let block = blockFrom; block < blockEnd; block++) requests += requestCount[block]!;
  const spilledAtPrice = (usd: number): number => {
    const usdPerSpill = new Float64Array(chain.blockCount).fill(usd, blockFrom, blockEnd);
    const levels = bestPath(chain, { usdPerSpill, scale, blockEnd });
    let spilled = 0;
    for (let block = blockFrom; block < blockEnd; block++) {
      const suffix = suffixes[block - blockFrom]!;
      spilled += suffix[Math.min(levels[block]!, suffix.length - 1)]!;
    }
    return spilled;
  };
  const spilledMax = Math.max(ratioMax * requests, spilledAtPrice(usdPerSpillMax)) * (1 + 1e-9);
  if (spilledAtPrice(0) <= spilledMax) return 0;
  let [low, high] = [usdPerSpillMin, usdPerSpillMax];
  while (high / low > priceRatio) {
    const middle = Math.sqrt(low * high);
    if (spilledAtPrice(middle) <= spilledMax) high = middle;
    else low = middle;
  }
  return high;
}

/** Spilled requests of a block by level. */
function spilledFrom(chain: Chain, block: number): Float64Array {
  const { length } = chain.spillAvoided[block]!;
  const spilled = new Float64Array(length + 1);
  for (let level = length - 1; level >= 0; level--) {
    spilled[level] = spilled[level + 1]! + chain.spillAvoided[block]![level]!;
  }
  return spilled;
}
