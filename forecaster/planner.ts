/**
 * From forecasts to a capacity plan: which function holds how much provisioned concurrency from when to when, what that is worth, at what price, and which
 * limit said so. A plan covers the functions of one account and region together, because warming one takes room from the others.
 *
 * Mental model: time is cut into Lambda's billing blocks of five minutes. What each environment of each function saves in a block is a number of dollars
 * (block-worth.ts, worth/dollars.ts); each function alone holds what saves more than it costs (worth/chain.ts), and where a limit holds for all of them, what saves least goes
 * first (worth/joint.ts). Blocks of equal level become steps.
 *
 * Pure: the same input gives the same bytes.
 */
import { assert } from '../core/assert.ts';
import type { CapacityPlan, PeakProfileUse } from '../core/capacity.ts';
import type { Forecast } from '../core/forecast.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import type { Importance, MarketEvent } from '../core/market-event.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerDay, type EpochMs } from '../core/time.ts';
import { createErlangTable } from './erlang-table.ts';
import { blocksOf, compareText, type LeadModel } from './event-window.ts';
import type { LimitsInForce } from './limits-in-force.ts';
import { groupless, refusedOf, undatedEvents, unforeseenOf } from './not-planned.ts';
import type { PeakProfile } from './peak-profile.ts';
import { draftRow, profileFor } from './plan-row.ts';
import { cellsOf, stepsOf } from './plan-steps.ts';
import type { Revision } from './surge.ts';
import { shareLimits } from './worth/limits.ts';

export { isPlannable } from './plan-row.ts';

/** A plan is a table of blocks; two months of them are 18,000 a function. */
const horizonMsMax = 62 * msPerDay;

export interface PlanInput extends LimitsInForce {
  /** End of the plan. What starts less than its lead before is left to a later plan: look two hours and more beyond the next one. */
  readonly untilMs: EpochMs;
  readonly functions: readonly PlannedFunction[];
  /** From three hours before `nowMs` on, session opens included, so that windows which have begun stay in sight. */
  readonly events: readonly MarketEvent[];
  readonly lead: LeadModel;
  readonly policy: PlanningPolicy;
  /** The plan in force: windows that have begun are carried on from it, and what they cost so far counts. */
  readonly previous?: CapacityPlan;
}

export interface PlannedFunction {
  readonly spec: FunctionSpec;
  readonly forecast: Forecast | { readonly notReady: string };
  /** An event that names symbols concerns only the functions which have one of them. */
  readonly symbols: readonly string[];
  /** What its kind was seen to do to this function's demand; undefined where nobody knows. */
  readonly effectOf?: (event: MarketEvent) => { readonly eventCount: number; readonly liftRatio: number } | undefined;
  /** How its busy minutes lie, where seconds of it were counted. */
  readonly profile?: PeakProfile;
  /** What has begun is more than was foretold: the window that stands is raised again, or where there is none, one begins. */
  readonly revision?: Revision;
}

export interface PlanningPolicy {
  /** The level of demand to be ready for, where a function states a share of spillover. */
  readonly quantile: number;
  /** Events below it get no window. */
  readonly importanceMin: Importance;
  /** Hand capacity back after an event only as demand falls, while it costs less than on demand (0002). */
  readonly keepWhilePaying: boolean;
  /** The busiest second of a minute over its mean, where nobody counted seconds; its prior where absent. */
  readonly peakRatio?: number;
  /** Raise again what is held when far more comes than was foretold (nowcast.ts); so where absent. */
  readonly reviseOnSurge?: boolean;
}

/**
 * 0.95: the highest level whose coverage backtests prove (0.92 to 0.98 in each class of windows); the busiest second is still taken 1.6 times
 * as high as its minute. Importance 1 is for the many small releases: to warm for all of them is a choice, and a bill, of its own.
 */
export const standardPolicy: PlanningPolicy = { quantile: 0.95, importanceMin: 2, keepWhilePaying: true };

/**
 * Makes the plan. Steps are sorted by function and time, do not overlap, and all end by `untilMs`.
 *
 * Alone, more demand never means less capacity for a function that states dollars; and no limit is broken.
 */
export function plan(input: PlanInput): CapacityPlan {
  const { nowMs, untilMs } = input;
  assert(untilMs > nowMs && untilMs - nowMs <= horizonMsMax, 'a plan covers some time, and two months at most');
  const functions = input.functions.toSorted((a, b) => compareText(a.spec.key, b.spec.key));
  assert(new Set(functions.map(({ spec }) => spec.key)).size === functions.length, 'a function is planned once');
  const table = createErlangTable();
  const drafted = functions.map((planned) => draftRow(planned, input, table));
  const rows = drafted.map(({ row }) => row);
  const { levels, cutBy, givenUp } = shareLimits(rows, input);
  const blocks = blocksOf(nowMs, untilMs);
  const cells = rows.map((row, index) => cellsOf(row, { levels: levels[index]!, cutBy: cutBy[index]!, blocks }));
  return {
    issuedAtMs: nowMs,
    untilMs,
    steps: rows.flatMap((row, index) => stepsOf(row, cells[index]!, input)),
    notPlanned: [
      ...undatedEvents(input),
      ...groupless(input),
      ...functions.flatMap((planned) => unforeseenOf(planned, input)),
      ...drafted.flatMap((one) => one.notPlanned),
      ...rows.flatMap((row, index) => refusedOf(row, cells[index]!)),
    ],
    ...(givenUp.length > 0 && { givenUp }),
    peakProfiles: peakProfilesOf(functions, input.policy),
  };
}

/** What the plan takes busy minutes to be like, each with its functions. */
function peakProfilesOf(functions: readonly PlannedFunction[], policy: PlanningPolicy): PeakProfileUse[] {
  const byName = new Map<string, FunctionKey[]>();
  for (const planned of functions) {
    const { name } = profileFor(planned, policy);
    byName.set(name, [...(byName.get(name) ?? []), planned.spec.key]);
  }
  return [...byName].map(([name, keys]) => ({ name, keys }));
}
