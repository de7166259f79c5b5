/** A plain morning for tests: one release, flat demand that quintuples at it and then decays. Everything can be replaced. */
import type { Forecast } from '../core/forecast.ts';
import type { FunctionSpec, Prices } from '../core/function-spec.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { functionKeyOf } from '../core/series-key.ts';
import { msPerHour, msPerMinute, type EpochMs } from '../core/time.ts';
import { documentedLead } from './event-window.ts';
import { standardPolicy, type PlanInput } from './planner.ts';

export const releaseAtMs = Date.UTC(2026, 10, 6, 13, 30);
export const morningMs = releaseAtMs - 2 * msPerHour;

export const samplePrices: Prices = {
  asOf: '2026-11-20',
  region: 'us-east-1',
  usdPerGbSecond: {
    x86_64: { onDemand: 0.000_016_666_7, provisioned: 0.000_004_166_7, provisionedDuration: 0.000_009_722_2 },
    arm64: { onDemand: 0.000_013_333_4, provisioned: 0.000_003_333_4, provisionedDuration: 0.000_007_777_8 },
  },
  usdPerRequest: 0.000_000_2,
};

export function sampleSpec(changes: Partial<FunctionSpec> & { readonly name?: string } = {}): FunctionSpec {
  const { name = 'orders-validate', ...rest } = changes;
  return {
    key: functionKeyOf({ accountId: '123456789012', region: 'us-east-1', functionName: name, alias: 'live' }),
    memoryMb: 1024,
    architecture: 'x86_64',
    initDurationMs: 800,
    runDurationMs: { p50: 120, p99: 120 },
    spillTarget: { kind: 'spilloverRatioMax', ratio: 0.001 },
    concurrencyFloor: 0,
    concurrencyCeiling: 100_000,
    mode: 'shadow',
    ...rest,
  };
}

export function sampleEvent(changes: Partial<MarketEvent> = {}): MarketEvent {
  return {
    id: 'nfp@2026-11-06T13:30:00Z',
    kind: 'nfp',
    title: 'Employment Situation',
    startsAtMs: releaseAtMs,
    precision: 'minute',
    importance: 3,
    symbols: [],
    status: 'scheduled',
    source: { calendar: 'sample', says: 'made up' },
    ...changes,
  };
}

/** Requests a second at an instant: 60, then 300 at the release, halving every 20 minutes back to 60. */
export function sampleDemand(atMs: EpochMs): number {
  const minutes = (atMs - releaseAtMs) / msPerMinute;
  return minutes < 0 ? 60 : 60 + 240 * 0.5 ** Math.floor(minutes / 20);
}

/** Levels 0.5 and 0.95, the upper half as much again. */
export function sampleForecast(
  spec: FunctionSpec,
  options: {
    readonly fromMs?: EpochMs;
    readonly untilMs?: EpochMs;
    readonly stepMs?: number;
    readonly requestsPerSecond?: (atMs: EpochMs) => number;
  } = {},
): Forecast {
  const { fromMs = morningMs, untilMs = morningMs + 6 * msPerHour, stepMs = msPerMinute } = options;
  const { requestsPerSecond = sampleDemand } = options;
  const requestCount = Array.from({ length: (untilMs - fromMs) / stepMs }, (_, step) => {
    const median = (requestsPerSecond(fromMs + step * stepMs) * stepMs) / 1000;
    return [median, 1.5 * median];
  });
  return { key: spec.key, issuedAtMs: fromMs, model: 'sample', fromMs, stepMs, levels: [0.5, 0.95], requestCount };
}

export function sampleInput(specs: readonly FunctionSpec[], changes: Partial<PlanInput> = {}): PlanInput {
  return {
    nowMs: morningMs,
    untilMs: morningMs + 6 * msPerHour,
    functions: specs.map((spec) => ({ spec, forecast: sampleForecast(spec), symbols: [] })),
    events: [sampleEvent()],
    limits: { concurrencyMax: 100_000, usdPerHourMax: 10_000, usdPerEventMax: 10_000 },
    prices: samplePrices,
    account: { concurrencyLimit: 100_000, unreservedConcurrency: 100_000, otherProvisioned: 0 },
    lead: documentedLead,
    // Windows are looked at without what is kept after them; keep.test.ts looks at that.
    policy: { ...standardPolicy, importanceMin: 1, keepWhilePaying: false },
    ...changes,
  };
}
