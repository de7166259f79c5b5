/**
 * What AWS's predictive scaling would do, if it knew Lambda (as of 2026 it does not: EC2 and ECS only): a forecast for each hour of the coming two
 * days from the same hour of the week over at most fourteen days, made anew every six hours, asked for 300 s before the hour begins, and never a
 * reason to scale in. Target tracking runs beside it, as AWS advises: the level is the greater of the two, and what scales in is target
 * tracking, never below the hour's forecast.
 *
 * What the hour is forecast by is its busiest bucket, the reading that is kindest to it: AWS documents an hourly sum. The hours are those of UTC,
 * in which CloudWatch's metrics lie. Before the same hour of the week was seen, any day's same hour counts.
 */
import { msPerDay, msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import { endOf, sliceSeries, type VolumeSeries } from '../../core/volume-series.ts';
import { settledLevel, targetTrackingParameters, trackTarget } from './aas.ts';
import { policyEntry, type Moment, type PolicyContext } from './policy.ts';
import { levelAtTarget, offeredLoadOf } from './sizing.ts';
import { highestOf } from './static-peak.ts';

const parameters = {
  ...targetTrackingParameters,
  buffer: { default: 300, min: 0, max: 3_540, means: 'seconds before the hour at which its level is asked for' },
} as const;

const refreshMs = 6 * msPerHour;
const dayCountMax = 14;
const msPerWeek = 7 * msPerDay;

export const awsPredictive = policyEntry({
  summary: "AWS's predictive scaling over target tracking, were there any for Lambda",
  isReactive: true,
  parameters,
  create: (settings, context) => ({
    begin({ history }) {
      const known = new Map<EpochMs, number>();
      /** The level that the forecasts ask for at an instant: that of its hour, or of the next one where that is near. */
      const minimumAt = (nowMs: EpochMs, seen: VolumeSeries): number => {
        const hourMs = hourOf(nowMs);
        const nextMs = hourOf(nowMs + settings.buffer * msPerSecond);
        const levels = (nextMs > hourMs ? [hourMs, nextMs] : [hourMs]).map((atMs) => {
          const level = known.get(atMs) ?? levelOfHour(atMs, seen, settings.target, context);
          known.set(atMs, level);
          return level;
        });
        return Math.max(...levels);
      };
      const settled = settledLevel(history, settings, context);
      return {
        initialLevel: Math.max(settled, minimumAt(endOf(history), history)),
        levelAt(moment: Moment) {
          if (moment.nowMs % msPerMinute !== 0) return undefined;
          const minimum = minimumAt(moment.nowMs, history);
          const tracked = trackTarget(settings, moment);
          return Math.max(minimum, tracked ?? moment.requested);
        },
      };
    },
  }),
});

function hourOf(atMs: EpochMs): EpochMs {
  return Math.floor(atMs / msPerHour) * msPerHour;
}

/** From the buckets that had ended at the last refresh before the hour's level is due. */
function levelOfHour(hourMs: EpochMs, seen: VolumeSeries, target: number, context: PolicyContext): number {
  const refreshedMs = Math.floor(Math.min(endOf(seen), hourMs) / refreshMs) * refreshMs;
  const busiest = busiestBefore(hourMs, sliceSeries(seen, refreshedMs - dayCountMax * msPerDay, refreshedMs));
  const requestsPerSecond = (busiest * context.requestsPerUnit * msPerSecond) / seen.stepMs;
  return levelAtTarget(offeredLoadOf(requestsPerSecond, context.spec.runDurationMs), target);
}

function busiestBefore(hourMs: EpochMs, recent: VolumeSeries): number {
  const hourBefore = (backMs: number): number =>
    highestOf(sliceSeries(recent, hourMs - backMs, hourMs - backMs + msPerHour));
  const sameHourOfWeek = Math.max(hourBefore(msPerWeek), hourBefore(2 * msPerWeek));
  if (sameHourOfWeek > 0) return sameHourOfWeek;
  return Math.max(...Array.from({ length: dayCountMax }, (_, day) => hourBefore((day + 1) * msPerDay)));
}
