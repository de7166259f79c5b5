import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { standardLevels, type Forecast } from '../core/forecast.ts';
import { createRandom } from '../core/random.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import { levelPathsOf } from './level-paths.ts';
import { createNowcast, type Nowcast } from './nowcast.ts';
import { releaseAtMs, sampleDemand } from './sample.ts';

/** About where the normal deviates of the standard levels lie: logistic ones, of which 0.95 is at 1.65. */
const deviates = standardLevels.map((level) => Math.log(level / (1 - level)) * 0.56);
const fromMs = releaseAtMs - 60 * msPerMinute;

/** Log-normal about the sample's demand: 12 % before the release, 30 % after it. */
function forecastAt(times = 1): Forecast {
  const requestCount = Array.from({ length: 240 }, (_, minute) => {
    const atMs = fromMs + minute * msPerMinute;
    const spread = atMs < releaseAtMs ? 0.12 : 0.3;
    return deviates.map((deviate) => 60 * times * sampleDemand(atMs) * Math.exp(spread * deviate));
  });
  const key = '123456789012/us-east-1/orders-validate:live' as FunctionKey;
  return {
    key,
    issuedAtMs: fromMs,
    model: 'sample',
    fromMs,
    stepMs: msPerMinute,
    levels: standardLevels,
    requestCount,
  };
}

interface Counting {
  readonly fromMs: EpochMs;
  readonly seconds: number;
  readonly times?: (second: number) => number;
  readonly countOf?: (mean: number) => number;
}

function countInto(nowcast: Nowcast, { fromMs: startMs, seconds, times = () => 1, countOf = (x) => x }: Counting) {
  for (let second = 0; second < seconds; second++) {
    const atMs = startMs + second * msPerSecond;
    const requestCount = countOf(sampleDemand(atMs) * times(second));
    nowcast.hear({ atMs, lengthMs: msPerSecond, requestCount });
  }
}

function begin(): Nowcast {
  const nowcast = createNowcast();
  nowcast.expect(forecastAt(), [releaseAtMs]);
  return nowcast;
}

/** The median of a minute after the release, over what the forecast has there. */
function medianAt(nowcast: Nowcast, nowMs: EpochMs, minute: number): number {
  const place = 60 + minute;
  const level = standardLevels.indexOf(0.5);
  return nowcast.forecast(nowMs)!.requestCount[place]![level]! / forecastAt().requestCount[place]![level]!;
}

/** A quarter more than the 0.95 quantile of the first minute. */
const muchPerSecond = 1.25 * sampleDemand(releaseAtMs) * Math.exp(0.3 * 1.65);

describe('an event of three times its size', () => {
  it.each([
    ['without any count before', 0],
    ['after ten minutes as foretold', 600],
  ])('is believed within five seconds, %s', (_, before) => {
    const nowcast = begin();
    countInto(nowcast, { fromMs: releaseAtMs - before * msPerSecond, seconds: before });
    countInto(nowcast, { fromMs: releaseAtMs, seconds: 5, times: () => 3 });
    const nowMs = releaseAtMs + 5 * msPerSecond;
    expect(nowcast.ratioAbove(muchPerSecond, nowMs)).toBeGreaterThan(0.95);
    // For good at first, and half of it after a half-life: back to what was foretold in the end.
    const medians = [0, 5, 60, 170].map((minute) => medianAt(nowcast, nowMs, minute));
    expect(medians[0]).toBeCloseTo(3, 0);
    expect(medians[1]).toBeCloseTo(3, 0);
    expect(medians[2]).toBeLessThan(1.3);
    expect(medians[3]).toBeCloseTo(1, 1);
    expect(medians).toEqual(medians.toSorted((one, other) => other - one));
  });

  it('is believed after two minutes where only minutes are counted', () => {
    const nowcast = begin();
    for (const minute of [0, 1]) {
      const atMs = releaseAtMs + minute * msPerMinute;
      nowcast.hear({ atMs, lengthMs: msPerMinute, requestCount: 3 * 60 * sampleDemand(atMs) });
    }
    expect(nowcast.ratioAbove(muchPerSecond, releaseAtMs + 2 * msPerMinute)).toBeGreaterThan(0.95);
  });
});

// Goal: what has not lasted is not believed in. Method: how sure it is that far more comes than was foretold, at its surest.
it.each([
  ['a second of ten times as much', (second: number) => (second === 3 ? 10 : 1), 0.1],
  ['the very first second of ten times as much', (second: number) => (second === 0 ? 10 : 1), 0.1],
  ['such a second now and then', (second: number) => (second % 4 === 3 ? 10 : 1), 0.1],
  ['three of them one after the other', (second: number) => (second > 2 && second < 6 ? 10 : 1), 0.9],
])('%s is no surge', (_, times, most) => {
  const nowcast = begin();
  let surest = 0;
  for (let second = 0; second < 30; second++) {
    const atMs = releaseAtMs + second * msPerSecond;
    countInto(nowcast, { fromMs: atMs, seconds: 1, times: () => times(second) });
    surest = Math.max(surest, nowcast.ratioAbove(muchPerSecond, atMs + msPerSecond));
  }
  expect(surest).toBeLessThan(most);
  expect(nowcast.ratioAbove(muchPerSecond, releaseAtMs + 30 * msPerSecond)).toBeLessThan(0.01);
});

// Batches of thirteen scatter thirteen times as much as single requests.
it('does not take bursts for surges', () => {
  const random = createRandom(3);
  const nowcast = begin();
  let surest = 0;
  for (let second = -1_200; second < 1_200; second++) {
    const atMs = releaseAtMs + second * msPerSecond;
    countInto(nowcast, { fromMs: atMs, seconds: 1, countOf: (mean) => 13 * random.poisson(mean / 13) });
    const nowMs = atMs + msPerSecond;
    const often = 1.25 * sampleDemand(nowMs) * Math.exp((nowMs < releaseAtMs ? 0.12 : 0.3) * 1.65);
    surest = Math.max(surest, nowcast.ratioAbove(often, nowMs));
  }
  expect(surest).toBeLessThan(0.5);
});

it('takes what comes without an event for as lasting as it has lasted', () => {
  const nowcast = begin();
  const startMs = releaseAtMs - 50 * msPerMinute;
  const inTenMinutes = (seconds: number): number => {
    const nowMs = startMs + seconds * msPerSecond;
    return medianAt(nowcast, nowMs, -50 + seconds / 60 + 10);
  };
  countInto(nowcast, { fromMs: startMs, seconds: 60, times: () => 4 });
  expect(inTenMinutes(60)).toBeLessThan(1.1);
  countInto(nowcast, { fromMs: startMs + msPerMinute, seconds: 1_140, times: () => 4 });
  expect(inTenMinutes(1_200)).toBeGreaterThan(3);
});

describe('what is known', () => {
  it('stays the level that it is when another forecast is taken over', () => {
    const nowcast = begin();
    countInto(nowcast, { fromMs: releaseAtMs, seconds: 20, times: () => 3 });
    const nowMs = releaseAtMs + 20 * msPerSecond;
    const before = medianAt(nowcast, nowMs, 0);
    nowcast.expect(forecastAt(1.6), [releaseAtMs]);
    // Paths lie a seventh apart.
    expect(Math.abs(medianAt(nowcast, nowMs, 0) / before - 1)).toBeLessThan(0.1);
    // And where it returns to is the new one.
    expect(medianAt(nowcast, nowMs, 170)).toBeCloseTo(1.6, 1);
  });

  it.each([
    ['late', releaseAtMs + 10 * msPerSecond],
    ['beyond the forecast', releaseAtMs + 240 * msPerMinute],
    ['before it', fromMs - msPerMinute],
  ])('is not moved by a count that comes %s', (_, atMs) => {
    const nowcast = begin();
    countInto(nowcast, { fromMs: releaseAtMs, seconds: 20 });
    const before = nowcast.forecast(releaseAtMs + msPerMinute);
    nowcast.hear({ atMs, lengthMs: msPerSecond, requestCount: 1e6 });
    expect(nowcast.forecast(releaseAtMs + msPerMinute)).toEqual(before);
  });
});

it('reads as the forecast itself where nothing was counted, whatever its levels', () => {
  const anyPath = fc
    .record({
      levels: fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 8 }),
      gaps: fc.array(fc.double({ min: 0, max: 1e4, noNaN: true }), { minLength: 8, maxLength: 8 }),
    })
    .map(({ levels, gaps }) => {
      let sum = 0;
      const quantiles = levels.map((_, index) => (sum += gaps[index]!));
      const ascending = levels.toSorted((one, other) => one - other).map((level) => level / 1_000);
      return { fromMs, stepMs: msPerMinute, levels: ascending, requestCount: [quantiles] };
    });
  fc.assert(
    fc.property(anyPath, (path) => {
      const paths = levelPathsOf(path);
      const read = paths.quantilesIn(0, paths.weights);
      for (const [index, value] of read.entries())
        expect(Math.abs(value - path.requestCount[0]![index]!)).toBeLessThan(1e-6 * (1 + value));
    }),
  );
});

it('gives levels that never cross, whatever is counted', () => {
  const counts = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(counts, (heard) => {
      const nowcast = begin();
      for (const [second, requestCount] of heard.entries())
        nowcast.hear({ atMs: releaseAtMs + second * msPerSecond, lengthMs: msPerSecond, requestCount });
      const { requestCount } = nowcast.forecast(releaseAtMs + heard.length * msPerSecond)!;
      const crossings = requestCount.filter((quantiles) =>
        quantiles.some((value, index) => value < (quantiles[index - 1] ?? 0) * (1 - 1e-9)),
      );
      expect(crossings).toEqual([]);
    }),
    { numRuns: 50 },
  );
});
