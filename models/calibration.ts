/**
 * How wrong the forecasts have been, in their own spreads: the distribution of (actual - centre) / spread over past forecasts, from which
 * the quantiles of the next one are read. Old errors fade, so coverage comes back by itself when the level or its noise changes.
 *
 * Mental model: a histogram of standardised errors. A window's errors count together as one, because its buckets are wrong together. It
 * starts out as a heavy-tailed prior worth a few windows.
 *
 * - Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World (2005): conformal prediction from past scores.
 * - Barber, Candès, Ramdas & Tibshirani, Conformal Prediction Beyond Exchangeability, Ann. Stat. 51 (2023): fading weights.
 */
import { packFloat64, unpackFloat64 } from './packed.ts';

const binsPerSpread = 20;
const spreadsBelow = 8;
const spreadsAbove = 12;
const binCount = (spreadsBelow + spreadsAbove) * binsPerSpread;
const windowsOfPrior = 40;
/** Windows after which an error counts half. */
const halfLifeWindowCount = 250;
const fade = 2 ** (-1 / halfLifeWindowCount);

export interface Calibration {
  /** Adds the standardised errors of one window, which counts for `weight` windows: old ones fade by as much as it adds. */
  learn(errors: readonly number[], weight?: number): void;
  /** Standardised error that stays under with probability `level`. */
  quantile(level: number): number;
  snapshot(): string;
}

export function createCalibration(snapshot?: string): Calibration {
  const bins = snapshot === undefined ? priorBins() : unpackFloat64(snapshot);
  return {
    learn(errors, weight = 1) {
      if (errors.length === 0) return;
      const kept = fade ** weight;
      for (let bin = 0; bin < binCount; bin++) bins[bin]! *= kept;
      for (const error of errors) bins[binOf(error)]! += weight / errors.length;
    },
    quantile(level) {
      let total = 0;
      for (let bin = 0; bin < binCount; bin++) total += bins[bin]!;
      const wanted = level * total;
      let seen = 0;
      for (let bin = 0; bin < binCount; bin++) {
        const mass = bins[bin]!;
        if (seen + mass >= wanted && mass > 0) return (bin + (wanted - seen) / mass) / binsPerSpread - spreadsBelow;
        seen += mass;
      }
      return spreadsAbove;
    },
    snapshot: () => packFloat64(bins),
  };
}

function binOf(error: number): number {
  return Math.min(binCount - 1, Math.max(0, Math.floor((error + spreadsBelow) * binsPerSpread)));
}

/** Student's t with 5 degrees of freedom, by the density at each bin's middle. */
function priorBins(): Float64Array {
  const bins = new Float64Array(binCount);
  let total = 0;
  for (let bin = 0; bin < binCount; bin++) {
    const at = (bin + 0.5) / binsPerSpread - spreadsBelow;
    bins[bin] = (1 + (at * at) / 5) ** -3;
    total += bins[bin]!;
  }
  return bins.map((mass) => (mass / total) * windowsOfPrior);
}
