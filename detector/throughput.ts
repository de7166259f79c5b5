/**
 * More or less comes than the event-conditioned forecast expects (where there is none: than is usual).
 *
 * A surge is a notice: it harms nobody until something else says so. A drop is trouble: calls that should come do not. Silent seconds count for a drop only
 * once later spans show that the telemetry was alive.
 */
import type { Json } from '../core/json.ts';
import { msPerSecond } from '../core/time.ts';
import { nothingFound, type Detector, type DetectorOptions } from './detector.ts';
import { createEvidence, type Evidence } from './evidence.ts';
import type { Moment } from './moment.ts';
import { boundsOf, logPoissonRatio, lowBoundOf } from './rate-judge.ts';
import { round, tellFinding } from './tell.ts';

const detector = 'throughput';
const surgeTimes = [1.5, 4] as const;
const dropTimes = [0.4, 0.05] as const;
const marginTimes = 1.2;

interface Kept {
  readonly surge: Json;
  readonly drop: Json;
  readonly pending: readonly number[];
}

export function createThroughput({ logThreshold }: DetectorOptions, snapshot?: Json): Detector {
  const kept = snapshot as unknown as Kept | undefined;
  const surge = createEvidence(surgeTimes.length, logThreshold, kept?.surge);
  const drop = createEvidence(dropTimes.length, logThreshold, kept?.drop);
  const logE = new Float64Array(2);
  /** What silent seconds would say for a drop, should it turn out that only calls were silent. */
  const pending = Float64Array.from(kept?.pending ?? [0, 0]);
  return {
    get doubt() {
      return Math.max(surge.level, drop.level);
    },
    inspect(moment) {
      for (let atMs = moment.settledFromMs; atMs < moment.settledUntilMs; atMs += msPerSecond) weigh(moment, atMs);
      if (!surge.isStanding && !drop.isStanding) return nothingFound;
      return [
        ...(surge.isStanding ? [tell(moment, surge, 'notice')] : []),
        ...(drop.isStanding ? [tell(moment, drop, 'trouble')] : []),
      ];
    },
    snapshot: () => ({ surge: surge.snapshot(), drop: drop.snapshot(), pending: [...pending] }),
  };

  function weigh(moment: Moment, atMs: number): void {
    const bounds = boundsOf(moment, atMs);
    const { live, usualRate, spanRatio } = moment;
    if (!bounds || live.at(atMs, 'unknownRateCount') > 0) return;
    const { burstiness } = usualRate;
    const high = bounds.high * marginTimes * spanRatio;
    const low = (lowBoundOf(moment, bounds.low) * spanRatio) / marginTimes;
    const spanCount = live.at(atMs, 'spanCount');
    for (const [story, times] of dropTimes.entries())
      logE[story] = logPoissonRatio(spanCount, times * low, low) / burstiness;
    if (live.isSilent(atMs)) {
      for (let story = 0; story < pending.length; story++) pending[story]! += logE[story]!;
      return;
    }
    for (let story = 0; story < pending.length; story++) logE[story]! += pending[story]!;
    pending.fill(0);
    drop.add(logE, atMs);
    for (const [story, times] of surgeTimes.entries())
      logE[story] = logPoissonRatio(spanCount, times * high, high) / burstiness;
    surge.add(logE, atMs);
  }
}

function tell(moment: Moment, evidence: Evidence, weight: 'notice' | 'trouble'): ReturnType<typeof tellFinding> {
  const { live, settledUntilMs, nowMs } = moment;
  const fromMs = evidence.startsAtMs ?? nowMs;
  const secondCount = Math.max(1, (settledUntilMs - fromMs) / msPerSecond);
  const rate = live.sum('requestCount', fromMs, settledUntilMs) / secondCount;
  const { low = 0, high = 0 } = boundsOf(moment, nowMs) ?? {};
  const kind = weight === 'notice' ? 'surge' : 'drop';
  return tellFinding(moment, {
    detector,
    evidence,
    weight,
    because: `${String(round(rate))} calls a second, where ${String(round(low))} to ${String(round(high))} were expected: a ${kind}`,
    numbers: { kind, requestsPerSecond: round(rate), expectedAtLeast: round(low), expectedAtMost: round(high) },
  });
}
