/**
 * What live volume says of the plan in force: as foretold; more, and harmless; or more than what is held can serve, and then whether it is worth asking for more
 * (forecaster/revision.ts). Each word is said once.
 *
 * Sure enough is nine in ten. Waiting for another second costs that second, and a raise under load costs minutes.
 */
import type { CapacityPlan, CapacityStep } from '../core/capacity.ts';
import type { Forecast } from '../core/forecast.ts';
import type { FunctionSpec, Prices } from '../core/function-spec.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import { worthOfBlocks, type BlockWorth } from '../forecaster/block-worth.ts';
import { createErlangTable, type ErlangTable } from '../forecaster/erlang-table.ts';
import { serversFor } from '../forecaster/erlang.ts';
import { blocksOf, type LeadModel } from '../forecaster/event-window.ts';
import { createNowcast, type LiveCount, type Nowcast } from '../forecaster/nowcast.ts';
import {
  createPeakWatch,
  peakRatioPrior,
  statedProfile,
  type PeakProfile,
  type PeakWatch,
} from '../forecaster/peak-profile.ts';
import { judgeRevision, preparationMsOf, revisionMs, revisionRatioMin } from '../forecaster/revision.ts';
import { logNormalRuns, meanRunMs } from '../forecaster/run-distribution.ts';
import { requestsPerSecondPerEnvironment } from '../forecaster/spill-curves.ts';
import type { Revision } from '../forecaster/surge.ts';

const sureRatio = 0.9;
const overRatio = 0.5;
/** Of what was foretold: what one in twenty days goes beyond, and a quarter more. */
const foretoldLevel = 0.95;
/** Twice in one window: each puts the alias back to IN_PROGRESS. */
const revisionCountMax = 2;
/** A raise is given as long as it takes, and some minutes to show what it does. */
const revisionRestMs = 5 * msPerMinute;
/** What was not worth it may become so as it lasts. */
const askAgainMs = 10 * msPerSecond;
/** The share by which on demand is called too little where a cold start has a price: inside one path of demand, as the plan has it. */
const spilloverRatioInsidePath = 0.001;
export type SurgeNews = {
  readonly key: FunctionKey;
  readonly because: string;
} & (
  | { readonly kind: 'harmless' | 'over' }
  /** `isRevised`: a revision waits for the next plan. */
  | { readonly kind: 'harmful'; readonly isRevised: boolean }
);

export interface SurgeWatch {
  /** What plans are made of from now on, with the instants at which everything is open again. */
  expect(forecast: Forecast, eventsAtMs: readonly EpochMs[]): void;
  hear(key: FunctionKey, count: LiveCount): void;
  /** Looks at those of which something was heard since the last time. */
  judge(moment: SurgeMoment): readonly SurgeNews[];
  /** How its busy minutes lie, where seconds were counted. */
  profileOf(key: FunctionKey): PeakProfile | undefined;
  /** What the next plan is to take in; asked once. */
  takeRevision(key: FunctionKey): Revision | undefined;
  /** The forecast as it is believed now, where more comes than was foretold or the plan in force rests on it: nothing is given back that is still needed. */
  forecastOf(
    forecast: Forecast,
    moment: { readonly nowMs: EpochMs; readonly previous: CapacityPlan | undefined },
  ): Forecast;
}

export interface SurgeMoment {
  readonly nowMs: EpochMs;
  readonly plan: CapacityPlan;
  readonly lead: LeadModel;
}

interface Watched {
  readonly spec: FunctionSpec;
  readonly nowcast: Nowcast;
  readonly peaks: PeakWatch;
  forecast: Forecast | undefined;
  isHeard: boolean;
  stage: 'foretold' | 'harmless' | 'harmful';
  revision: Revision | undefined;
  /** A surge that does harm is left alone until then: a raise takes its time. */
  askAtMs: EpochMs;
  /** Of the event whose window was revised so many times; undefined outside of all. */
  windowId: string | undefined;
  revisedCount: number;
}

/** @param peakRatio the busiest second of a minute over its mean, until seconds were counted. */
export function createSurgeWatch(
  specs: readonly FunctionSpec[],
  { prices, peakRatio = peakRatioPrior }: { readonly prices: Prices; readonly peakRatio?: number | undefined },
): SurgeWatch {
  const table = createErlangTable();
  const watched = new Map(specs.map((spec) => [spec.key, watch(spec)]));
  return {
    expect(forecast, eventsAtMs) {
      const one = watched.get(forecast.key)!;
      one.forecast = forecast;
      one.nowcast.expect(forecast, eventsAtMs);
    },
    hear(key, count) {
      const one = watched.get(key)!;
      one.nowcast.hear(count);
      one.peaks.hear(count);
      one.isHeard = true;
    },
    judge(moment) {
      const news: SurgeNews[] = [];
      const stepsNow = new Map(
        moment.plan.steps.filter((step) => isNow(step, moment.nowMs)).map((step) => [step.key, step]),
      );
      for (const one of watched.values()) {
        if (!one.isHeard) continue;
        one.isHeard = false;
        const said = judgeOne(one, { ...moment, step: stepsNow.get(one.spec.key), prices, peakRatio, table });
        if (said) news.push(said);
      }
      return news;
    },
    profileOf: (key) => watched.get(key)!.peaks.profile(),
    takeRevision(key) {
      const one = watched.get(key)!;
      const { revision } = one;
      one.revision = undefined;
      return revision;
    },
    forecastOf(forecast, { nowMs, previous }) {
      const one = watched.get(forecast.key)!;
      const isRevised = previous?.steps.some(
        (step) => step.key === forecast.key && step.raiseUntilMs !== undefined && isNow(step, nowMs),
      );
      return isRevised || one.stage !== 'foretold' ? (one.nowcast.forecast(nowMs) ?? forecast) : forecast;
    },
  };
}

function watch(spec: FunctionSpec): Watched {
  const nowcast = createNowcast();
  return {
    spec,
    nowcast,
    peaks: createPeakWatch(() => nowcast.burstinessRatio),
    forecast: undefined,
    isHeard: false,
    stage: 'foretold',
    revision: undefined,
    askAtMs: -Infinity,
    windowId: undefined,
    revisedCount: 0,
  };
}

function isNow({ fromMs, untilMs }: CapacityStep, nowMs: EpochMs): boolean {
  return fromMs <= nowMs && nowMs < untilMs;
}

interface Judging extends SurgeMoment {
  readonly step: CapacityStep | undefined;
  readonly prices: Prices;
  readonly peakRatio: number;
  readonly table: ErlangTable;
}

function judgeOne(one: Watched, judging: Judging): SurgeNews | undefined {
  const { nowMs, step } = judging;
  const { spec, nowcast } = one;
  const { key } = spec;
  const foretold = foretoldPerSecond(one.forecast, nowMs);
  if (foretold === undefined) return undefined;
  const surge = nowcast.ratioAbove(revisionRatioMin * foretold, nowMs);
  const held = step?.concurrency ?? spec.concurrencyFloor;
  const served = servedPerSecond(held * revisionRatioMin, spec);
  const seen = `${key}: more than ${Math.round(revisionRatioMin * foretold)} requests/s come, ${percent(surge)} sure, where ${Math.round(foretold)} are the most that was to be expected`;
  if (surge < sureRatio) {
    if (surge > overRatio || one.stage === 'foretold') return undefined;
    one.stage = 'foretold';
    one.revisedCount = 0;
    return { kind: 'over', key, because: `${key}: volume is back to what was foretold` };
  }
  // What runs on demand is started within seconds, long before provisioned concurrency could take it over.
  const tooMuch = held > 0 ? nowcast.ratioAbove(served, nowMs) : 0;
  const isHarmful = one.stage === 'harmful';
  if (isHarmful && nowMs < one.askAtMs) return undefined;
  if (tooMuch > overRatio && tooMuch < sureRatio && !isHarmful) return undefined;
  const isTooMuch = tooMuch > overRatio;
  if (!isTooMuch) {
    if (one.stage === 'harmless') return undefined;
    one.stage = 'harmless';
    const because = held > 0 ? `${held} held suffice` : 'nothing is held for it, and on demand takes it';
    return { kind: isHarmful ? 'over' : 'harmless', key, because: `${seen}; ${because}` };
  }
  return judgeHarm(one, { ...judging, held, seen });
}

/** The answer is said when it is the first, and when it is a raise. */
function judgeHarm(
  one: Watched,
  judging: Judging & { readonly held: number; readonly seen: string },
): SurgeNews | undefined {
  const { nowMs, seen } = judging;
  one.askAtMs = nowMs + askAgainMs;
  const isFirst = one.stage !== 'harmful';
  one.stage = 'harmful';
  const { isWorthIt, because } = ask(one, judging);
  if (isWorthIt) {
    one.revision = { atMs: nowMs, untilMs: nowMs + revisionMs, because };
    one.revisedCount++;
    one.askAtMs = nowMs + revisionRestMs;
  }
  return isFirst || isWorthIt
    ? { kind: 'harmful', key: one.spec.key, isRevised: isWorthIt, because: `${seen}; ${because}` }
    : undefined;
}

function ask(
  one: Watched,
  { nowMs, step, lead, prices, peakRatio, table, held }: Judging & { readonly held: number },
): { readonly isWorthIt: boolean; readonly because: string } {
  const { spec, nowcast } = one;
  const windowId = step?.eventId;
  if (windowId !== one.windowId) one.revisedCount = 0;
  one.windowId = windowId;
  if (one.revisedCount >= revisionCountMax)
    return {
      isWorthIt: false,
      because: `it was asked to be raised ${revisionCountMax} times already`,
    };
  const concurrencyMax = Math.min(spec.concurrencyCeiling, spec.reservedConcurrency ?? Infinity);
  const path = nowcast.forecast(nowMs)!;
  const worthUntil = (untilMs: EpochMs): readonly BlockWorth[] =>
    worthOfBlocks({
      path,
      runs: logNormalRuns(spec.runDurationMs),
      burstiness: nowcast.burstinessRatio,
      profile: one.peaks.profile() ?? statedProfile(peakRatio),
      blocks: blocksOf(nowMs, untilMs),
      table,
    });
  const leadMs = preparationMsOf(concurrencyMax, { lead, initDurationMs: spec.initDurationMs });
  return judgeRevision({
    nowMs,
    leadMs,
    heldConcurrency: held,
    concurrencyMax,
    worth: worthUntil(nowMs + revisionMs),
    startedBefore: worthUntil(nowMs + leadMs),
    spec,
    prices,
  });
}

/** Requests a second that the forecast has at its high level; undefined where it says nothing of that instant. */
function foretoldPerSecond(forecast: Forecast | undefined, nowMs: EpochMs): number | undefined {
  if (!forecast) return undefined;
  const { fromMs, stepMs, levels, requestCount } = forecast;
  const high = levels.findIndex((level) => level >= foretoldLevel);
  const quantiles = requestCount[Math.floor((nowMs - fromMs) / stepMs)];
  const count = quantiles?.at(high);
  return count === undefined ? undefined : (count * msPerSecond) / stepMs;
}

/** Requests a second that so many environments serve within the target. */
function servedPerSecond(concurrency: number, spec: FunctionSpec): number {
  const { spillTarget, runDurationMs } = spec;
  const blockingRatioMax = spillTarget.kind === 'spilloverRatioMax' ? spillTarget.ratio : spilloverRatioInsidePath;
  const byRate = concurrency * requestsPerSecondPerEnvironment;
  if (blockingRatioMax <= 0) return 0;
  let least = 0;
  let most = concurrency / (1 - Math.min(0.5, blockingRatioMax));
  // The load is found to a percent.
  for (let round = 0; round < 8; round++) {
    const offeredLoad = (least + most) / 2;
    if (serversFor({ offeredLoad, blockingRatioMax }) <= concurrency) least = offeredLoad;
    else most = offeredLoad;
  }
  return Math.min(byRate, (least * msPerSecond) / meanRunMs(runDurationMs));
}

function percent(ratio: number): string {
  return `${Math.round(100 * ratio)} %`;
}
