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
  /** Nothing is held above it: what would avoid a spill there does not, and the spill counts. */
  readonly cap: number;
  readonly scale: StepScale;
}

/** Prices are told apart to a five-hundredth. */
const priceRatio = 1.002;
/** A hundred million dollars a request buys whatever there is. */
const usdPerSpillMax = 1e8;
const usdPerSpillMin = 1e-12;

/**
 * The least price of a spilled request at which the share is kept, in dollars; 0 where dollars alone keep it. Where no level up to the cap keeps it, the
 * least at which the busiest block reaches the cap and no more than the share spills of what could be avoided: what nobody can keep is no claim on what others need.
 *
 * Cost: some forty paths over the blocks before `blockEnd`.
 */
export function spillPriceFor(chain: Chain, share: SpillShare): number {
  const { ratioMax, blockFrom, blockEnd, requestCount, cap, scale } = share;
  const suffixes = Array.from({ length: blockEnd - blockFrom }, (_, index) => spilledFrom(chain, blockFrom + index));
  let requests = 0;
  let busiest = blockFrom;
  for (let block = blockFrom; block < blockEnd; block++) {
    requests += requestCount[block]!;
    if (requestCount[block]! > requestCount[busiest]!) busiest = block;
  }
  const spilledMax = ratioMax * requests * (1 + 1e-9);
  const capped: Chain = {
    ...chain,
    usdSaved: chain.usdSaved.map((saved) => saved.subarray(0, cap)),
    spillAvoided: chain.spillAvoided.map((spill) => spill.subarray(0, cap)),
  };
  const levelsAt = (usd: number): Int32Array => {
    const usdPerSpill = new Float64Array(chain.blockCount).fill(usd, blockFrom, blockEnd);
    return bestPath(capped, { usdPerSpill, scale, blockEnd });
  };
  const most = levelsAt(usdPerSpillMax);
  const spilledOver = (levels: Int32Array): number => {
    let spilled = 0;
    for (let block = blockFrom; block < blockEnd; block++) {
      const suffix = suffixes[block - blockFrom]!;
      spilled += suffix[Math.min(levels[block]!, suffix.length - 1)]!;
    }
    return spilled;
  };
  const unavoidable = spilledOver(most);
  if (unavoidable <= spilledMax) return leastPrice((usd) => spilledOver(levelsAt(usd)) <= spilledMax);
  return leastPrice((usd) => {
    const levels = levelsAt(usd);
    return levels[busiest]! >= most[busiest]! && spilledOver(levels) - unavoidable <= spilledMax;
  });
}

/** @param isEnough holds from some price on. */
function leastPrice(isEnough: (usd: number) => boolean): number {
  if (isEnough(0)) return 0;
  let [low, high] = [usdPerSpillMin, usdPerSpillMax];
  while (high / low > priceRatio) {
    const middle = Math.sqrt(low * high);
    if (isEnough(middle)) high = middle;
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
