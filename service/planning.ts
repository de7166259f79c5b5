/**
 * Forecasts and the plan made of them. Keeps one forecaster for each stream of volume, however many functions scale it: five hundred on one history
 * cost one forecast, and an event seen once counts once. The response to events is learned over all of them together.
 */
import { createHash } from 'node:crypto';
import { controlPlaneLeadMs } from '../actuators/call-queue.ts';
import { compareEvents, eventsBetween, type Calendar } from '../calendar/event.ts';
import type { CapacityPlan } from '../core/capacity.ts';
import type { Forecast, QuantilePath } from '../core/forecast.ts';
import type { Json } from '../core/json.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { AccountLimits } from '../core/ports.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { formatInstant, msPerHour, type EpochMs } from '../core/time.ts';
import { withExpectedFloor } from '../forecaster/expected-floor.ts';
import { createForecaster, requestsOf } from '../forecaster/forecaster.ts';
import type { NotReady } from '../models/model.ts';
import type { LeadModel } from '../forecaster/event-window.ts';
import type { LiveCount } from '../forecaster/nowcast.ts';
import { isPlannable, plan as makePlan, type PlanningPolicy } from '../forecaster/planner.ts';
import { createEventResponse, type EventResponse } from '../models/event-response.ts';
import type { OfferedRequests } from './facts.ts';
import { createForecastRota, type ForecastSource } from './forecast-rota.ts';
import { createSurgeWatch, type SurgeNews } from './surge-watch.ts';
import type { SystemFunction, SystemOptions } from './system-options.ts';

export interface Decision {
  readonly plan: CapacityPlan;
  readonly forecasts: readonly Forecast[];
  /** The body of `plan.decided`: steps, and every input by name, version or hash. */
  readonly record: () => Readonly<Record<string, Json>>;
  /** Equal fingerprints mean the same levels at the same times for the same reasons. */
  readonly fingerprint: string;
}

export interface PlanningMoment {
  readonly nowMs: EpochMs;
  readonly account: AccountLimits;
  readonly previous: CapacityPlan | undefined;
  /** Provisioned concurrency in the account that is not ours to plan with. */
  readonly held: number;
  /** As these days call for it, the queue left out. */
  readonly lead: LeadModel;
  /** How long one more urgent call waits for its turn. */
  readonly queueWaitMs: number;
}

export interface Planning {
  learn(bucket: OfferedRequests & { readonly bucketAtMs: EpochMs }): void;
  /** A count of live requests: it is not learned, and tells how the day goes. */
  hear(count: OfferedRequests & LiveCount): void;
  /** What has been heard says of a plan; where it asks for a revision, the next plan takes it in. */
  watch(moment: {
    readonly nowMs: EpochMs;
    readonly plan: CapacityPlan;
    readonly lead: LeadModel;
  }): readonly SurgeNews[];
  /** From now on these are the events, of forecasts and of what is still to be learned. */
  takeCalendar(calendar: Calendar): void;
  calendar(): Calendar;
  stepMsOf(key: FunctionKey): number;
  readonly learnedUntilMs: (key: FunctionKey) => EpochMs;
  decide(moment: PlanningMoment): Decision;
  /** Calendar and bells from three hours before `nowMs` to the end of the horizon. */
  eventsAround(nowMs: EpochMs): readonly MarketEvent[];
}

/** Windows that have begun stay in sight that long. */
const eventsBehindMs = 3 * msPerHour;

export function createPlanning(options: SystemOptions): Planning {
  const eventResponse = createEventResponse();
  let { calendar } = options;
  const learners = createLearners(options, { eventResponse, events: () => calendar.events });
  const learnerOf = (key: FunctionKey): Learner => learners.get(key)!;
  const { horizonMs } = options;
  const rota = createForecastRota({
    sources: [...new Set(learners.values())],
    horizonMs,
    events: () => calendar.events,
  });
  const surges = createSurgeWatch(
    options.functions.map(({ spec }) => spec),
    { prices: options.prices, peakRatio: options.policy.peakRatio },
  );
  const requestsPerUnitOf = new Map(options.functions.map((one) => [one.spec.key, one.requestsPerUnit]));

  const eventsAround = (nowMs: EpochMs): readonly MarketEvent[] =>
    mergeEvents(options.functions, calendar.events, nowMs - eventsBehindMs, nowMs + options.horizonMs);

  return {
    learn(bucket) {
      const { key, bucketAtMs, isSaturated = false } = bucket;
      const learner = learnerOf(key);
      const requestCount = demandOf(bucket);
      surges.hear(key, { atMs: bucketAtMs, lengthMs: learner.stepMs, requestCount });
      learner.learn({ bucketAtMs, volume: requestCount / requestsPerUnitOf.get(key)!, isSaturated });
      rota.learned(learner, bucketAtMs);
    },
    hear: ({ key, atMs, lengthMs, ...count }) =>
      surges.hear(key, { atMs, lengthMs, requestCount: demandOf({ key, ...count }) }),
    watch: (moment) => (options.policy.reviseOnSurge === false ? [] : surges.judge(moment)),
    takeCalendar: (next) => void (calendar = next),
    calendar: () => calendar,
    stepMsOf: (key) => learnerOf(key).stepMs,
    learnedUntilMs: (key) => learnerOf(key).untilMs(),
    eventsAround,
    decide({ nowMs, account, previous, held, lead: documented, queueWaitMs }) {
      const untilMs = nowMs + options.horizonMs;
      const volumes = new Map(
        [...new Set(learners.values())].map((learner) => [learner, rota.forecast(learner, nowMs, untilMs)]),
      );
      const events = eventsAround(nowMs);
      const functions = options.functions.map(({ spec, symbols, requestsPerUnit }) => {
        const learner = learnerOf(spec.key);
        const asRequests = (volume: Forecast | NotReady) => requestsOf(volume, { key: spec.key, requestsPerUnit });
        const foretold = withExpectedFloor(asRequests(volumes.get(learner)!), {
          events,
          group: spec.group,
          usual: () => asRequests(learner.usual(nowMs, untilMs)),
        });
        const { effectOf } = learner;
        if ('notReady' in foretold) return { spec, symbols, effectOf, forecast: foretold };
        surges.expect(foretold, instantsOf(events, symbols, options.policy));
        const forecast = surges.forecastOf(foretold, { nowMs, previous });
        const revision = surges.takeRevision(spec.key);
        const profile = surges.profileOf(spec.key);
        return {
          spec,
          symbols,
          effectOf,
          forecast,
          ...(profile && { profile }),
          ...(revision && { revision }),
        };
      });
      const queueMs = Math.max(controlPlaneLeadMs(functions.length), queueWaitMs);
      const lead = { ...documented, queueMs };
      const plan = makePlan({
        nowMs,
        untilMs,
        functions,
        events,
        limits: options.limits,
        ...(options.sharedResources && { sharedResources: options.sharedResources }),
        prices: options.prices,
        account: { ...account, otherProvisioned: held },
        lead,
        policy: options.policy,
        ...(previous && { previous }),
      });
      const forecasts = functions.flatMap(({ forecast }) => ('notReady' in forecast ? [] : [forecast]));
      return {
        plan,
        forecasts,
        record: () => recordOf(plan, { options, calendarVersion: calendar.version, nowMs, account, forecasts, lead }),
        fingerprint: fingerprintOf(plan),
      };
    },
  };
}

/** Forecasts in units of volume. */
interface Learner extends ForecastSource {
  /** What events of a kind were seen to do to this stream. */
  readonly effectOf: (event: MarketEvent) => { readonly eventCount: number; readonly liftRatio: number };
  /** As if no event were ahead: what "times the usual" multiplies. */
  usual(nowMs: EpochMs, untilMs: EpochMs): Forecast | NotReady;
  learn(bucket: { readonly bucketAtMs: EpochMs; readonly volume: number; readonly isSaturated: boolean }): void;
}

/** What would have come if nothing had been asked twice. */
function demandOf({ requestCount, repeatCount = 0 }: OfferedRequests): number {
  return Math.max(0, requestCount - repeatCount);
}

/** What all learners share. */
interface Lessons {
  readonly eventResponse: EventResponse;
  /** Of the calendar in force. */
  readonly events: () => readonly MarketEvent[];
}

function createLearners(options: SystemOptions, lessons: Lessons): ReadonlyMap<FunctionKey, Learner> {
  const byStream = new Map<string, Learner>();
  return new Map(
    options.functions.map((one) => {
      const stream = JSON.stringify([one.volumeFrom, one.venue.name, one.symbols]);
      const learner = byStream.get(stream) ?? createLearner(one, lessons);
      byStream.set(stream, learner);
      return [one.spec.key, learner];
    }),
  );
}

function createLearner(one: SystemFunction, { eventResponse, events }: Lessons): Learner {
  const { spec, symbols, venue, history } = one;
  const { series } = history.history;
  const { stepMs } = series;
  const forecaster = createForecaster({ key: spec.key, stepMs, clock: venue, symbols, eventResponse });
  forecaster.learn(series, events());
  const effectOf = ({ kind, importance }: MarketEvent) => {
    const { eventCount, strength, usualRise } = eventResponse.curveOf(spec.key, kind, importance);
    // What comes every day at its minute has become the usual, and is a surge all the same.
    return { eventCount, liftRatio: Math.expm1(strength + Math.max(0, usualRise)) };
  };
  return {
    stepMs,
    effectOf,
    untilMs: () => forecaster.originMs!,
    learn({ bucketAtMs, volume, isSaturated }) {
      // Late or told twice: what has been learned is not learned again.
      if (bucketAtMs < forecaster.originMs!) return;
      const block = { fromMs: bucketAtMs, stepMs, values: Float64Array.of(volume) };
      forecaster.learn(block, events(), isSaturated ? Uint8Array.of(1) : undefined);
    },
    forecast: (fromMs, untilMs) => forecaster.forecast({ fromMs, untilMs, events: events() }),
    usual: (fromMs, untilMs) => forecaster.forecast({ fromMs, untilMs, events: [] }),
  };
}

/** The calendar and the bells of every venue, each event once. */
function mergeEvents(
  functions: readonly SystemFunction[],
  calendar: readonly MarketEvent[],
  fromMs: EpochMs,
  untilMs: EpochMs,
): readonly MarketEvent[] {
  const venues = new Map(functions.map(({ venue }) => [venue.name, venue]));
  const bells = [...venues.values()].flatMap((venue) => venue.sessionEvents(fromMs, untilMs));
  const known = new Map([...bells, ...eventsBetween(calendar, fromMs, untilMs)].map((event) => [event.id, event]));
  return [...known.values()].sort(compareEvents);
}

/** When events of a function strike: how large they are is open until then. */
function instantsOf(
  events: readonly MarketEvent[],
  symbols: readonly string[],
  policy: PlanningPolicy,
): readonly EpochMs[] {
  return events
    .filter((event) => isPlannable(event, policy) && event.precision === 'minute')
    .filter((event) => event.symbols.length === 0 || event.symbols.some((symbol) => symbols.includes(symbol)))
    .map(({ startsAtMs }) => startsAtMs);
}

interface DecisionInputs {
  readonly options: SystemOptions;
  readonly calendarVersion: string;
  readonly nowMs: EpochMs;
  readonly account: AccountLimits;
  readonly forecasts: readonly Forecast[];
  readonly lead: LeadModel;
}

function recordOf(
  plan: CapacityPlan,
  { options, calendarVersion, nowMs, account, forecasts, lead }: DecisionInputs,
): Readonly<Record<string, Json>> {
  return {
    because:
      plan.steps.length === 0
        ? 'nothing ahead asks for capacity'
        : `${plan.steps.length} steps until ${formatInstant(plan.untilMs)}`,
    steps: plan.steps.map(({ key, ...step }) => ({ function: key, ...step })),
    notPlanned: plan.notPlanned.map((one) => ({ ...one })),
    inputs: {
      nowMs,
      calendarVersion,
      configSha256: options.configSha256,
      pricesAsOf: options.prices.asOf,
      account: { ...account },
      lead: { ...lead },
      policy: { ...options.policy },
      forecasts: forecasts.map(({ key, model, issuedAtMs, ...path }) => ({
        function: key,
        model,
        issuedAtMs,
        sha256: sha256OfPath(path),
      })),
    },
  };
}

/** Dollars are left out: they follow from the rest. So are the ends that only say where the plan itself begins and stops. */
function fingerprintOf({ steps, issuedAtMs, untilMs: planUntilMs }: CapacityPlan): string {
  return sha256Of(
    steps.map(({ key, fromMs, untilMs, concurrency, bindingLimit, eventId }) => ({
      key,
      fromMs: fromMs <= issuedAtMs ? null : fromMs,
      untilMs: untilMs >= planUntilMs ? null : untilMs,
      concurrency,
      bindingLimit,
      eventId,
    })),
  );
}

/** Over the numbers as they stand in memory: written out as text, a day of minutes is half a megabyte a function. */
function sha256OfPath({ requestCount, ...about }: QuantilePath): string {
  return createHash('sha256')
    .update(JSON.stringify(about))
    .update(Float64Array.from(requestCount.flat()))
    .digest('hex');
}

function sha256Of(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
