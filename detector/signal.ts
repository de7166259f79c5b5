/**
 * A measure of the business leaves what is usual: rejects by trading algorithm (a ratio), price deviation by feed (a quantile), orders (a count), notional (a sum).
 *
 * The same evidence as for calls, on other numbers: shares as `error-ratio`, values as `latency-shift`, counts and sums as `throughput` (a sum counts
 * "usual values": what came over the usual mean value).
 */
import { assertNever } from '../core/assert.ts';
import type { Json } from '../core/json.ts';
import { msPerMinute, msPerSecond } from '../core/time.ts';
import { nothingFound, type Detector, type DetectorOptions } from './detector.ts';
import { createEvidence, type Evidence } from './evidence.ts';
import { createLatencyShift } from './latency-shift.ts';
import type { Moment } from './moment.ts';
import { logPoissonRatio } from './rate-judge.ts';
import { createRatioDetector, type RatioForm } from './ratio-detector.ts';
import { round, tellFinding } from './tell.ts';

const detector = 'signal';

const ratioForm: RatioForm = {
  detector,
  // Of a business ratio half a percent may come and go; what is usual is learned on top.
  ratioFloor: 0.005,
  ratioPrior: 0.05,
  badOf: ({ errorCount }) => errorCount,
  column: 'errorCount',
  verb: 'meet the condition',
};

export function createSignal(options: DetectorOptions, snapshot?: Json): Detector {
  const { signal } = options;
  switch (signal) {
    case undefined:
      // Nobody said what it adds up to: nothing can be found in it.
      return { doubt: 0, inspect: () => nothingFound, snapshot: () => null };
    case 'ratio':
      return createRatioDetector(ratioForm, options, snapshot);
    case 'quantile':
      return createValueShift(options, snapshot);
    case 'count':
    case 'sum':
      return createAmount(options, snapshot);
    default:
      return assertNever(signal);
  }
}

/** The distribution of values, told in its own words. */
function createValueShift(options: DetectorOptions, snapshot?: Json): Detector {
  const shift = createLatencyShift(options, snapshot);
  return {
    get doubt() {
      return shift.doubt;
    },
    inspect: (moment) =>
      shift.inspect(moment).map((finding) => {
        const [mean = 0, farRatio = 0, usualMedian = 0] = ['meanMs', 'slowRatio', 'usualMedianMs'].map((name) =>
          Number(finding.evidence[name]),
        );
        return {
          ...finding,
          detector,
          because: `values are ${mean} on average, where ${usualMedian} is the usual median`,
          evidence: { mean, farRatio, usualMedian },
        };
      }),
    snapshot: () => shift.snapshot(),
  };
}

const storyTimes = [2, 6, 0.4, 0.05] as const;
const upCount = 2;
const marginTimes = 1.3;
const meanGain = 1 / 1_440;

interface Kept {
  readonly evidence: Json;
  readonly meanValue: number | null;
}

function createAmount({ logThreshold, signal }: DetectorOptions, snapshot?: Json): Detector {
  const kept = snapshot as unknown as Kept | undefined;
  const evidence = createEvidence(storyTimes.length, logThreshold, kept?.evidence);
  const logE = new Float64Array(storyTimes.length);
  let meanValue = kept?.meanValue ?? undefined;
  return {
    get doubt() {
      return evidence.level;
    },
    inspect(moment) {
      for (let atMs = moment.settledFromMs; atMs < moment.settledUntilMs; atMs += msPerSecond) weigh(moment, atMs);
      if (moment.clean) learn(moment, moment.clean.fromMs);
      return evidence.isStanding ? [tell(moment, evidence)] : nothingFound;
    },
    snapshot: () => ({ evidence: evidence.snapshot(), meanValue: meanValue ?? null }),
  };

  function weigh({ live, usualRate, spanRatio }: Moment, atMs: number): void {
    const bounds = usualRate.at(atMs);
    if (!bounds || live.isSilent(atMs) || live.at(atMs, 'unknownRateCount') > 0) return;
    const amount = amountOf(live.at(atMs, 'spanCount'), live.at(atMs, 'valueSum') * spanRatio);
    if (amount === undefined) return;
    for (const [story, times] of storyTimes.entries()) {
      const bound = story < upCount ? bounds.high * marginTimes : bounds.low / marginTimes;
      logE[story] = logPoissonRatio(amount, times * bound * spanRatio, bound * spanRatio) / usualRate.burstiness;
    }
    evidence.add(logE, atMs);
  }

  /** In usual values: a sum over the mean value, bounded by what single giants may add. */
  function amountOf(spanCount: number, valueSum: number): number | undefined {
    if (signal === 'count') return spanCount;
    return meanValue === undefined ? undefined : Math.max(0, Math.min(valueSum / meanValue, 8 * spanCount));
  }

  function learn({ live }: Moment, fromMs: number): void {
    const requests = live.sum('requestCount', fromMs, fromMs + msPerMinute);
    if (requests === 0) return;
    const seen = live.sum('valueSum', fromMs, fromMs + msPerMinute) / requests;
    if (seen > 0) meanValue = meanValue === undefined ? seen : meanValue + meanGain * (seen - meanValue);
  }

  function tell(moment: Moment, standing: Evidence): ReturnType<typeof tellFinding> {
    const { live, nowMs, usualRate, settledUntilMs } = moment;
    const fromMs = standing.startsAtMs ?? nowMs;
    const seconds = Math.max(1, (settledUntilMs - fromMs) / msPerSecond);
    const scale = signal === 'sum' ? (meanValue ?? 1) : 1;
    const amount = live.sum(signal === 'sum' ? 'valueSum' : 'requestCount', fromMs, settledUntilMs) / seconds;
    const { low = 0, high = 0 } = usualRate.at(nowMs) ?? {};
    return tellFinding(moment, {
      detector,
      evidence: standing,
      weight: 'trouble',
      because: `${String(round(amount))} a second, where ${String(round(low * scale))} to ${String(round(high * scale))} are usual`,
      numbers: { perSecond: round(amount), usualAtLeast: round(low * scale), usualAtMost: round(high * scale) },
    });
  }
}
