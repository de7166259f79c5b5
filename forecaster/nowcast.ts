/**
 * Which path of its forecast is the day on? Answered anew with each count of live requests: by the second where seconds are counted, else by the minute.
 *
 * Mental model: the forecast is a bundle of paths with a weight each (level-paths.ts). A count is evidence: paths under which it is likely gain weight, the others
 * lose. Three things keep it sober. Counts scatter more than Poisson's (burstiness, learned from second to second) and the seconds of a minute are no flat line. One
 * odd second is a burst and no surge: no count moves the odds by more than e³, so that it takes some seconds to believe in what nothing had foretold. And
 * belief fades: a share of the weights goes back to the forecast's own all the time, and all of it at the instant of an event, because the lull before a
 * release says nothing of its size.
 *
 * Looking ahead the same fading is the way back: what is seen now counts half after a half-life, and then the forecast holds again. After an event that is
 * half an hour, since its size is one; what comes without one has lasted, and will last, about as long as it has been there.
 *
 * Cost: some 60 logarithms a count. Pure, and nothing is kept but weights.
 *
 * - Herbster & Warmuth, Tracking the Best Expert, Machine Learning 32 (1998): sharing a fixed part of the weights.
 * - Efron, Double Exponential Families, JASA 81 (1986): exp(−deviance / 2φ) / √φ as the likelihood of an overdispersed count.
 */
import { assert } from '../core/assert.ts';
import type { Forecast } from '../core/forecast.ts';
import { formatInstant, msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import { createBurstiness } from './burstiness.ts';
import { levelPathsOf, type LevelPaths } from './level-paths.ts';

/** Requests that arrived in a span; throttled ones included, retries and replays left out where they are known. */
export interface LiveCount {
  readonly atMs: EpochMs;
  readonly lengthMs: number;
  readonly requestCount: number;
}

export interface Nowcast {
  /** End of what was counted; undefined before anything was. */
  readonly countedUntilMs: EpochMs | undefined;
  /** How much more than Poisson's the counts of seconds scatter: variance over mean. */
  readonly burstinessRatio: number;
  /** Takes over a forecast; the level that has been seen stays what it is. `eventsAtMs`: instants at which everything is open again. */
  expect(forecast: Forecast, eventsAtMs: readonly EpochMs[]): void;
  /** What comes late, twice, or beyond the forecast tells nothing. */
  hear(count: LiveCount): void;
  /** How likely it is that more than that many requests a second come now. */
  ratioAbove(requestsPerSecond: number, nowMs: EpochMs): number;
  /** The forecast as it is believed now; undefined before there is one. Buckets that are over stay as they were. */
  forecast(nowMs: EpochMs): Forecast | undefined;
}

/** A size, once seen, is that of its event. */
const halfLifeMsMax = 30 * msPerMinute;
const halfLifeMsMin = msPerMinute;
/** So long after its instant what comes is taken for the event's. */
const eventReachMs = 60 * msPerMinute;
/** Nothing of the belief is left after so many half-lives. */
const halfLivesMax = 6;

/** How far the seconds of a minute scatter about it beyond counting, as a ratio; and minutes about what a path says of them. */
const secondScatter = 0.15;
const minuteScatter = 0.05;
/** A path under which a second's count is impossible keeps a twentieth of its odds, under which a minute's is, a thousandth. */
const oddSecondRatio = 0.05;
const oddMinuteRatio = 0.001;
/** From this on, volume does not go the way that was foretold. */
const departureRatio = 1.25;

interface Known {
  readonly forecast: Forecast;
  readonly paths: LevelPaths;
  readonly eventsAtMs: readonly EpochMs[];
}

export function createNowcast(): Nowcast {
  const burstiness = createBurstiness();
  let known: Known | undefined;
  let weights: Float64Array = new Float64Array(0);
  let countedUntilMs: EpochMs | undefined;
  /** Since when volume has not been where it was foretold. */
  let departedAtMs: EpochMs | undefined;

  /** As believed at an instant that lies ahead of what was counted. */
  const weightsAt = ({ paths, eventsAtMs }: Known, atMs: EpochMs): Float64Array => {
    const fromMs = countedUntilMs ?? atMs;
    if (eventsAtMs.some((eventAtMs) => eventAtMs > fromMs - 1 && eventAtMs <= atMs)) return paths.weights;
    return mix(weights, paths.weights, 2 ** (-Math.max(0, atMs - fromMs) / halfLifeAt(fromMs, eventsAtMs)));
  };
  const halfLifeAt = (atMs: EpochMs, eventsAtMs: readonly EpochMs[]): number => {
    const isEvent = eventsAtMs.some((eventAtMs) => atMs >= eventAtMs && atMs < eventAtMs + eventReachMs);
    const ageMs = departedAtMs === undefined ? halfLifeMsMax : atMs - departedAtMs;
    return isEvent ? halfLifeMsMax : Math.min(halfLifeMsMax, Math.max(halfLifeMsMin, ageMs));
  };

  return {
    get countedUntilMs() {
      return countedUntilMs;
    },
    get burstinessRatio() {
      return burstiness.ratio();
    },
    expect(forecast, eventsAtMs) {
      const paths = levelPathsOf(forecast);
      const atMs = countedUntilMs;
      if (known && atMs !== undefined && isCovered(known.paths, atMs) && isCovered(paths, atMs)) {
        weights = moved(weights, expectedAt(known.paths, atMs), expectedAt(paths, atMs));
      } else if (weights.length !== paths.count) weights = paths.weights;
      known = { forecast, paths, eventsAtMs };
    },
    hear({ atMs, lengthMs, requestCount }) {
      assert(lengthMs > 0 && requestCount >= 0, 'a count is of some time and not negative');
      if (!known || atMs < (countedUntilMs ?? -Infinity) || !known.paths.covers(atMs, atMs + lengthMs)) return;
      const { paths, eventsAtMs } = known;
      const isNew = countedUntilMs === undefined || hasEventIn(eventsAtMs, countedUntilMs, atMs + 1);
      const elapsedMs = atMs + lengthMs - (countedUntilMs ?? atMs);
      const believed = isNew ? paths.weights : mix(weights, paths.weights, 2 ** (-elapsedMs / halfLifeMsMax));
      const expected = paths.expectedIn(atMs, atMs + lengthMs);
      if (lengthMs <= msPerSecond) burstiness.hear({ atMs, requestCount });
      weights = judged(believed, expected, { requestCount, lengthMs, burstiness: burstiness.ratio() });
      countedUntilMs = atMs + lengthMs;
      const ratio = medianOf(expected, weights) / medianOf(expected, paths.weights);
      const hasDeparted = ratio > departureRatio || ratio < 1 / departureRatio;
      departedAtMs = hasDeparted ? (departedAtMs ?? atMs) : undefined;
    },
    ratioAbove(requestsPerSecond, nowMs) {
      if (!known || !isCovered(known.paths, nowMs)) return 0;
      const expected = expectedAt(known.paths, nowMs);
      const believed = weightsAt(known, nowMs);
      return believed.reduce((sum, weight, path) => sum + (expected[path]! > requestsPerSecond ? weight : 0), 0);
    },
    forecast(nowMs) {
      if (!known || countedUntilMs === undefined) return known?.forecast;
      const { forecast, paths } = known;
      const { fromMs, stepMs } = forecast;
      const endMs = Math.max(nowMs, countedUntilMs) + halfLivesMax * halfLifeMsMax;
      const requestCount = forecast.requestCount.map((quantiles, step) => {
        const atMs = fromMs + step * stepMs;
        if (atMs + stepMs <= nowMs || atMs >= endMs) return quantiles;
        return paths.quantilesIn(step, weightsAt(known!, Math.max(atMs, nowMs)));
      });
      const model = `${forecast.model}, as counted until ${formatInstant(countedUntilMs)}`;
      return { ...forecast, requestCount, model };
    },
  };
}

function hasEventIn(eventsAtMs: readonly EpochMs[], fromMs: EpochMs, untilMs: EpochMs): boolean {
  return eventsAtMs.some((eventAtMs) => eventAtMs >= fromMs && eventAtMs < untilMs);
}

function isCovered(paths: LevelPaths, atMs: EpochMs): boolean {
  return paths.covers(atMs, atMs + msPerSecond);
}

/** Requests a second of each path. */
function expectedAt(paths: LevelPaths, atMs: EpochMs): Float64Array {
  return paths.expectedIn(atMs, atMs + msPerSecond);
}

function mix(weights: Float64Array, home: Float64Array, kept: number): Float64Array {
  return weights.map((weight, path) => kept * weight + (1 - kept) * home[path]!);
}

/** Bayes' rule, with a bound on what one count may say. */
function judged(
  believed: Float64Array,
  expected: Float64Array,
  count: { readonly requestCount: number; readonly lengthMs: number; readonly burstiness: number },
): Float64Array {
  const isShort = count.lengthMs < msPerMinute;
  const scatter = isShort ? secondScatter : minuteScatter;
  const oddRatio = isShort ? oddSecondRatio : oddMinuteRatio;
  const logLikelihood = expected.map((mean) => {
    const dispersion = count.burstiness + scatter ** 2 * mean;
    return -poissonDeviance(count.requestCount, mean) / (2 * dispersion) - Math.log(dispersion) / 2;
  });
  const best = logLikelihood.reduce((most, one) => Math.max(most, one));
  const next = believed.map((weight, path) => weight * (Math.exp(logLikelihood[path]! - best) + oddRatio));
  const sum = next.reduce((total, weight) => total + weight, 0);
  return next.map((weight) => weight / sum);
}

function poissonDeviance(count: number, mean: number): number {
  const surprise = count === 0 ? 0 : count * Math.log(count / mean);
  return 2 * Math.max(0, surprise - (count - mean));
}

/** The same level among other paths: each weight goes to the two that enclose it, in proportion to their nearness. */
function moved(weights: Float64Array, from: Float64Array, to: Float64Array): Float64Array {
  const next = new Float64Array(to.length);
  let above = 0;
  for (const [path, weight] of weights.entries()) {
    const level = from[path]!;
    if (to[path] === level) {
      next[path]! += weight;
      continue;
    }
    above = 0;
    while (above < to.length && to[above]! < level) above++;
    if (above === 0 || above === to.length) {
      next[above === 0 ? 0 : to.length - 1]! += weight;
      continue;
    }
    const share = (level - to[above - 1]!) / (to[above]! - to[above - 1]!);
    next[above]! += weight * share;
    next[above - 1]! += weight * (1 - share);
  }
  return next;
}

function medianOf(values: Float64Array, weights: Float64Array): number {
  let sum = 0;
  const path = weights.findIndex((weight) => (sum += weight) >= 0.5);
  return values[path === -1 ? values.length - 1 : path]!;
}
