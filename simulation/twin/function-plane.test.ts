/**
 * The data plane against what queueing theory and Lambda's documents say of it.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { createRandom, type Random } from '../../core/random.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { admit, createFunctionPlane, setAllocated, type FunctionPlane } from './function-plane.ts';
import { defaultParams, type TwinParams } from './limits.ts';
import type { TwinFunction } from './twin-function.ts';

const spec: TwinFunction = {
  key: '123456789012/us-east-1/orders:live' as FunctionKey,
  version: '1',
  memoryMb: 1_024,
  architecture: 'arm64',
  initDurationMs: 800,
  runDurationMs: { p50: 100, p99: 400 },
};

let plane: FunctionPlane;
const create = (params: Partial<TwinParams> = {}): FunctionPlane =>
  createFunctionPlane(spec, { ...defaultParams, initSpread: 1, ...params }, createRandom(5));
beforeEach(() => {
  plane = create();
});

/** The share of arrivals that find all servers busy: Erlang's loss formula, by its recursion in the count of servers. */
function erlangLossRatio(offered: number, servers: number): number {
  let loss = 1;
  for (let count = 1; count <= servers; count++) loss = (offered * loss) / (count + offered * loss);
  return loss;
}

// Goal: requests spill exactly as often as Poisson arrivals find N servers busy, whatever the distribution of the service time.
// Method: 400,000 arrivals of mean 500 ms. Blocked arrivals cluster: one in a busy spell brings others, so that the variance of their count is
// up to (1 + 2A) times binomial; three such standard deviations are allowed.
describe('spillover of Poisson arrivals', () => {
  const meanMs = 500;
  const distributions: Record<string, (random: Random) => number> = {
    fixed: () => meanMs,
    exponential: (random) => meanMs * random.exponential(),
    'mostly short, some long': (random) => (random.next() < 0.9 ? meanMs / 2 : meanMs * 5.5),
  };
  it.each([
    ['fixed', 20, 25],
    ['exponential', 20, 25],
    ['mostly short, some long', 20, 25],
    ['exponential', 20, 32],
    ['exponential', 5, 3],
    ['fixed', 80, 90],
  ] as const)('of %s length, %i Erlang on %i', (shape, offered, servers) => {
    const random = createRandom(`${shape}/${offered}/${servers}`);
    const arrivalCount = 400_000;
    setAllocated(plane, servers, 0);
    let atMs = 0;
    for (let index = 0; index < arrivalCount; index++) {
      atMs += (random.exponential() * meanMs) / offered;
      admit(plane, atMs, distributions[shape]!(random), Infinity);
    }
    const expected = erlangLossRatio(offered, servers);
    const deviation = Math.sqrt((expected * (1 + 2 * offered)) / arrivalCount);
    expect(Math.abs(plane.spillover / arrivalCount - expected)).toBeLessThan(3 * deviation);
    expect(plane.requests).toBe(arrivalCount);
  });
});

/** `perSecond` arrivals evenly spaced over [fromMs, fromMs + lengthMs). */
function arrive(options: {
  readonly fromMs?: number;
  readonly lengthMs: number;
  readonly perSecond: number;
  readonly runMs: number;
  readonly onDemandMax?: number;
}): void {
  const { fromMs = 0, lengthMs, perSecond, runMs, onDemandMax = Infinity } = options;
  const count = Math.round((lengthMs * perSecond) / 1_000);
  for (let index = 0; index < count; index++) admit(plane, fromMs + (index * 1_000) / perSecond, runMs, onDemandMax);
}

describe('the rate of provisioned concurrency', () => {
  // 20 of them serve 200 requests a second however short, and one second's worth may be saved up.
  it.each([
    ['just inside', 200, 0],
    ['half above', 300, (300 - 200) * 60 - 200],
  ])('%s: 20 of them, 20 ms, %i a second for a minute', (_, perSecond, spilled) => {
    setAllocated(plane, 20, 0);
    arrive({ lengthMs: 60_000, perSecond, runMs: 20 });
    expect(Math.abs(plane.spillover - spilled)).toBeLessThanOrEqual(1);
  });

  it('does not bind requests longer than 100 ms: concurrency does', () => {
    setAllocated(plane, 20, 0);
    arrive({ lengthMs: 60_000, perSecond: 99, runMs: 200 });
    expect(plane.spillover).toBe(0);
  });

  it('grows and shrinks with what is allocated', () => {
    setAllocated(plane, 20, 0);
    arrive({ lengthMs: 10_000, perSecond: 200, runMs: 20 });
    setAllocated(plane, 40, 10_000);
    arrive({ fromMs: 10_000, lengthMs: 10_000, perSecond: 400, runMs: 20 });
    expect(plane.spillover).toBe(0);
    setAllocated(plane, 10, 20_000);
    arrive({ fromMs: 20_000, lengthMs: 10_000, perSecond: 400, runMs: 20 });
    expect(Math.abs(plane.spillover - (300 * 10 - 100))).toBeLessThanOrEqual(1);
  });
});

describe('provisioned environments', () => {
  it('serve from the instant at which they are allocated, without a cold start', () => {
    setAllocated(plane, 2, 1_000);
    admit(plane, 1_000, 100, Infinity);
    admit(plane, 1_000, 100, Infinity);
    admit(plane, 1_000, 100, Infinity);
    expect(plane).toMatchObject({
      requests: 3,
      spillover: 1,
      coldStarts: 1,
      provisionedRunMs: 200,
      onDemandRunMs: 900,
    });
    expect(plane.durationMs.count).toBe(3);
    expect(plane.durationMs.quantile(1)).toBeCloseTo(900, -1);
  });

  it('are free again at the very end of a request', () => {
    setAllocated(plane, 1, 0);
    admit(plane, 0, 100, Infinity);
    admit(plane, 99.9, 100, Infinity);
    admit(plane, 100, 100, Infinity);
    expect(plane.spillover).toBe(1);
  });

  it('finish what they run when they are taken away, and do not come back as warm ones', () => {
    setAllocated(plane, 2, 0);
    admit(plane, 0, 1_000, Infinity);
    setAllocated(plane, 0, 500);
    admit(plane, 2_000, 100, Infinity);
    expect(plane).toMatchObject({ requests: 2, spillover: 0, coldStarts: 1, provisionedRunMs: 1_000 });
  });

  it('count no spillover where there are none', () => {
    arrive({ lengthMs: 10_000, perSecond: 50, runMs: 100 });
    expect(plane).toMatchObject({ requests: 500, spillover: 0 });
    expect(plane.coldStarts).toBeGreaterThan(0);
  });
});

describe('on-demand environments', () => {
  it.each([
    ['a moment before the keep-alive ends', -1, 1],
    ['when it ends', 0, 2],
  ])('are warm or gone %s', (_, beyondMs, coldStarts) => {
    admit(plane, 0, 100, Infinity);
    // Cold start 800 ms, run 100 ms, then idle.
    admit(plane, 900 + defaultParams.keepAliveMs + beyondMs, 100, Infinity);
    expect(plane.coldStarts).toBe(coldStarts);
  });

  it('are used newest first, so that the rest of a burst ages away', () => {
    for (let index = 0; index < 10; index++) admit(plane, 0, 100, Infinity);
    // One request a minute keeps one of the ten warm; the nine others are gone after the keep-alive.
    for (let minute = 1; minute <= 10; minute++) admit(plane, minute * 60_000, 100, Infinity);
    expect(plane.coldStarts).toBe(10);
    admit(plane, 10 * 60_000 + 1, 100, Infinity);
    expect(plane.coldStarts).toBe(11);
  });

  it('that served an overflow stay warm for the next one', () => {
    setAllocated(plane, 1, 0);
    for (const atMs of [0, 10_000, 20_000]) for (let index = 0; index < 4; index++) admit(plane, atMs, 100, Infinity);
    expect(plane).toMatchObject({ requests: 12, spillover: 9, coldStarts: 3 });
  });

  // The documented rate: a thousand at once, then a hundred a second, never more saved up than the thousand.
  it.each([
    ['a thousand at once', 0, 1_000, 0],
    ['one more', 0, 1_001, 1],
    ['fifteen hundred, five seconds after a thousand', 5_000, 1_500, 1_000],
    ['eleven hundred after a quiet hour: nothing accumulated', 3_600_000, 1_100, 100],
  ])('grow by %s', (_, afterMs, burst, throttles) => {
    if (afterMs > 0) for (let index = 0; index < 1_000; index++) admit(plane, 0, 1e9, Infinity);
    for (let index = 0; index < burst; index++) admit(plane, afterMs, 1e9, Infinity);
    expect(plane.throttles).toBe(throttles);
  });

  it.each([
    ['up to the limit', 50, 0],
    ['not beyond it', 51, 1],
  ])('run %s at once', (_, burst, throttles) => {
    for (let index = 0; index < burst; index++) admit(plane, 0, 100, 50);
    expect(plane.throttles).toBe(throttles);
    expect(plane.requests).toBe(burst - throttles);
    // Throttled requests have no duration, and those served free their place.
    expect(plane.durationMs.count).toBe(plane.requests);
    admit(plane, 1_000, 100, 50);
    expect(plane.throttles).toBe(throttles);
  });

  it('bill the initialisation with the run, in whole milliseconds', () => {
    admit(plane, 0, 99.2, Infinity);
    admit(plane, 5_000, 99.2, Infinity);
    expect(plane.onDemandRunMs).toBe(900 + 100);
  });
});
