/**
 * Evidence that more, or less, comes than expected: what `throughput`, `telemetry-lost`, `cost-rate` and counting signals share.
 *
 * A second's count against a bound of the rate is the Poisson likelihood ratio to the power 1/burstiness (variance over mean, learned: real calls come in
 * bursts of 1 to 13). The bound is where the forecast's quantiles end, carried on to four standard deviations: a minute in forty lies beyond the 97.5 %
 * quantile, and a month has 43,200.
 */
import { msPerMinute, type EpochMs } from '../core/time.ts';
import type { ExpectedRate, Moment } from './moment.ts';
import type { RateBounds } from './usual-rate.ts';

const boundSpreads = 4;
const spreadMin = 0.08;
const lullTimes = 0.4;
const lullMs = 5 * msPerMinute;

/** Of the event-conditioned forecast where there is one, else of what is usual; undefined where neither can tell. */
export function boundsOf(moment: Moment, atMs: EpochMs): RateBounds | undefined {
  const expected = moment.expectedAt(atMs);
  return (expected && boundsOfForecast(expected)) ?? moment.usualRate.at(atMs);
}

/**
 * What is to come at the least. Around an event it is less than the forecast's low bound: people hold still before a release, to about half (BIS Working
 * Paper 1079), and a surge that comes late, or not at all, harms nobody, so that until it has come, no more is missed than came before it.
 */
export function lowBoundOf(moment: Moment, low: number): number {
  let least = low;
  for (const { startsAtMs } of moment.events) {
    const before = boundsOf(moment, startsAtMs - lullMs);
    if (before && before.low < least) least = before.low;
  }
  return moment.events.length > 0 ? lullTimes * least : least;
}

function boundsOfForecast({ levels, requestsPerSecond }: ExpectedRate): RateBounds | undefined {
  const middle = rateAt(0.5);
  const low = rateAt(0.025);
  const high = rateAt(0.975);
  if (middle === undefined || low === undefined || high === undefined || middle <= 0) return undefined;
  // 1.96 standard deviations lie between the median and these quantiles.
  const spreadOf = (ratio: number): number => Math.max(spreadMin, Math.log(ratio) / 1.96);
  return {
    low: middle * Math.exp(-boundSpreads * spreadOf(middle / Math.max(low, middle / 100))),
    middle,
    high: middle * Math.exp(boundSpreads * spreadOf(high / middle)),
  };

  /** The level at or beyond the one wanted, towards the tail. */
  function rateAt(level: number): number | undefined {
    const place =
      level < 0.5
        ? levels.findLastIndex((each) => each <= level + 1e-9)
        : levels.findIndex((each) => each >= level - 1e-9);
    return requestsPerSecond[place];
  }
}

/** log of the Poisson likelihood ratio of `rate` over `bound`, of `count` in one second. */
export function logPoissonRatio(count: number, rate: number, bound: number): number {
  return (count === 0 ? 0 : count * Math.log(rate / bound)) - (rate - bound);
}
