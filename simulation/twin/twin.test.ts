/**
 * The whole twin: two planes under one clock, many functions in one account.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/random.ts';
import { parseFunctionKey, type FunctionKey } from '../../core/series-key.ts';
import { createVirtualClock, type VirtualClock } from '../../core/virtual-clock.ts';
import { createArrivalSource, type Arrivals } from './arrivals.ts';
import { countersBetween, type Counters } from './counters.ts';
import type { TwinParams } from './limits.ts';
import type { MinuteCount } from './minute-counter.ts';
import { createTwin, type Twin } from './twin.ts';
import type { TwinFunction } from './twin-function.ts';

const named = (name: string, more: Partial<TwinFunction> = {}): TwinFunction => ({
  key: `123456789012/us-east-1/${name}:live` as FunctionKey,
  version: '1',
  memoryMb: 2_048,
  architecture: 'x86_64',
  initDurationMs: 800,
  runDurationMs: { p50: 100, p99: 400 },
  ...more,
});
const minute = 60_000;

interface Stage {
  readonly clock: VirtualClock;
  readonly twin: Twin;
  readonly minutes: MinuteCount[];
}

function stage(functions: readonly TwinFunction[], params: Partial<TwinParams> = {}, startMs = 0): Stage {
  const clock = createVirtualClock(startMs);
  const minutes: MinuteCount[] = [];
  const onMinute = (count: MinuteCount): number => minutes.push(count);
  return { clock, twin: createTwin({ functions, seed: 42, clock, params, onMinute }), minutes };
}

function put({ twin }: Stage, { key }: TwinFunction, concurrency: number): number {
  const target = `/2019-09-30/functions/${parseFunctionKey(key)!.functionName}/provisioned-concurrency?Qualifier=live`;
  const body = JSON.stringify({ ProvisionedConcurrentExecutions: concurrency });
  return concurrency === 0
    ? twin.handle({ method: 'DELETE', target, body: '' }).status
    : twin.handle({ method: 'PUT', target, body }).status;
}

/** A quarter of an hour of arrivals for each function, of its own stream. */
function quarterHour(functions: readonly TwinFunction[], perSecond: number): Map<FunctionKey, Arrivals[]> {
  return new Map(
    functions.map(({ key, runDurationMs }) => {
      const source = createArrivalSource({ random: createRandom(key), runDurationMs, burstiness: 4 });
      const draw = (index: number): Arrivals =>
        source.draw({ fromMs: index * minute, lengthMs: minute, count: perSecond * 60 });
      return [key, Array.from({ length: 15 }, (_, index) => draw(index))];
    }),
  );
}

function feedAll({ twin }: Stage, arrivals: ReadonlyMap<FunctionKey, readonly Arrivals[]>): void {
  for (const [key, batches] of arrivals) for (const batch of batches) twin.feed(key, batch);
}

/** What can be compared of counters: the histogram as its buckets. */
const plain = ({ durationMs, ...counts }: Counters): object => ({ ...counts, buckets: [...durationMs.buckets] });

describe('capacity', () => {
  it('serves from the instant of READY on, and is paid for from the Put', () => {
    const orders = named('orders');
    const on = stage([orders]);
    feedAll(on, quarterHour([orders], 20));
    on.clock.advanceTo(5 * minute);
    expect(on.twin.countersOf(orders.key)).toMatchObject({ requests: 6_000, spillover: 0, provisionedUsd: 0 });
    expect(put(on, orders, 40)).toBe(202);
    // The first five minutes are owed from the first instant on.
    expect(on.twin.countersOf(orders.key).provisionedUsd).toBeCloseTo(40 * 2 * 300 * 0.0000041667, 9);
    on.clock.advanceTo(8 * minute);
    const atReady = on.twin.countersOf(orders.key);
    on.clock.advanceTo(12 * minute);
    const after = countersBetween(atReady, on.twin.countersOf(orders.key));
    expect(after).toMatchObject({ requests: 4_800, spillover: 0, coldStarts: 0, throttles: 0, onDemandUsd: 0 });
    // 40 environments of 2 GB, seven minutes rounded up to ten.
    expect(on.twin.countersOf(orders.key).provisionedUsd).toBeCloseTo(40 * 2 * 600 * 0.0000041667, 9);
    put(on, orders, 0);
    on.clock.advanceTo(15 * minute);
    expect(on.twin.countersOf(orders.key)).toMatchObject({ requests: 18_000, throttles: 0 });
    expect(on.twin.countersOf(orders.key).provisionedUsd).toBeCloseTo(40 * 2 * 600 * 0.0000041667, 9);
  });

  it('of one function is taken from what the others can run on demand', () => {
    const [a, b] = [named('a'), named('b')];
    const on = stage([a, b], { accountConcurrency: 200 });
    const burst = (fromMs: number): Arrivals => ({
      atMs: new Float64Array(150).fill(fromMs),
      runMs: new Float64Array(150).fill(100),
    });
    on.twin.feed(b.key, burst(minute));
    on.clock.advanceTo(2 * minute);
    expect(on.twin.countersOf(b.key).throttles).toBe(0);
    put(on, a, 90);
    on.twin.feed(b.key, burst(3 * minute));
    on.clock.advanceTo(4 * minute);
    expect(on.twin.countersOf(b.key).throttles).toBe(40);
  });

  it('of a function with a reservation comes out of the reservation', () => {
    const reserved = named('a', { reservedConcurrency: 50 });
    const on = stage([reserved], { accountConcurrency: 200 });
    put(on, reserved, 30);
    on.clock.advanceTo(3 * minute);
    const burst = { atMs: new Float64Array(60).fill(3 * minute), runMs: new Float64Array(60).fill(100) };
    on.twin.feed(reserved.key, burst);
    on.clock.advanceTo(4 * minute);
    expect(on.twin.countersOf(reserved.key)).toMatchObject({ requests: 50, spillover: 20, throttles: 10 });
  });
});

describe('the same arrivals', () => {
  const three = [
    named('a'),
    named('b', { runDurationMs: { p50: 300, p99: 900 } }),
    named('c', { reservedConcurrency: 20 }),
  ];
  const arrivals = quarterHour(three, 60);

  /** Runs the quarter of an hour, the clock going in steps of a length that divides five minutes, with a Put after the first five. */
  function run(stepMs: number, concurrency: number): Map<FunctionKey, object> {
    // 60 a second for 100 ms and for 300 ms offer about 7 and 22 busy: with the Put, 28 are too few in a burst.
    const on = stage(three, { accountConcurrency: 45, unreservedConcurrencyMin: 0 });
    feedAll(on, arrivals);
    while (on.clock.nowMs() < 15 * minute) {
      on.clock.advanceTo(on.clock.nowMs() + stepMs);
      on.twin.advance();
      if (concurrency > 0 && on.clock.nowMs() === 5 * minute) expect(put(on, three[0]!, concurrency)).toBe(202);
    }
    return new Map(three.map(({ key }) => [key, plain(on.twin.countersOf(key))]));
  }

  it('give the same numbers however the clock is stepped, also where the account is short', () => {
    const reference = run(5 * minute, 5);
    const [a, b, c] = [...reference.values()] as Record<string, number>[];
    for (const counters of [a, b, c]) expect(counters!['throttles']).toBeGreaterThan(0);
    expect(a!['spillover']).toBeGreaterThan(0);
    const stepMs = fc.constantFrom(15, 50, 250, 1_000, 4_000, 60_000, 100_000);
    const check = fc.property(stepMs, (ms) => {
      expect(run(ms, 5)).toEqual(reference);
    });
    fc.assert(check, { numRuns: 4, seed: 1 });
  });

  it('come to the same requests with capacity and without', () => {
    const arrived = (counters: object | undefined): number => {
      const { requests, throttles } = counters as Counters;
      return requests + throttles;
    };
    const [withIt, without] = [run(minute, 5), run(minute, 0)];
    for (const { key } of three) expect(arrived(withIt.get(key))).toBe(arrived(without.get(key)));
  });

  it('of one function are served alike whether or not another function exists', () => {
    const alone = stage([three[0]!]);
    const among = stage([named('z'), three[0]!, three[1]!]);
    for (const on of [alone, among]) {
      for (const batch of arrivals.get(three[0]!.key)!) on.twin.feed(three[0]!.key, batch);
      put(on, three[0]!, 5);
      on.clock.advanceTo(15 * minute);
    }
    expect(plain(among.twin.countersOf(three[0]!.key))).toEqual(plain(alone.twin.countersOf(three[0]!.key)));
  });
});

interface Environment {
  readonly index: number;
  readonly isProvisioned: boolean;
  freeAtMs: number;
}

interface Naive {
  readonly arrivals: readonly (readonly number[])[];
  readonly runMs: number;
  readonly provisioned: number;
  readonly poolMax: number;
  readonly keepAliveMs: number;
}

/** The rules read out loud: every environment an object, every question a search through all of them. */
function serveNaively({ arrivals, runMs, provisioned, poolMax, keepAliveMs }: Naive): object[] {
  const totals = arrivals.map(() => ({ requests: 0, spillover: 0, throttles: 0, coldStarts: 0 }));
  const warm = (index: number, isProvisioned: boolean): Environment => ({ index, isProvisioned, freeAtMs: -Infinity });
  const environments = Array.from({ length: provisioned }, () => warm(0, true));
  const inOrder = arrivals.flatMap((own, index) => own.map((atMs) => ({ atMs, index })));
  inOrder.sort((a, b) => a.atMs - b.atMs || a.index - b.index);
  for (const { atMs, index } of inOrder) {
    const total = totals[index]!;
    const own = environments.filter((environment) => environment.index === index && environment.freeAtMs <= atMs);
    const standing = own.find(({ isProvisioned }) => isProvisioned);
    if (standing) {
      standing.freeAtMs = atMs + runMs;
      total.requests++;
      continue;
    }
    if (environments.filter(({ isProvisioned, freeAtMs }) => !isProvisioned && freeAtMs > atMs).length >= poolMax) {
      total.throttles++;
      continue;
    }
    const [newest] = own
      .filter(({ freeAtMs }) => atMs - freeAtMs < keepAliveMs)
      .sort((a, b) => b.freeAtMs - a.freeAtMs);
    const used = newest ?? warm(index, false);
    if (!newest) {
      environments.push(used);
      total.coldStarts++;
    }
    used.freeAtMs = atMs + runMs + (newest ? 0 : 800);
    total.requests++;
    if (index === 0 && provisioned > 0) total.spillover++;
  }
  return totals;
}

// Goal: heaps, rings and stretches of time give what the plain rules give.
it('serves as a naive reading of the rules does', () => {
  const fromMs = 3 * minute;
  const atMs = fc.array(fc.integer({ min: fromMs, max: fromMs + 4_000 }), { maxLength: 40 });
  const world = fc.record({
    arrivals: fc.tuple(atMs, atMs, atMs).map((all) => all.map((own) => own.toSorted((a, b) => a - b))),
    runMs: fc.integer({ min: 20, max: 500 }),
    provisioned: fc.integer({ min: 0, max: 3 }),
    poolMax: fc.integer({ min: 1, max: 12 }),
    keepAliveMs: fc.integer({ min: 200, max: 3_000 }),
  });
  const check = fc.property(world, (naive) => {
    const { arrivals, runMs, provisioned, poolMax, keepAliveMs } = naive;
    const functions = ['a', 'b', 'c'].map((name) => named(name));
    const on = stage(functions, {
      accountConcurrency: poolMax + provisioned,
      unreservedConcurrencyMin: 0,
      requestsPerSecondPerConcurrency: 1e6,
      initSpread: 1,
      keepAliveMs,
    });
    if (provisioned > 0) put(on, functions[0]!, provisioned);
    arrivals.forEach((own, index) => {
      on.twin.feed(functions[index]!.key, {
        atMs: Float64Array.from(own),
        runMs: new Float64Array(own.length).fill(runMs),
      });
    });
    on.clock.advanceTo(fromMs + 5_000);
    functions.forEach(({ key }, index) => {
      expect(on.twin.countersOf(key)).toMatchObject(serveNaively(naive)[index]!);
    });
  });
  fc.assert(check, { numRuns: 200, seed: 20_260_904 });
});

describe('counters', () => {
  const orders = named('orders');

  it('start anew after a warm-up, with its environments standing', () => {
    const on = stage([orders]);
    feedAll(on, quarterHour([orders], 50));
    on.clock.advanceTo(10 * minute);
    expect(on.twin.countersOf(orders.key).coldStarts).toBeGreaterThan(10);
    on.twin.resetCounters();
    expect(on.twin.countersOf(orders.key)).toMatchObject({ requests: 0, coldStarts: 0, requestUsd: 0, onDemandUsd: 0 });
    on.clock.advanceTo(11 * minute);
    const { requests, coldStarts, durationMs, requestUsd } = on.twin.countersOf(orders.key);
    expect([requests, durationMs.count]).toEqual([3_000, 3_000]);
    expect(coldStarts).toBeLessThan(3);
    expect(requestUsd).toBeCloseTo(3_000 * 0.2e-6, 12);
  });

  it('of two stretches add up to those of both', () => {
    const on = stage([orders]);
    feedAll(on, quarterHour([orders], 50));
    put(on, orders, 5);
    const readings = [4, 9, 13].map((at) => {
      on.clock.advanceTo(at * minute);
      return on.twin.countersOf(orders.key);
    });
    const [first, second, third] = readings as [Counters, Counters, Counters];
    const [early, late, both] = [
      countersBetween(first, second),
      countersBetween(second, third),
      countersBetween(first, third),
    ];
    early.durationMs.merge(late.durationMs);
    expect([...early.durationMs.buckets]).toEqual([...both.durationMs.buckets]);
    expect(early.spillover + late.spillover).toBe(both.spillover);
    expect(early.provisionedUsd + late.provisionedUsd).toBeCloseTo(both.provisionedUsd, 12);
    expect(both.spillover).toBeGreaterThan(0);
  });
});

describe('minutes', () => {
  it('are counted as they arrive, throttled or not, empty ones too', () => {
    const orders = named('orders', { reservedConcurrency: 0 });
    const on = stage([orders, named('idle')]);
    on.twin.feed(orders.key, {
      atMs: Float64Array.of(0, 59_999.9, 60_000, 180_000),
      runMs: new Float64Array(4).fill(100),
    });
    on.clock.advanceTo(4 * minute - 1);
    on.twin.advance();
    const counted = (key: FunctionKey) =>
      on.minutes.filter((count) => count.key === key).map(({ arrivalCount }) => arrivalCount);
    expect(counted(orders.key)).toEqual([2, 1, 0]);
    expect(counted(named('idle').key)).toEqual([0, 0, 0]);
    expect(on.minutes.map(({ startsAtMs }) => startsAtMs)).toEqual([0, 0, minute, minute, 2 * minute, 2 * minute]);
  });

  it('are not told of when the twin saw only a part', () => {
    const on = stage([named('orders')], {}, 90_000);
    on.clock.advanceTo(3 * minute);
    on.twin.advance();
    expect(on.minutes.map(({ startsAtMs }) => startsAtMs)).toEqual([2 * minute]);
  });
});

it('refuses arrivals from the past and out of order', () => {
  const orders = named('orders');
  const on = stage([orders]);
  const at = (...atMs: number[]): Arrivals => ({
    atMs: Float64Array.from(atMs),
    runMs: new Float64Array(atMs.length).fill(1),
  });
  on.clock.advanceTo(minute);
  on.twin.advance();
  expect(() => on.twin.feed(orders.key, at(minute - 1))).toThrow('before they are due');
  on.twin.feed(orders.key, at(minute, minute + 5));
  expect(() => on.twin.feed(orders.key, at(minute + 4))).toThrow('in time order');
  on.twin.feed(orders.key, at(minute + 5));
});
