/**
 * Where volume will stand against its profile in one coming half hour, learned from the same half hour of earlier days.
 *
 * Mental model: for each of the last days of this type, stand at the same local time as now, look at the recent residuals (minutes, half
 * hour, hours, day, week, and the same half hour of the days before), and see what the half hour ahead then brought. A regression over
 * those days, held towards a belief, says how much of each recent residual carries over: before the open a pre-market residual says
 * something else than one at noon. Its misses give the spread. Every pair is as it stood then, so the misses are honest.
 *
 * Each residual enters as its difference from the next slower one, so that a belief reads as trust: the week's level wholly, faster ones
 * less and less. A busy two hours count beyond their share: volume far above its level is news, volume below it is nothing.
 *
 * Cost: about 60 days × (30 buckets + 8 look-ups) for each half hour asked.
 */
import type { DayType } from '../core/session-clock.ts';
import { msPerDay, msPerHour, msPerMinute } from '../core/time.ts';
import type { LocalGrid } from './local-grid.ts';
import type { ResidualHistory } from './residual-history.ts';
import { createRidge } from './ridge.ts';
import { usualDayType, type SeasonalProfile } from './seasonal-profile.ts';

/** Location and spread of the log volume of each bucket, were there no event; NaN where the market is closed. */
export interface Outlook {
  readonly locations: Float64Array;
  readonly spreads: Float64Array;
}

export interface LevelContext {
  readonly grid: LocalGrid;
  readonly history: ResidualHistory;
  readonly profile: SeasonalProfile;
  readonly stepMs: number;
  /** Recorded buckets of a day on which there are any. */
  readonly recordedPerDay: number;
  /** What could be seen at an origin, by its bucket: the half hours of one outlook look back at the same instants. Made anew for each outlook. */
  readonly seenAt: Map<number, Float64Array>;
}

/** What a half hour's residual is believed to take over from each recent one, before any day was looked at. */
const belief = {
  week: 0.85,
  day: 0.6,
  sixHours: 0.4,
  twoHours: 0.4,
  halfHour: 0.3,
  lastMinutes: 0.15,
  sameFiveDays: 0.3,
  sameDayBefore: 0.1,
  news: 0.4,
  constant: 0,
};
const columns = Object.keys(belief);
const prior = Object.values(belief);
const newsColumn = columns.indexOf('news');
const newsSpreads = 2;
/** A belief may be off by a quarter, one way or the other. */
const beliefSpread = 0.25;
const pastDayCountMax = 60;
/** Days after which a past day counts half. */
const halfLifeDayCount = 40;
/** Below this many days free of events, days with events are looked at too. */
const cleanDayCountMin = 8;
/** Days that the slots' own spreads count for, beside the misses of this half hour. */
const spreadPriorDayCount = 30;
/** A single miss counts as at most four spreads. */
const missMax = 4;

/** Writes the outlook of `count` buckets from `first` on, within one local half hour, into `outlook` from `at` on. */
export function forecastBlock(
  context: LevelContext,
  block: { readonly first: number; readonly count: number },
  into: { readonly outlook: Outlook; readonly at: number },
): void {
  const target = describeBlock(context, block);
  const { blocks: pasts, residuals } = pastBlocks(context, target);
  const origin = context.history.bucketCount;
  const lead = block.first - origin;
  const rows: Float64Array[] = [];
  const used = Math.min(pastDayCountMax, pasts.length);
  for (let index = 0; index < used; index++) {
    const pastOrigin = pasts[index]!.first - lead;
    rows.push(recentResiduals(context, pastOrigin, sameBlockBefore(pasts, index + 1, pastOrigin)));
  }
  const now = recentResiduals(context, origin, sameBlockBefore(pasts, 0, origin));
  keepNews([now, ...rows], rows);
  const coefficients = fit(rows, pasts);
  const level = dot(now, coefficients);
  const ratio = spreadRatio(target, { rows, pasts, residuals, coefficients });
  for (let index = 0; index < block.count; index++) {
    into.outlook.locations[into.at + index] = target.locations[index]! + level;
    into.outlook.spreads[into.at + index] = target.spreads[index]! * ratio;
  }
}

interface TargetBlock {
  readonly first: number;
  readonly count: number;
  readonly localDay: number;
  readonly dayType: DayType;
  /** Of the profile; NaN where the slot has never been seen. */
  readonly locations: Float64Array;
  readonly spreads: Float64Array;
}

function describeBlock({ grid, profile }: LevelContext, block: { first: number; count: number }): TargetBlock {
  const localDay = grid.localDayOf(block.first);
  const dayType = usualDayType(profile, grid.dayTypeOf(localDay));
  const slot = grid.slotOf(block.first);
  const locations = new Float64Array(block.count);
  const spreads = new Float64Array(block.count);
  for (let index = 0; index < block.count; index++) {
    const usual = profile.at(dayType, slot + index);
    locations[index] = usual?.location ?? NaN;
    spreads[index] = usual?.spread ?? NaN;
  }
  return { ...block, localDay, dayType, locations, spreads };
}

/** The block as it went on an earlier day. */
interface PastBlock {
  readonly first: number;
  readonly end: number;
  readonly mean: number;
  /** Where its residuals begin in the list of all. */
  readonly at: number;
}

interface PastBlocks {
  readonly blocks: readonly PastBlock[];
  /** Of all blocks, one after the other; NaN where nothing was recorded. */
  readonly residuals: Float64Array;
}

/** The same block on earlier days of the same type, the latest first; days with events in it only where there are few others. */
function pastBlocks(context: LevelContext, target: TargetBlock): PastBlocks {
  const { grid, history, profile, stepMs } = context;
  const weights = target.spreads.map((spread) => (Number.isNaN(spread) ? 0 : 1 / (spread * spread)));
  const clean: PastBlock[] = [];
  const all: PastBlock[] = [];
  const lagMax = Math.floor(((history.bucketCount - history.oldest) * stepMs) / msPerDay) + 3;
  const residuals = new Float64Array((lagMax + 1) * target.count);
  // Five more than are used as targets, because the oldest ones look back at the days before them.
  for (let lag = 1; lag <= lagMax && clean.length < pastDayCountMax + 5; lag++) {
    if (usualDayType(profile, grid.dayTypeOf(target.localDay - lag)) !== target.dayType) continue;
    const first = grid.sameTimeBefore(target.first, lag);
    const end = first + target.count;
    if (first < history.oldest) break;
    if (end > history.bucketCount) continue;
    const at = all.length * target.count;
    const touchedCount = history.read(first, residuals, { from: at, until: at + target.count });
    const mean = weightedMean(residuals, at, weights);
    if (Number.isNaN(mean)) continue;
    const past = { first, end, mean, at };
    all.push(past);
    if (touchedCount === 0) clean.push(past);
  }
  return { blocks: clean.length >= cleanDayCountMin ? clean : all, residuals };
}

/** NaN when nothing was recorded. */
function weightedMean(values: Float64Array, at: number, weights: Float64Array): number {
  let sum = 0;
  let total = 0;
  for (let index = 0; index < weights.length; index++) {
    const value = values[at + index]!;
    // Comparing with itself is false only for NaN.
    if (value !== value) continue;
    sum += weights[index]! * value;
    total += weights[index]!;
  }
  return total === 0 ? NaN : sum / total;
}

/** Mean residual of the block on the latest day, and on the latest five, of those that had ended by `origin`. */
function sameBlockBefore(
  pasts: readonly PastBlock[],
  from: number,
  origin: number,
): { readonly one: number; readonly five: number } | undefined {
  let latest = from;
  while (latest < pasts.length && pasts[latest]!.end > origin) latest++;
  const end = Math.min(pasts.length, latest + 5);
  if (latest >= end) return undefined;
  let sum = 0;
  for (let index = latest; index < end; index++) sum += pasts[index]!.mean;
  return { one: pasts[latest]!.mean, five: sum / (end - latest) };
}

/** What can be seen at `origin`, in the order of `belief`. */
function recentResiduals(
  context: LevelContext,
  origin: number,
  same: { readonly one: number; readonly five: number } | undefined,
): Float64Array {
  const seen = context.seenAt.get(origin) ?? lookBackFrom(context, origin);
  context.seenAt.set(origin, seen);
  const row = seen.slice();
  row[6] = same ? same.five - row[0]! : 0;
  row[7] = same ? same.one - same.five : 0;
  return row;
}

/** The columns that are the same for every half hour ahead. A stretch without data says what the next slower one says. */
function lookBackFrom({ history, stepMs, recordedPerDay }: LevelContext, origin: number): Float64Array {
  const over = (ms: number): number | undefined =>
    history.meanBetween(origin - Math.max(1, Math.round(ms / stepMs)), origin);
  // Day and week are counted in recorded buckets, so that on Monday morning the day before is Friday.
  const week = history.meanOfLast(5 * recordedPerDay, origin) ?? 0;
  const day = history.meanOfLast(recordedPerDay, origin) ?? week;
  const sixHours = over(6 * msPerHour) ?? day;
  const twoHours = over(2 * msPerHour) ?? sixHours;
  const halfHour = over(30 * msPerMinute) ?? twoHours;
  const lastMinutes = over(5 * msPerMinute) ?? halfHour;
  const row = new Float64Array(columns.length);
  row[0] = week;
  row[1] = day - week;
  row[2] = sixHours - day;
  row[3] = twoHours - sixHours;
  row[4] = halfHour - twoHours;
  row[5] = lastMinutes - halfHour;
  row[newsColumn] = twoHours - week;
  row[9] = 0.3;
  return row;
}

/** Leaves of how far the last two hours lie above the week only what goes beyond ordinary noise, as earlier days show it. */
function keepNews(all: readonly Float64Array[], pastRows: readonly Float64Array[]): void {
  let squares = 0;
  for (const row of pastRows) squares += Math.min(1, row[newsColumn]! * row[newsColumn]!);
  const noise = newsSpreads * Math.sqrt((squares + 1) / (pastRows.length + 1));
  for (const row of all) row[newsColumn] = Math.max(0, row[newsColumn]! - noise);
}

/** Weighted ridge regression of the past blocks' means, the noise's variance taken from the belief's own misses. */
function fit(rows: readonly Float64Array[], pasts: readonly PastBlock[]): Float64Array {
  const ridge = createRidge(columns.length);
  const fade = 2 ** (-1 / halfLifeDayCount);
  let weight = 1;
  let weights = 0;
  let squares = 0;
  for (const [index, row] of rows.entries()) {
    const { mean } = pasts[index]!;
    ridge.add(row, mean, weight);
    const miss = mean - dot(row, prior);
    // A miss beyond a factor of e is an accident, and says nothing of ordinary noise.
    squares += weight * Math.min(1, miss * miss);
    weights += weight;
    weight *= fade;
  }
  const noiseVariance = weights > 0 ? Math.max(squares / weights, 1e-4) : 1;
  return ridge.solve(prior, noiseVariance / (beliefSpread * beliefSpread));
}

/** How wide the misses of this half hour are, in the spreads of its slots. */
function spreadRatio(
  { count, spreads }: TargetBlock,
  past: {
    rows: readonly Float64Array[];
    pasts: readonly PastBlock[];
    residuals: Float64Array;
    coefficients: Float64Array;
  },
): number {
  const fade = 2 ** (-1 / halfLifeDayCount);
  let weight = 1;
  let squares = spreadPriorDayCount;
  let weights = spreadPriorDayCount;
  for (const [index, row] of past.rows.entries()) {
    const level = dot(row, past.coefficients);
    const { at } = past.pasts[index]!;
    let sum = 0;
    let seenCount = 0;
    for (let bucket = 0; bucket < count; bucket++) {
      const miss = (past.residuals[at + bucket]! - level) / spreads[bucket]!;
      if (miss !== miss) continue;
      sum += Math.min(missMax * missMax, miss * miss);
      seenCount++;
    }
    if (seenCount > 0) {
      squares += (weight * sum) / seenCount;
      weights += weight;
    }
    weight *= fade;
  }
  return Math.sqrt(squares / weights);
}

function dot(left: Float64Array, right: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < left.length; index++) sum += left[index]! * right[index]!;
  return sum;
}
