/**
 * One function's part of a plan before anything is shared: its windows, what each environment is worth in each block, and the levels it would have alone.
 */
import { assert } from '../../core/assert.ts';
import type { BindingLimit } from '../../core/capacity.ts';
import type { Forecast, QuantilePath } from '../../core/forecast.ts';
import type { FunctionSpec } from '../../core/function-spec.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import { worthOfBlocks, type BlockWorth } from '../block-worth.ts';
import { billingPeriodMs } from '../cost.ts';
import type { ErlangTable } from '../erlang-table.ts';
import {
  askMsFor,
  isManual,
  isRaisedAgain,
  scaleStepAfter,
  wasCut,
  type EventWindow,
  type LeadModel,
} from '../event-window.ts';
import type { BegunWindow } from '../row.ts';
import type { PeakProfile } from '../peak-profile.ts';
import { logNormalRuns } from '../run-distribution.ts';
import { bestPath, type Chain } from './chain.ts';
import { usdRatesOf, usdSavedIn, type UsdRates } from './dollars.ts';
import type { Member } from './moves.ts';
import { spillPriceFor } from './spill-price.ts';
import type { Prices } from '../../core/function-spec.ts';

export interface DraftOptions {
  readonly spec: FunctionSpec;
  readonly forecast: Forecast;
  /** In time order, what was started by hand last. */
  readonly windows: readonly EventWindow[];
  /** Starts of the plan's blocks. */
  readonly blocks: readonly EpochMs[];
  readonly nowMs: EpochMs;
  /** What the plan in force holds. */
  readonly held: number;
  readonly begun: BegunWindow | undefined;
  /** Parts of its raise are still to come. */
  readonly isRamping: boolean;
  /** The nowcast asks for more than the begun window holds. */
  readonly isRevised: boolean;
  readonly keepWhilePaying: boolean;
  /** The level of demand to be ready for, where a share is stated, and up to which what is shared must suffice. */
  readonly quantile: number;
  readonly profile: PeakProfile;
  readonly prices: Prices;
  readonly lead: LeadModel;
  readonly table: ErlangTable;
}

export interface Draft {
  readonly member: Member;
  /** Alone, without its own ceiling. */
  readonly alone: Int32Array;
  /** Which of the windows each block belongs to; undefined where none. */
  readonly windowAt: readonly (EventWindow | undefined)[];
  /** By block: as many requests as may run at once if demand comes at the quantile; before the first block that is known, as many as in it. */
  readonly runningMax: Int32Array;
  /** By window: what decided. */
  readonly decided: ReadonlyMap<EventWindow, Decided>;
}

/** The numbers that decided on a window. */
export interface Decided {
  /** Expected arrivals in its busiest block, by the second. */
  readonly requestsPerSecond: number;
  /** Price of one spilled request that keeps the stated share; 0 where dollars alone decide. */
  readonly usdPerSpill: number;
  readonly limit: Extract<BindingLimit, 'concurrency' | 'rate'>;
}

/** A block over the whole forecast, and if demand comes at the level that people want to be ready for. */
interface Looked extends BlockWorth {
  readonly atQuantile: BlockWorth;
}

interface Layout {
  readonly options: DraftOptions;
  readonly rates: UsdRates;
  readonly windowAt: (EventWindow | undefined)[];
  readonly worth: readonly (Looked | undefined)[];
  readonly mayRaise: Uint8Array;
  readonly mayLower: Uint8Array;
  /** 1 where what was asked for is not READY yet, and saves nothing. */
  readonly isWaiting: Uint8Array;
}

export function draft(options: DraftOptions): Draft {
  const { spec, windows } = options;
  assert(options.forecast.key === spec.key, 'a forecast belongs to its function');
  const layout = layOut(options);
  const decided = new Map<EventWindow, Decided>();
  const chain = chainOf(layout);
  const cap = Math.min(spec.concurrencyCeiling, spec.reservedConcurrency ?? Infinity);
  const usdPerSpill = pricesOf(layout, chain, cap);
  for (const window of windows) decided.set(window, decidedOn(layout, window, usdPerSpill));
  const scale = scaleStepAfter;
  let alone = bestPath(chain, { usdPerSpill, scale });
  if (
    options.begun &&
    !options.isRamping &&
    chain.mayRaise[0] === 1 &&
    !isRaisedAgain(options.begun.current, alone[0]!)
  ) {
    chain.mayRaise[0] = 0;
    alone = bestPath(chain, { usdPerSpill, scale });
  }
  if (askEarlier(layout, alone, chain)) alone = bestPath(chain, { usdPerSpill, scale });
  const wanted = alone.map((level) => Math.min(level, cap));
  if (alone.some((level) => level >= cap)) {
    // For people: what it would ask for if it had no ceiling.
    const free = bestPath(chain, { usdPerSpill: pricesOf(layout, chain, Infinity), scale });
    alone = alone.map((level, block) => (level >= cap ? Math.max(level, free[block]!) : level));
  }
  return {
    member: { chain, usdPerSpill, wanted },
    alone,
    windowAt: layout.windowAt,
    runningMax: runningMaxOf(layout.worth),
    decided,
  };
}

/** What a spilled request costs, by block. */
function pricesOf(layout: Layout, chain: Chain, cap: number): Float64Array {
  const { options } = layout;
  const usdPerSpill = new Float64Array(options.blocks.length);
  for (const window of options.windows) {
    const price = priceFor(layout, chain, { window, cap });
    const [from, end] = spanOf(options, blockStart(window.readyByMs), window.countedUntilMs);
    for (let block = from; block < end; block++) usdPerSpill[block] = Math.max(usdPerSpill[block]!, price);
  }
  return usdPerSpill;
}

/** Blocks of [fromMs, untilMs), as indexes into the plan's. */
function spanOf({ blocks }: Pick<DraftOptions, 'blocks'>, fromMs: EpochMs, untilMs: EpochMs): [number, number] {
  const indexOf = (atMs: EpochMs): number =>
    Math.min(blocks.length, Math.max(0, Math.round((atMs - blocks[0]!) / billingPeriodMs)));
  return [indexOf(fromMs), indexOf(untilMs)];
}

function layOut(options: DraftOptions): Layout {
  const { blocks, windows, begun, held, spec } = options;
  const windowAt: (EventWindow | undefined)[] = blocks.map(() => undefined);
  const mayRaise = new Uint8Array(blocks.length);
  const mayLower = new Uint8Array(blocks.length).fill(1);
  const isWaiting = new Uint8Array(blocks.length);
  for (const window of windows) {
    const isBegun = begun?.group === window.group;
    const [asked, end] = spanOf(options, window.askMs, window.endMs);
    const from = isBegun ? 0 : asked;
    if (from >= end) continue;
    const [ready] = spanOf(options, blockStart(window.readyByMs), window.endMs);
    for (let block = from; block < end; block++) {
      // Capacity that stands from a window before serves on.
      if (block < ready && windowAt[block] === undefined) isWaiting[block] = 1;
      // What is started by hand joins a release, and does not take its blocks.
      if (!isManual(window.group) || windowAt[block] === undefined) windowAt[block] = window;
    }
    const [, heldEnd] = spanOf(options, window.askMs, window.heldUntilMs);
    for (let block = from + (isBegun ? 0 : 1); block < heldEnd; block++) mayLower[block] = 0;
    if (isBegun) mayLower[0] = 0;
    const mayStillRaise = options.nowMs < window.readyByMs || options.isRevised;
    if (!isBegun || options.isRamping) mayRaise[asked] = 1;
    else if (mayStillRaise && !wasCut(begun.current)) mayRaise[0] = 1;
  }
  const rates = usdRatesOf(spec, options.prices);
  const worth = worthByBlock(options, rates, windowAt, held);
  return { options, rates, windowAt, worth, mayRaise, mayLower, isWaiting };
}

/** Half an hour, in which a fleet that pays is looked at again. */
const chunkBlocks = 6;

/** Tables for the windows' blocks, and for those after them as long as what may stand there pays for itself. */
function worthByBlock(
  options: DraftOptions,
  rates: UsdRates,
  windowAt: readonly (EventWindow | undefined)[],
  held: number,
): (Looked | undefined)[] {
  const { blocks, forecast, spec, table, keepWhilePaying, profile, quantile } = options;
  const forecastEndMs = forecast.fromMs + forecast.requestCount.length * forecast.stepMs;
  const known = blocks.findIndex((at) => at >= forecastEndMs);
  const knownEnd = known < 0 ? blocks.length : known;
  const worth: (Looked | undefined)[] = blocks.map(() => undefined);
  const runs = logNormalRuns(spec.runDurationMs);
  const read = (from: number, end: number): void => {
    const asked = blocks.slice(from, end);
    if (asked.length === 0) return;
    const path = pathAround(forecast, asked[0]!, asked.at(-1)! + billingPeriodMs);
    const shared = { runs, burstiness: poissonBurstiness, profile, blocks: asked, table };
    const expected = worthOfBlocks({ path, ...shared });
    const atQuantile = worthOfBlocks({ path: pathAt(quantile, path), ...shared });
    for (const [index, one] of expected.entries()) worth[from + index] = { ...one, atQuantile: atQuantile[index]! };
  };
  let mayStand = held > spec.concurrencyFloor;
  for (let block = 0; block < knownEnd;) {
    const isInside = windowAt[block] !== undefined;
    let end = block + 1;
    while (end < knownEnd && (windowAt[end] !== undefined) === isInside) end++;
    if (isInside) {
      read(block, end);
      mayStand = true;
    } else if (mayStand && keepWhilePaying) {
      for (let from = block; from < end && mayStand; from += chunkBlocks) {
        const until = Math.min(end, from + chunkBlocks);
        read(from, until);
        for (let at = from; at < until && mayStand; at++) {
          const busy = worth[at]!.busySeconds[spec.concurrencyFloor] ?? 0;
          if (busy * rates.usdPerBusySecond < rates.usdPerBlock) mayStand = false;
        }
      }
    }
    block = end;
  }
  return worth;
}

/** Demand as it is if it comes at that level of the forecast; at the highest that the forecast has, where it is beyond. */
function pathAt(level: number, { fromMs, stepMs, levels, requestCount }: QuantilePath): QuantilePath {
  const at = Math.max(
    0,
    levels.findLastIndex((one) => one <= level),
  );
  const above = Math.min(levels.length - 1, at + 1);
  const share = above === at ? 0 : Math.max(0, (level - levels[at]!) / (levels[above]! - levels[at]!));
  return {
    fromMs,
    stepMs,
    levels: [0.5],
    requestCount: requestCount.map((quantiles) => [quantiles[at]! + share * (quantiles[above]! - quantiles[at]!)]),
  };
}

/** What lies elsewhere decides nothing here, nor how finely this is looked at. Runs that began a quarter of an hour before still count. */
function pathAround(
  { fromMs, stepMs, levels, requestCount }: Forecast,
  blockAtMs: EpochMs,
  untilMs: EpochMs,
): QuantilePath {
  const first = Math.max(0, Math.floor((blockAtMs - runMsMax - fromMs) / stepMs));
  const end = Math.max(first, Math.ceil((untilMs - fromMs) / stepMs));
  return { fromMs: fromMs + first * stepMs, stepMs, levels, requestCount: requestCount.slice(first, end) };
}

/** Lambda's longest run. */
const runMsMax = 15 * msPerMinute;

/** Variance over mean of the count a second: arrivals of people who do not know of each other. */
const poissonBurstiness = 1;
const none = new Float64Array(0);

function chainOf({ options, rates, windowAt, worth, mayRaise, mayLower, isWaiting }: Layout): Chain {
  const { spec, blocks, held } = options;
  const usdSaved = blocks.map((_, block) => {
    const one = worth[block];
    if (!one || isWaiting[block] === 1) return none;
    return usdSavedIn(one, rates, { countsColdStarts: windowAt[block] !== undefined });
  });
  return {
    blockCount: blocks.length,
    usdPerBlock: rates.usdPerBlock,
    usdPerRaise: rates.usdPerRaise,
    floor: spec.concurrencyFloor,
    held: Math.max(held, spec.concurrencyFloor),
    mayRaise,
    mayLower,
    usdSaved,
    spillAvoided: worth.map((one) => readFor(spec, one)?.spillAvoided ?? none),
  };
}

/** Where a share is stated it is kept if demand comes at the quantile; a price holds for whatever comes. */
function readFor({ spillTarget }: FunctionSpec, one: Looked | undefined): BlockWorth | undefined {
  return spillTarget.kind === 'spilloverRatioMax' ? one?.atQuantile : one;
}

function blockStart(atMs: EpochMs): EpochMs {
  return Math.floor(atMs / billingPeriodMs) * billingPeriodMs;
}

function priceFor(
  { options, worth }: Layout,
  chain: Chain,
  { window, cap }: { readonly window: EventWindow; readonly cap: number },
): number {
  const { spec, begun } = options;
  if (spec.spillTarget.kind === 'usdPerSpill') return spec.spillTarget.usd;
  if (spec.spillTarget.kind !== 'spilloverRatioMax') return 0;
  // Agreed when it was raised: what is left of a window is not weighed by another measure.
  const agreed = begun?.group === window.group ? begun.current.usdPerSpill : undefined;
  if (agreed !== undefined) return agreed;
  const [from, end] = spanOf(options, window.askMs, window.countedUntilMs);
  const [ready] = spanOf(options, blockStart(window.readyByMs), window.endMs);
  if (end <= Math.max(from, ready)) return 0;
  const part: Chain = {
    ...chain,
    blockCount: end - from,
    held: from === 0 ? chain.held : chain.floor,
    mayRaise: Uint8Array.from({ length: end - from }, (_, block) => (block === 0 ? 1 : 0)),
    mayLower: chain.mayLower.subarray(from, end),
    usdSaved: chain.usdSaved.slice(from, end),
    spillAvoided: chain.spillAvoided.slice(from, end),
  };
  return spillPriceFor(part, {
    ratioMax: spec.spillTarget.ratio,
    blockFrom: Math.max(0, ready - from),
    blockEnd: end - from,
    requestCount: Float64Array.from(
      { length: end - from },
      (_, block) => readFor(spec, worth[from + block])?.requestCount ?? 0,
    ),
    cap,
    scale: scaleStepAfter,
  });
}

/**
 * A larger raise takes longer: the block in which to ask moves forward. What the blocks before cost decides nothing, so that more demand, which is
 * asked for earlier, never is too dear for it.
 */
function askEarlier({ options, windowAt }: Layout, alone: Int32Array, chain: Chain): boolean {
  const { windows, lead, spec, begun } = options;
  const { mayRaise, mayLower } = chain;
  let hasMoved = false;
  for (const window of windows) {
    if (begun?.group === window.group) continue;
    const [from, end] = spanOf(options, window.askMs, window.endMs);
    if (from === end) continue;
    const concurrency = Math.min(spec.concurrencyCeiling, alone[from]!);
    const [earlier] = spanOf(options, askMsFor(concurrency, { group: window.group, lead, spec }), window.endMs);
    if (earlier >= from) continue;
    mayRaise[from] = 0;
    mayRaise[earlier] = 1;
    for (let block = earlier; block < from; block++) {
      mayLower[block + 1] = 0;
      if (windowAt[block] !== undefined) continue;
      windowAt[block] = window;
      chain.usdSaved[block] = new Float64Array(alone[from]!).fill(chain.usdPerBlock);
    }
    hasMoved = true;
  }
  return hasMoved;
}

function decidedOn({ options, worth, windowAt }: Layout, window: EventWindow, prices: Float64Array): Decided {
  const [from, end] = spanOf(options, Math.max(window.askMs, blockStart(window.group.firstAtMs)), window.endMs);
  const [ready] = spanOf(options, blockStart(window.readyByMs), window.endMs);
  const usdPerSpill = prices[ready] ?? 0;
  let busiest = 0;
  for (let block = from; block < end; block++) {
    if (windowAt[block] === window) busiest = Math.max(busiest, worth[block]?.requestCount ?? 0);
  }
  const requestsPerSecond = (busiest * msPerSecond) / billingPeriodMs;
  const meanSeconds = options.spec.runDurationMs.p50 / msPerSecond;
  // Ten requests a second for each: below a tenth of a second it is not those running at once that decide.
  return { requestsPerSecond, usdPerSpill, limit: meanSeconds < 0.1 ? 'rate' : 'concurrency' };
}

/** Spilled requests in five minutes below which nobody is expected to run on demand. */
const spilledMin = 0.05;

function runningMaxOf(worth: readonly (Looked | undefined)[]): Int32Array {
  const running = new Int32Array(worth.length);
  for (let block = running.length - 1; block >= 0; block--) {
    const spill = worth[block]?.atQuantile.spillAvoided;
    let count = spill?.length ?? running[block + 1] ?? 0;
    for (let spilled = 0; spill && count > 0 && (spilled += spill[count - 1]!) < spilledMin;) count--;
    running[block] = count;
  }
  return running;
}
