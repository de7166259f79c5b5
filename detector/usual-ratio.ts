/**
 * How large a share of the spans is usually bad (failed, throttled, cold): an upper bound for this hour of the day, and how much the bad ones come in bunches.
 *
 * Counts fade with a half-life of two days; those of one hour of the day are drawn towards those of all hours by `drawnBySpans` spans. The bound is half as
 * much again as usual, and three standard errors on top, so that ordinary drift is nothing. Bunching (one bad host, one client that retries) is the
 * variance of counts in ten seconds over the binomial one: evidence is divided by it. A bunch of c that all share one fate has variance c, and the c-th root
 * of its likelihood ratio is that of one: exact for such bunches, conservative for what lies between.
 */
import type { Json } from '../core/json.ts';
import { msPerDay, msPerHour, type EpochMs } from '../core/time.ts';
import type { LearningBlock, LearningMinute } from './learning-minute.ts';

const hourCount = 24;
const keepPerMinute = 2 ** (-1 / (2 * 1_440));
const drawnBySpans = 1_000;
const priorSpans = 200;
const tolerance = 1.5;
const errorsOfBound = 3;
/** Five calls that fail together are one client that tries again, and no incident: 5 ln(0.6/0.001) / 1.75 - ln 4 = 16.9, under the threshold of 19.2. */
const bunchingMin = 1.75;
/** As if thirty bad spans had been seen before, in bunches of two. */
const priorBad = 30;
const bunchingPrior = 2;
const bunchingMargin = 1.2;

export interface UsualRatio {
  /** What the share of bad spans stays under while all is well. */
  upper(atMs: EpochMs): number;
  /** What evidence is divided by. */
  readonly bunching: number;
  learn(minute: LearningMinute, badOf: (block: LearningBlock) => number): void;
  snapshot(): Json;
}

export interface UsualRatioOptions {
  /** Shares below this harm nobody, whatever is usual. */
  readonly ratioFloor: number;
  /** Believed of a key that nobody has seen yet, with the weight of 200 spans. */
  readonly ratioPrior: number;
}

interface Kept {
  readonly span: number;
  readonly bad: number;
  readonly hourSpan: readonly number[];
  readonly hourBad: readonly number[];
  readonly square: number;
  readonly binomial: number;
}

export function createUsualRatio({ ratioFloor, ratioPrior }: UsualRatioOptions, snapshot?: Json): UsualRatio {
  const kept = snapshot as unknown as Kept | undefined;
  let span = kept?.span ?? 0;
  let bad = kept?.bad ?? 0;
  const hourSpan = Float64Array.from(kept?.hourSpan ?? new Array<number>(hourCount).fill(0));
  const hourBad = Float64Array.from(kept?.hourBad ?? new Array<number>(hourCount).fill(0));
  let square = kept?.square ?? 0;
  let binomial = kept?.binomial ?? 0;
  let known: { readonly hour: number; readonly ratio: number } | undefined;

  const overall = (): number => (bad + ratioPrior * priorSpans) / (span + priorSpans);
  const bunchingNow = (): number =>
    Math.max(bunchingMin, (bunchingMargin * (square + bunchingPrior * priorBad)) / (binomial + priorBad));
  let bunching = bunchingNow();
  const seenWith = (minute: LearningMinute, badOf: (block: LearningBlock) => number): number => {
    let spanSeen = span;
    let badSeen = bad;
    for (const block of minute.blocks) {
      spanSeen += block.spanCount;
      badSeen += Math.min(block.spanCount, badOf(block));
    }
    return spanSeen > 0 ? badSeen / spanSeen : 0;
  };
  return {
    get bunching() {
      return bunching;
    },
    upper(atMs) {
      const hour = hourOf(atMs);
      if (known?.hour === hour) return known.ratio;
      const all = overall();
      const weight = hourSpan[hour]! + drawnBySpans;
      const here = (hourBad[hour]! + drawnBySpans * all) / weight;
      const error = Math.sqrt((bunching * here * (1 - here)) / Math.min(weight, span + priorSpans));
      known = {
        hour,
        ratio: Math.min(0.9, Math.max(ratioFloor, tolerance * Math.max(here, all) + errorsOfBound * error)),
      };
      return known.ratio;
    },
    learn(minute, badOf) {
      const hour = hourOf(minute.fromMs);
      // Of what was seen, this minute included, and without the prior: that would pass for bunches until it is outweighed.
      const ratio = seenWith(minute, badOf);
      span *= keepPerMinute;
      bad *= keepPerMinute;
      square *= keepPerMinute;
      binomial *= keepPerMinute;
      for (const block of minute.blocks) {
        const { spanCount } = block;
        if (spanCount === 0) continue;
        const blockBad = Math.min(spanCount, badOf(block));
        square += (blockBad - spanCount * ratio) ** 2;
        binomial += spanCount * ratio * (1 - ratio);
        span += spanCount;
        bad += blockBad;
        hourSpan[hour]! += spanCount;
        hourBad[hour]! += blockBad;
      }
      // An hour fades only as it is seen again: sixty minutes of it come once a day.
      hourSpan[hour]! *= 0.998;
      hourBad[hour]! *= 0.998;
      bunching = bunchingNow();
      known = undefined;
    },
    snapshot: () => ({ span, bad, hourSpan: [...hourSpan], hourBad: [...hourBad], square, binomial }),
  };
}

function hourOf(atMs: EpochMs): number {
  return Math.floor((atMs % msPerDay) / msPerHour);
}
