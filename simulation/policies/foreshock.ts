/**
 * The product itself: the planning of the service (service/planning.ts) with its forecaster, its models and its planner, told of each bucket as
 * it ends and asked for a plan every five minutes, as the engine does it. What the plan's step in force holds is asked for; outside of steps
 * nothing is. What is left out is the way to Lambda: gate, bookings, call queue. No limit of dollars binds, and of concurrency only the
 * account's.
 */
import { assert } from '../../core/assert.ts';
import { defaultAccountLimits } from '../../core/ports.ts';
import { calendarVersion } from '../../calendar/event.ts';
import type { CapacityPlan } from '../../core/capacity.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../../core/time.ts';
import { endOf, sliceSeries, type VolumeSeries } from '../../core/volume-series.ts';
import type { SpillTarget } from '../../core/function-spec.ts';
import { documentedLead, type LeadModel } from '../../forecaster/event-window.ts';
import { peakRatioPrior } from '../../forecaster/peak-profile.ts';
import { standardPolicy } from '../../forecaster/planner.ts';
import { createPlanning, type Planning } from '../../service/planning.ts';
import { policyEntry, type PolicyContext } from './policy.ts';

const replanMs = 5 * msPerMinute;
/**
 * A window that matters now ends within two hours and a half; what a day's plan holds at an instant is what this one holds, at a fraction of
 * the forecast's cost.
 */
const horizonMs = 4 * msPerHour;
/** Beyond what a simulation may ask for. */
const unlimited = 1e9;

interface Settings {
  readonly quantile: number;
  readonly usdPerSpill: number;
  readonly spilloverRatioMax: number;
  readonly usdPerColdStart: number;
  readonly asked: number;
  readonly peakRatio: number;
}

export const foreshock = policyEntry({
  summary: "Foreshock's planner",
  parameters: {
    quantile: {
      default: standardPolicy.quantile,
      min: 0.01,
      max: 0.9999,
      means: 'level of the forecast to be ready for (planning.quantile)',
    },
    usdPerSpill: { default: 0.000015, min: 0.000_000_01, max: 1_000, means: 'what a spilled request costs' },
    spilloverRatioMax: {
      default: 0,
      min: 0,
      max: 0.99,
      means: 'the share of requests that may spill up to that level, in place of its cost; 0: not said',
    },
    usdPerColdStart: {
      default: 0,
      min: 0,
      max: 1_000,
      means: 'what a cold start costs, in place of that; 0: not said',
    },
    asked: {
      default: documentedLead.askedBeforeMs / msPerMinute,
      min: 5,
      max: 60,
      means: 'minutes before an event at which it asks; 5 as its peers do, READY three minutes later',
    },
    peakRatio: {
      default: peakRatioPrior,
      min: 1,
      max: 60,
      means: 'the busiest second of a minute over its mean (planning.peakRatio)',
    },
  },
  create(settings, context) {
    let planning: Planning | undefined;
    return {
      begin({ span, history }) {
        const live = (planning ??= createPlanning(optionsOf(settings, context, history)));
        tellUntil(live, history, context);
        const lead = leadOf(settings);
        let plan: CapacityPlan | undefined;
        return {
          initialLevel: 0,
          levelAt({ nowMs, volume }) {
            tellUntil(live, volume, context);
            const news = plan ? live.watch({ nowMs, plan, lead }) : [];
            const isRevised = news.some((one) => one.kind === 'harmful' && one.isRevised);
            if (nowMs === span.fromMs || nowMs % replanMs === 0 || isRevised) {
              plan = live.decide({
                nowMs,
                account: accountOf(context),
                previous: plan,
                held: 0,
                lead,
                queueWaitMs: 0,
              }).plan;
            }
            return levelOf(plan, nowMs);
          },
        };
      },
    };
  },
});

function levelOf(plan: CapacityPlan | undefined, nowMs: EpochMs): number {
  return plan?.steps.find((step) => step.fromMs <= nowMs && nowMs < step.untilMs)?.concurrency ?? 0;
}

function leadOf({ asked }: Settings): LeadModel {
  const askedBeforeMs = asked * msPerMinute;
  return { ...documentedLead, askedBeforeMs, readyBeforeMs: Math.max(msPerMinute, askedBeforeMs - 5 * msPerMinute) };
}

function spillTargetOf({ usdPerSpill, spilloverRatioMax, usdPerColdStart }: Settings): SpillTarget {
  if (usdPerColdStart > 0) return { kind: 'usdPerColdStart', usd: usdPerColdStart };
  if (spilloverRatioMax > 0) return { kind: 'spilloverRatioMax', ratio: spilloverRatioMax };
  return { kind: 'usdPerSpill', usd: usdPerSpill };
}

function accountOf({ accountConcurrency }: PolicyContext) {
  return { ...defaultAccountLimits, concurrencyLimit: accountConcurrency, unreservedConcurrency: accountConcurrency };
}

/** Tells of every bucket that has ended and was not told yet. Missing ones are not told: they are not zero. */
function tellUntil(planning: Planning, volume: VolumeSeries, { spec, requestsPerUnit }: PolicyContext): void {
  const learnedUntilMs = planning.learnedUntilMs(spec.key);
  const told = sliceSeries(volume, learnedUntilMs, endOf(volume));
  for (let index = 0; index < told.values.length; index++) {
    const bucketAtMs = told.fromMs + index * told.stepMs;
    const requestCount = told.values[index]! * requestsPerUnit;
    if (!Number.isNaN(requestCount)) planning.learn({ key: spec.key, bucketAtMs, requestCount });
  }
}

function optionsOf(
  settings: Settings,
  { spec, prices, venue, events, symbols, requestsPerUnit }: PolicyContext,
  series: VolumeSeries,
): Parameters<typeof createPlanning>[0] {
  assert(series.values.length > 0, 'a simulation starts inside its history');
  const { quantile, peakRatio } = settings;
  const rowCount = series.values.length;
  return {
    title: 'simulation',
    simulated: true,
    release: 'simulation',
    configSha256: 'simulation',
    functions: [
      {
        spec: { ...spec, spillTarget: spillTargetOf(settings) },
        symbols,
        venue,
        history: { name: 'history', history: { series, sha256: 'simulation', rowCount, badRowCount: 0 } },
        volumeFrom: 'history',
        requestsPerUnit,
      },
    ],
    calendar: { name: 'calendar', events, version: calendarVersion(events), warnings: [] },
    limits: { concurrencyMax: unlimited, usdPerHourMax: unlimited, usdPerEventMax: unlimited },
    prices,
    policy: { ...standardPolicy, quantile, peakRatio },
    lead: leadOf(settings),
    horizonMs,
    seed: 'simulation',
  };
}
