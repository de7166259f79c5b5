/**
 * What humans expect, as a floor under the model: history knows no tariff speech, no campaign and no listing. The floor lifts every level of the forecast, for
 * the functions of the group that is named; it never lowers one, and everything after it (limits, prices, gate) is as for any other demand.
 */
import type { Forecast } from '../core/forecast.ts';
import type { Expectation, MarketEvent } from '../core/market-event.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { NotReady } from '../models/model.ts';

export interface ExpectedFloorOptions {
  readonly events: readonly MarketEvent[];
  /** The function's. */
  readonly group: string | undefined;
  /**
   * The same demand without any event, in requests: what "times the usual" multiplies. Asked only when somebody expects a lift. Its median is taken.
   */
  readonly usual: () => Forecast | NotReady;
}

/**
 * The forecast, at least as high as expected over [event, event + minutes), and named after what lifted it. A bucket that is partly inside is lifted
 * whole. Where the usual is not known, a lift of it means nothing, and the forecast stays.
 */
export function withExpectedFloor<Answer extends Forecast | NotReady>(
  forecast: Answer,
  { events, group, usual }: ExpectedFloorOptions,
): Answer {
  if ('notReady' in forecast) return forecast;
  const { fromMs, stepMs, requestCount } = forecast;
  const endMs = fromMs + requestCount.length * stepMs;
  const expected = events.filter((event): event is ExpectedEvent => {
    if (event.expect === undefined || event.expect.group !== group || event.status !== 'scheduled') return false;
    return event.precision === 'minute' && event.startsAtMs < endMs && untilMsOf(event, event.expect) > fromMs;
  });
  if (expected.length === 0) return forecast;
  const usualAt = expected.some(({ expect }) => 'lift' in expect) ? medianOf(usual()) : () => undefined;
  const lifting = new Set<ExpectedEvent>();
  const lifted = requestCount.map((quantiles, index) => {
    const bucketAtMs = fromMs + index * stepMs;
    let floor = 0;
    for (const event of expected) {
      if (event.startsAtMs >= bucketAtMs + stepMs || untilMsOf(event, event.expect) <= bucketAtMs) continue;
      const count = countOf(event.expect, { stepMs, usualCount: usualAt(bucketAtMs) });
      if (count > (quantiles[0] ?? 0)) lifting.add(event);
      floor = Math.max(floor, count);
    }
    return floor > (quantiles[0] ?? 0) ? quantiles.map((count) => Math.max(count, floor)) : quantiles;
  });
  if (lifting.size === 0) return forecast;
  const names = [...lifting].map(({ id, expect }) => `${tellExpectation(expect)} for ${id}`);
  return { ...forecast, requestCount: lifted, model: `${forecast.model}, at least ${names.join(', ')}` };
}

type ExpectedEvent = MarketEvent & { readonly expect: Expectation };

/** `4 times the usual for 45 min` */
export function tellExpectation(expect: Expectation): string {
  const what = 'lift' in expect ? `${expect.lift} times the usual` : `${expect.requestsPerSecond} requests/s`;
  return `${what} for ${expect.minutes} min`;
}

function untilMsOf({ startsAtMs }: MarketEvent, { minutes }: Expectation): EpochMs {
  return startsAtMs + minutes * msPerMinute;
}

function countOf(
  expect: Expectation,
  { stepMs, usualCount }: { readonly stepMs: number; readonly usualCount: number | undefined },
): number {
  return 'lift' in expect ? expect.lift * (usualCount ?? 0) : expect.requestsPerSecond * (stepMs / msPerSecond);
}

/** The level nearest to a half, at the bucket of an instant; undefined beyond the forecast. */
function medianOf(usual: Forecast | NotReady): (atMs: EpochMs) => number | undefined {
  if ('notReady' in usual) return () => undefined;
  const { fromMs, stepMs, levels, requestCount } = usual;
  const nearest = levels.reduce((best, level, index) => {
    return Math.abs(level - 0.5) < Math.abs(levels[best]! - 0.5) ? index : best;
  }, 0);
  return (atMs) => requestCount[Math.floor((atMs - fromMs) / stepMs)]?.[nearest];
}
