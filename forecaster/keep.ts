/**
 * What is kept after an event, because it costs less than what would take its place.
 *
 * A warm fleet has displaced the on-demand environments that stood before it: they had no requests, and Lambda let them go. Taking the fleet
 * away at the end of a window would therefore start every one of them anew, and an event of little lift would end with more cold starts than
 * nothing at all would have had. Provisioned concurrency that is in use most of the time is cheaper than on demand (at AWS's prices from 60 %
 * on), so it is handed back only as demand itself falls below that.
 *
 * Kept capacity only ever shrinks: it is never a reason to raise.
 */
import type { Forecast } from '../core/forecast.ts';
import type { FunctionSpec, Prices } from '../core/function-spec.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import { billingPeriodMs } from './cost.ts';
import { meanRunMs } from './run-distribution.ts';
import { scaleStepBelow } from './event-window.ts';
import type { Cell, Row } from './row.ts';

/**
 * From this share of busy time on, an environment costs less provisioned than on demand: p / (d − q) with p the price of provisioning, d that
 * of a second on demand and q that of a second on provisioned concurrency. 0.60 for both architectures at the published prices; infinite
 * where duration costs no less on provisioned concurrency, and nothing is ever kept.
 */
export function breakEvenRatio(
  { architecture }: Pick<FunctionSpec, 'architecture'>,
  { usdPerGbSecond }: Prices,
): number {
  const { provisioned, onDemand, provisionedDuration } = usdPerGbSecond[architecture];
  return onDemand > provisionedDuration ? provisioned / (onDemand - provisionedDuration) : Infinity;
}

/** How many environments the median forecast keeps busy enough to pay for themselves in a billing block; 0 where it says nothing. */
export function payingIn(forecast: Forecast, spec: FunctionSpec, prices: Prices): (blockAtMs: EpochMs) => number {
  const { fromMs, stepMs, levels, requestCount } = forecast;
  // The first level from the median on: what demand reaches every other day.
  const median = levels.findIndex((level) => level >= 0.5);
  const perEnvironment = breakEvenRatio(spec, prices) * msPerSecond;
  return (blockAtMs) => {
    const first = Math.max(0, Math.floor((blockAtMs - fromMs) / stepMs));
    const end = Math.max(first + 1, Math.ceil((blockAtMs + billingPeriodMs - fromMs) / stepMs));
    const buckets = requestCount.slice(first, end);
    if (buckets.length === 0 || median < 0) return 0;
    // The least of them: what pays in one minute of the block and not in the next has not paid.
    const requestsPerSecond = (Math.min(...buckets.map((levelsOf) => levelsOf[median]!)) * msPerSecond) / stepMs;
    return Math.floor((requestsPerSecond * meanRunMs(spec.runDurationMs)) / perEnvironment);
  };
}

/**
 * Lifts the cells outside windows to what the cell before them held, as far as that pays. `heldNow`: what the plan in force holds at the first
 * of them. Windows know what they need and are left as they are.
 */
export function keepWhilePaying({ cells, paying }: Row, heldNow: number): readonly Cell[] {
  if (!paying) return cells;
  let held = heldNow;
  return cells.map((cell) => {
    const kept = cell.asked ? 0 : Math.min(held, scaleStepBelow(paying(cell.blockAtMs)));
    const next = kept > cell.level ? { ...cell, level: kept, wanted: kept, isKept: true } : cell;
    held = next.level;
    return next;
  });
}

/** A limit that relents is no reason to raise what was kept: it is held again to what the cell before it has. */
export function neverRegrow({ cells }: Row, heldNow: number): readonly Cell[] {
  let held = heldNow;
  return cells.map((cell) => {
    const next = cell.isKept && cell.level > held ? { ...cell, level: Math.max(cell.floor, held) } : cell;
    held = next.level;
    return next;
  });
}
