/**
 * How many requests a second are usual now, between which bounds, and how bursty they come: where the forecast has no better word.
 *
 * Ten-minute slots of the week, each the moving mean of log rates; on top lies how far the last half hour was above the week's pattern. The bounds are four
 * standard deviations of the minute's residuals away; the lower one lies below the median of this time of day over the week as well. Not ready in the first week: a Saturday that borrowed from Friday would be a drop, would not be
 * learned for that, and would be a drop again a week later.
 */
import type { Json } from '../core/json.ts';
import { msPerDay, msPerMinute, type EpochMs } from '../core/time.ts';
import type { LearningMinute } from './learning-minute.ts';

const daysPerWeek = 7;
const minutesPerDay = msPerDay / msPerMinute;
const slotMinutes = 10;
const slotsPerWeek = 7 * 144;
const slotGain = 0.03;
const levelGain = 1 - 2 ** (-1 / 20);
const spreadGain = 1 / 1_440;
const spreadMin = 0.04;
const spreadPrior = 0.3;
const boundSpreads = 4;
const readyAfterMs = 7 * msPerDay;
const secondsToLearn = 30;
const burstinessMin = 1.2;
/** Believed before anything was learned: real calls come in bursts of 1 to 13. */
const burstinessPrior = 8;
const burstinessMargin = 1.3;
const burstinessGain = 1 / 240;
const rateFloor = 0.02;

export interface RateBounds {
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

export interface UsualRate {
  /** Requests a second at that minute; undefined in the first week, and where that time of the week was never learned. */
  at(atMs: EpochMs): RateBounds | undefined;
  /** Variance over mean of what comes in a second, in spans: 1 is Poisson. */
  readonly burstiness: number;
  learn(minute: LearningMinute): void;
  snapshot(): Json;
}

interface Kept {
  readonly week: readonly (number | null)[];
  readonly firstAtMs: EpochMs | null;
  readonly level: number;
  readonly spread: number;
  readonly burstiness: number;
  readonly minuteCount: number;
}

export function createUsualRate(snapshot?: Json): UsualRate {
  const kept = snapshot as unknown as Kept | undefined;
  // A slot that was never learned is NaN, which JSON does not have.
  const week = kept ? Float64Array.from(kept.week, (value) => value ?? NaN) : new Float64Array(slotsPerWeek).fill(NaN);
  let firstAtMs = kept?.firstAtMs ?? undefined;
  let level = kept?.level ?? 0;
  let spread = kept?.spread ?? spreadPrior;
  let burstiness = kept?.burstiness ?? burstinessPrior;
  let minuteCount = kept?.minuteCount ?? 0;
  let known: { readonly minute: number; readonly bounds: RateBounds } | undefined;

  const patternAt = (atMs: EpochMs): number => {
    const place = (atMs / msPerMinute / slotMinutes) % slotsPerWeek;
    const near = Math.floor(place - 0.5 + slotsPerWeek) % slotsPerWeek;
    const share = (place - 0.5 + slotsPerWeek) % 1;
    const left = week[near]!;
    const right = week[(near + 1) % slotsPerWeek]!;
    if (Number.isNaN(left)) return right;
    return Number.isNaN(right) ? left : left + share * (right - left);
  };
  /** Median of this time of day over the week: a surge that a slot saw the only time it was seen is not what is missed a week later. */
  const patternOfDays = (minute: number): number => {
    const days = Array.from({ length: daysPerWeek }, (_, day) =>
      patternAt((minute - day * minutesPerDay) * msPerMinute),
    )
      .filter((pattern) => !Number.isNaN(pattern))
      .sort((left, right) => left - right);
    return days[(days.length - 1) >> 1] ?? Infinity;
  };
  return {
    get burstiness() {
      return Math.max(burstinessMin, burstinessMargin * burstiness);
    },
    at(atMs) {
      if (firstAtMs === undefined || atMs - firstAtMs < readyAfterMs) return undefined;
      const minute = Math.floor(atMs / msPerMinute);
      if (known?.minute === minute) return known.bounds;
      const pattern = patternAt(minute * msPerMinute);
      if (Number.isNaN(pattern)) return undefined;
      const middle = Math.exp(pattern + level);
      const factor = Math.exp(boundSpreads * spread);
      const lowMiddle = Math.exp(Math.min(pattern, patternOfDays(minute)) + level);
      known = { minute, bounds: { low: lowMiddle / factor, middle, high: middle * factor } };
      return known.bounds;
    },
    learn(minute) {
      const { secondCount, requestSum } = minute;
      if (secondCount < secondsToLearn || !minute.isRateKnown) return;
      firstAtMs ??= minute.fromMs;
      const mean = requestSum / secondCount;
      const log = Math.log(Math.max(mean, rateFloor));
      const pattern = patternAt(minute.fromMs);
      if (!Number.isNaN(pattern)) {
        const residual = log - pattern - level;
        const bounded = Math.max(-3 * spread, Math.min(3 * spread, residual));
        spread = Math.max(spreadMin, Math.sqrt(spread ** 2 + spreadGain * (bounded ** 2 - spread ** 2)));
        level += levelGain * Math.max(-1, Math.min(1, residual));
      }
      const slot = Math.floor(minute.fromMs / msPerMinute / slotMinutes) % slotsPerWeek;
      const before = week[slot]!;
      week[slot] = Number.isNaN(before) ? log : before + slotGain * (log - before);
      learnBursts(minute, mean);
      minuteCount++;
      known = undefined;
    },
    snapshot: () => ({
      week: [...week].map(finiteOrNull),
      firstAtMs: firstAtMs ?? null,
      level,
      spread,
      burstiness,
      minuteCount,
    }),
  };

  /** Inside one minute, where the level hardly moves: by single seconds, and by tens of them for what holds on longer. */
  function learnBursts(minute: LearningMinute, mean: number): void {
    const { secondCount, requestSum, requestSquareSum, spanSum, blocks } = minute;
    if (mean <= 0) return;
    const share = Math.min(1, spanSum / requestSum);
    const variance = Math.max(0, (requestSquareSum - secondCount * mean ** 2) / (secondCount - 1));
    const bySecond = (variance / mean) * share;
    const blockMean = blocks.reduce((sum, { spanCount }) => sum + spanCount, 0) / blocks.length;
    const byBlock = blocks.reduce((sum, { spanCount }) => sum + (spanCount - blockMean) ** 2, 0) / (blocks.length - 1);
    const seen = Math.max(bySecond, blockMean > 0 ? byBlock / blockMean : 0);
    const gain = Math.max(burstinessGain, 1 / (minuteCount + 3));
    burstiness += gain * (Math.min(seen, 4 * burstiness) - burstiness);
  }
}

function finiteOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
