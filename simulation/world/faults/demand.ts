/** How many requests a second a function of the world gets: day and week, events with their lull and surge, and bursts inside each second. */
import { createRandom, type Random } from '../../../core/random.ts';
import { msPerDay, msPerMinute, type EpochMs } from '../../../core/time.ts';

export interface WorldEvent {
  readonly startsAtMs: EpochMs;
  /** Times the usual, at once; it fades within the hour. */
  readonly lift: number;
  /** The forecast knows of it. */
  readonly isForetold: boolean;
}

export interface DemandOptions {
  readonly seed: string;
  /** Mean of a working day's busiest hour. */
  readonly requestsPerSecond: number;
  /** Variance over mean of the count in a second. */
  readonly burstiness: number;
  readonly events: readonly WorldEvent[];
  /** Flat: the same at all hours, so that a short run has the rate it was asked for. */
  readonly isFlat: boolean;
}

const fadeMs = 20 * msPerMinute;
const fadedAfterMs = 2 * 60 * msPerMinute;
const lullMs = 10 * msPerMinute;
const lullTimes = 0.7;
/** How far minutes wander about the pattern, and how well the forecast knows the level. */
const wander = 0.08;
const wanderKept = 0.95;
const forecastSpread = 0.12;

/** Mean requests a second; with `foretoldOnly` as a forecast has it that knows only some events. */
export function meanRate(options: DemandOptions, atMs: EpochMs, foretoldOnly = false): number {
  const { requestsPerSecond, events, isFlat } = options;
  let rate = requestsPerSecond * (isFlat ? 1 : dayTimes(atMs) * weekTimes(atMs));
  for (const { startsAtMs, lift, isForetold } of events) {
    if (foretoldOnly && !isForetold) continue;
    const sinceMs = atMs - startsAtMs;
    if (sinceMs >= 0 && sinceMs < fadedAfterMs) rate *= 1 + (lift - 1) * Math.exp(-sinceMs / fadeMs);
    else if (sinceMs < 0 && sinceMs > -lullMs) rate *= lullTimes;
  }
  return rate;
}

function dayTimes(atMs: EpochMs): number {
  const hour = (atMs % msPerDay) / (msPerDay / 24);
  // Quiet at night, a plateau from 13 to 20 UTC: an American session.
  return 0.15 + 0.85 / (1 + Math.exp(-(hour - 12.5) * 1.6)) - 0.75 / (1 + Math.exp(-(hour - 20.5) * 1.6));
}

function weekTimes(atMs: EpochMs): number {
  const day = (Math.floor(atMs / msPerDay) + 4) % 7;
  return day === 0 || day === 6 ? 0.3 : 1;
}

/** Counts of single seconds in turn. */
export function createDemand(options: DemandOptions): (secondAtMs: EpochMs) => number {
  const random = createRandom(`${options.seed}/demand`);
  let minute = -1;
  let level = 0;
  let mean = 0;
  return (secondAtMs) => {
    const now = Math.floor(secondAtMs / msPerMinute);
    if (now !== minute) {
      minute = now;
      level = wanderKept * level + wander * Math.sqrt(1 - wanderKept ** 2) * random.normal();
    }
    mean = meanRate(options, secondAtMs) * Math.exp(level);
    return random.poisson(
      options.burstiness > 1 ? mean * gammaOfMeanOne(random, mean / (options.burstiness - 1)) : mean,
    );
  };
}

/** Quantiles of the rate as a forecast would give them that knows the foretold events. */
export function forecastRate(options: DemandOptions, atMs: EpochMs): { levels: number[]; requestsPerSecond: number[] } {
  const middle = meanRate(options, atMs, true);
  return {
    levels: [0.025, 0.5, 0.975],
    requestsPerSecond: [-1.96, 0, 1.96].map((z) => middle * Math.exp(z * forecastSpread)),
  };
}

/** Marsaglia & Tsang, A simple method for generating gamma variables, ACM TOMS 26 (2000); below shape 1 by their boost. */
function gammaOfMeanOne(random: Random, shape: number): number {
  if (shape < 1) return (gammaOfMeanOne(random, shape + 1) * (shape + 1) * (1 - random.next()) ** (1 / shape)) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return (d * v) / shape;
  }
}
