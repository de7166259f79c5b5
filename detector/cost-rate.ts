/**
 * Money flows faster than it should: over the operator's own limit (trouble), or than the expected calls at their usual length can cost (a notice).
 *
 * Busy time over the usual mean duration counts "usual calls"; more of those than the expected rate allows is weighed as throughput is. So a loop that
 * calls itself shows, and calls that all take longer show, while a surge that was foretold does not.
 */
import type { Json } from '../core/json.ts';
import { msPerHour, msPerMinute, msPerSecond } from '../core/time.ts';
import { nothingFound, type Detector, type DetectorOptions } from './detector.ts';
import { createEvidence } from './evidence.ts';
import type { Moment } from './moment.ts';
import { boundsOf, logPoissonRatio } from './rate-judge.ts';
import { describe, round, tellFinding } from './tell.ts';

const detector = 'cost-rate';
const storyTimes = [2, 6] as const;
const marginTimes = 1.5;
/** Single calls that last for minutes must not decide: a second counts as at most this many times its calls. */
const lengthTimesMax = 8;
const meanGain = 1 / 1_440;
const limitOverMs = 5 * msPerMinute;

interface Kept {
  readonly evidence: Json;
  readonly meanMs: number | null;
}

export function createCostRate({ logThreshold }: DetectorOptions, snapshot?: Json): Detector {
  const kept = snapshot as unknown as Kept | undefined;
  const evidence = createEvidence(storyTimes.length, logThreshold, kept?.evidence);
  const logE = new Float64Array(storyTimes.length);
  let meanMs = kept?.meanMs ?? undefined;
  return {
    get doubt() {
      return evidence.level;
    },
    inspect(moment) {
      for (let atMs = moment.settledFromMs; atMs < moment.settledUntilMs; atMs += msPerSecond) weigh(moment, atMs);
      if (moment.clean) learn(moment, moment.clean.fromMs);
      const usdPerHour = usdPerHourNow(moment);
      const limit = moment.usdPerHourLimit;
      if (usdPerHour !== undefined && limit !== undefined && usdPerHour > limit)
        return [
          describe(moment, {
            detector,
            startsAtMs: moment.nowMs - limitOverMs,
            score: usdPerHour / limit,
            weight: 'trouble',
            because: `${String(round(usdPerHour))} dollars an hour over the last five minutes; the limit is ${String(limit)}`,
            numbers: { usdPerHour: round(usdPerHour), usdPerHourLimit: limit },
          }),
        ];
      if (!evidence.isStanding) return nothingFound;
      const times = timesExpected(moment, evidence.startsAtMs ?? moment.nowMs);
      return [
        tellFinding(moment, {
          detector,
          evidence,
          weight: 'notice',
          because: `busy time costs ${String(round(times))} times what the expected calls would`,
          numbers: {
            timesExpected: round(times),
            ...(usdPerHour === undefined ? {} : { usdPerHour: round(usdPerHour) }),
          },
        }),
      ];
    },
    snapshot: () => ({ evidence: evidence.snapshot(), meanMs: meanMs ?? null }),
  };

  function weigh(moment: Moment, atMs: number): void {
    const bounds = boundsOf(moment, atMs);
    const { live, usualRate, spanRatio } = moment;
    if (!bounds || meanMs === undefined || live.isSilent(atMs) || live.at(atMs, 'unknownRateCount') > 0) return;
    const calls = Math.min(live.at(atMs, 'valueSum') / meanMs, lengthTimesMax * live.at(atMs, 'requestCount'));
    const high = bounds.high * marginTimes * spanRatio;
    for (const [story, times] of storyTimes.entries())
      logE[story] = logPoissonRatio(calls * spanRatio, times * high, high) / (2 * usualRate.burstiness);
    evidence.add(logE, atMs);
  }

  function learn({ live }: Moment, fromMs: number): void {
    const requests = live.sum('requestCount', fromMs, fromMs + msPerMinute);
    if (requests === 0) return;
    const seenMs = live.sum('valueSum', fromMs, fromMs + msPerMinute) / requests;
    meanMs = meanMs === undefined ? seenMs : meanMs + meanGain * (seenMs - meanMs);
  }

  function timesExpected(moment: Moment, fromMs: number): number {
    const expected = boundsOf(moment, moment.nowMs)?.middle ?? 0;
    const seconds = Math.max(1, (moment.settledUntilMs - fromMs) / msPerSecond);
    const busyMs = moment.live.sum('valueSum', fromMs, moment.settledUntilMs) / seconds;
    return expected > 0 && meanMs !== undefined ? busyMs / (expected * meanMs) : 0;
  }
}

function usdPerHourNow({ live, nowMs, usdPerBusyMs }: Moment): number | undefined {
  if (usdPerBusyMs === undefined || live.sum('unknownRateCount', nowMs - limitOverMs, nowMs) > 0) return undefined;
  return live.sum('valueSum', nowMs - limitOverMs, nowMs) * usdPerBusyMs * (msPerHour / limitOverMs);
}
