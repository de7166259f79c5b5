/**
 * Application Auto Scaling's target tracking on `LambdaProvisionedConcurrencyUtilization`, as AWS documents it: CloudWatch alarms on one-minute
 * points, above the target for three of them to scale out, below nine tenths of it for fifteen to scale in, no cooldown, and a new level in
 * proportion to the metric.
 *
 * What AWS does not say, and what is assumed: a point is seen two minutes after its minute; no activity starts while one is under way; the
 * proportion is taken of a point that began after the last change was READY (the alarm itself may rest on older ones). As documented, an idle
 * minute has no point, and an alarm without its points does nothing: an idle function is never scaled in.
 */
import { msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import { endOf, sliceSeries, type VolumeSeries } from '../../core/volume-series.ts';
import { policyEntry, type Moment, type PolicyContext } from './policy.ts';
import { levelAtTarget, offeredLoadOf } from './sizing.ts';
import { highestOf } from './static-peak.ts';

export const targetTrackingParameters = {
  target: { default: 0.7, min: 0.1, max: 0.9, means: 'utilisation that is aimed at' },
  maximum: { default: 0, min: 0, max: 1, means: '1: judges by the Maximum of each minute, not the Average' },
  out: { default: 3, min: 1, max: 60, means: 'points above the target before it scales out' },
  in: { default: 15, min: 1, max: 60, means: 'points below nine tenths of it before it scales in' },
  delay: { default: 120, min: 0, max: 600, means: 'seconds until a point is seen' },
} as const;

export type TargetTrackingSettings = Readonly<Record<keyof typeof targetTrackingParameters, number>>;

/** AlarmLow lies that far below the target. */
const lowRatio = 0.9;
/** The least that a scalable target may hold: the policy takes nothing down to 0. */
const levelMin = 1;
/** What the level before a span followed: a scale-in looks back as far. */
const settledMs = 15 * msPerMinute;

export const aas = policyEntry({
  summary: 'Application Auto Scaling, target tracking on utilisation',
  isReactive: true,
  parameters: targetTrackingParameters,
  create: (settings, context) => ({
    begin: ({ history }) => ({
      initialLevel: settledLevel(history, settings, context),
      levelAt: (moment) => trackTarget(settings, moment),
    }),
  }),
});

/** Where target tracking has come to rest: at the target in the busiest bucket of the last quarter of an hour. */
export function settledLevel(
  history: VolumeSeries,
  { target }: TargetTrackingSettings,
  { requestsPerUnit, spec }: PolicyContext,
): number {
  const endMs = endOf(history);
  const busiest = highestOf(sliceSeries(history, endMs - Math.max(settledMs, history.stepMs), endMs));
  const load = offeredLoadOf((busiest * requestsPerUnit * msPerSecond) / history.stepMs, spec.runDurationMs);
  return Math.max(levelMin, levelAtTarget(load, target));
}

/** The level that an alarm sets now; undefined where none does. */
export function trackTarget(settings: TargetTrackingSettings, moment: Moment): number | undefined {
  const { nowMs, readySinceMs, requested } = moment;
  if (nowMs % msPerMinute !== 0 || readySinceMs === undefined) return undefined;
  const isHigh = alarms(settings, moment, settings.out, (value) => value > settings.target);
  const isLow = alarms(settings, moment, settings.in, (value) => value < settings.target * lowRatio);
  if (!isHigh && !isLow) return undefined;
  const latest = pointAt(settings, moment, latestPointMs(settings, nowMs))!;
  if (latest.startsAtMs < readySinceMs) return undefined;
  const level = Math.max(levelMin, levelAtTarget(requested * latest.value, settings.target));
  return isHigh ? Math.max(requested, level) : Math.min(requested, level);
}

/** Are the latest points all there, and all beyond the threshold? */
function alarms(
  settings: TargetTrackingSettings,
  moment: Moment,
  pointCount: number,
  isBeyond: (value: number) => boolean,
): boolean {
  const latestMs = latestPointMs(settings, moment.nowMs);
  for (let back = 0; back < pointCount; back++) {
    const point = pointAt(settings, moment, latestMs - back * msPerMinute);
    if (!point || !isBeyond(point.value)) return false;
  }
  return true;
}

/** Start of the latest minute whose point is to be seen. */
function latestPointMs({ delay }: TargetTrackingSettings, nowMs: EpochMs): EpochMs {
  return Math.floor((nowMs - delay * msPerSecond) / msPerMinute) * msPerMinute - msPerMinute;
}

function pointAt(
  { maximum }: TargetTrackingSettings,
  { metrics }: Moment,
  startsAtMs: EpochMs,
): { readonly startsAtMs: EpochMs; readonly value: number } | undefined {
  const point = metrics.findLast((minute) => minute.startsAtMs === startsAtMs);
  return point && { startsAtMs, value: maximum === 1 ? point.utilizationMaximum : point.utilizationAverage };
}
