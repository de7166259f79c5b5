/** From evidence to a finding: what of it is the same for all detectors. */
import type { Finding } from '../core/finding.ts';
import type { Json } from '../core/json.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import type { Evidence } from './evidence.ts';
import type { LiveRing } from './live-windows.ts';
import type { Moment } from './moment.ts';

export interface Opinion {
  readonly detector: string;
  readonly evidence: Evidence;
  readonly weight: Finding['weight'];
  readonly because: string;
  readonly numbers: Readonly<Record<string, Json>>;
}

export function tellFinding(moment: Moment, { detector, evidence, weight, because, numbers }: Opinion): Finding {
  const startsAtMs = Math.min(evidence.startsAtMs ?? moment.nowMs, moment.nowMs);
  return describe(moment, { detector, startsAtMs, score: evidence.level, weight, because, numbers });
}

interface Description extends Omit<Opinion, 'evidence'> {
  readonly startsAtMs: EpochMs;
  readonly score: number;
}

export function describe(moment: Moment, { numbers, ...rest }: Description): Finding {
  const { live, nowMs, key } = moment;
  const rate = requestsPerSecond(live, rest.startsAtMs, nowMs);
  return {
    ...rest,
    key,
    atMs: nowMs,
    score: round(rest.score),
    harmedRatio: round(harmedRatio(live, rest.startsAtMs, nowMs)),
    ...(rate === undefined ? {} : { requestsPerSecond: round(rate) }),
    evidence: numbers,
    traceIds: live.traceIds(rest.startsAtMs),
  };
}

/** Failed, throttled or slow, over all. Throttled ones may be among the failed, and failed ones may be slow: at most all are harmed. */
export function harmedRatio(live: LiveRing, fromMs: EpochMs, untilMs: EpochMs): number {
  const requests = live.sum('requestCount', fromMs, untilMs);
  if (requests === 0) return 0;
  const failed = Math.max(live.sum('errorCount', fromMs, untilMs), live.sum('throttleCount', fromMs, untilMs));
  return Math.min(1, (failed + live.sum('slowCount', fromMs, untilMs)) / requests);
}

function requestsPerSecond(live: LiveRing, fromMs: EpochMs, untilMs: EpochMs): number | undefined {
  if (live.sum('unknownRateCount', fromMs, untilMs) > 0) return undefined;
  // To the newest second that is known: what has not come yet is not none.
  const endMs = Math.min(untilMs, (live.newestAtMs ?? fromMs) + msPerSecond);
  return live.sum('requestCount', fromMs, endMs) / Math.max(1, (endMs - fromMs) / msPerSecond);
}

/** Four digits tell people and programs all there is. */
export function round(value: number): number {
  return Number(value.toPrecision(4));
}

export function percent(ratio: number): string {
  return `${Number((100 * ratio).toPrecision(2))} %`;
}
