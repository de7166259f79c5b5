import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf } from '../core/histogram.ts';
import { createRandom } from '../core/random.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';
import { packDeltas, sumOf, thinDeltas, unpackDeltas } from './packed-deltas.ts';
import { createSpanKeys, noSpanKeys, type SpanKeys } from './span-keys.ts';

const second = 1_790_000_000_000;

const plain: WindowDelta = {
  ...{ key: 'service:orders', secondAtMs: second, sender: 'local', spanCount: 3, requestCount: 3, errorCount: 0 },
  ...{ throttleCount: 0, coldStartCount: 0, provisionedInitCount: 0, deadLetterCount: 0 },
  ...{ durationMs: [800, 3], valueSum: 90, examples: { slowest: [], failed: [] } },
};

const count = fc.oneof(fc.nat(5_000), fc.double({ min: 0, max: 1e300, noNaN: true }));
const histogram = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), count), { maxLength: 8 }).map((steps) => {
  let place = 0;
  return steps.flatMap(([step, of]) => [(place += step), of]);
});
const id = fc.string({ minLength: 1, maxLength: 40 });

const delta: fc.Arbitrary<WindowDelta> = fc
  .record({
    key: fc
      .oneof(
        fc.constantFrom('123456789012/us-east-1/orders:live', 'edge:service:web>dynamodb/orders', 'signal:rejects/é𝄞'),
        fc.string({ unit: 'binary' }).map((text) => `service:${text.toWellFormed()}`),
      )
      .map((text) => text as WindowKey),
    secondAtMs: fc.integer({ min: -300, max: 1 }).map((ago) => second + ago * 1_000),
    sender: fc.constantFrom('local', 'layer', 'web'),
    spanCount: fc.nat(100_000),
    requestCount: fc.option(count, { nil: undefined }),
    errorCount: count,
    throttleCount: count,
    coldStartCount: count,
    untypedInitCount: fc.option(count, { nil: undefined }),
    provisionedInitCount: count,
    deadLetterCount: count,
    durationMs: histogram,
    selfMsSum: fc.option(count, { nil: undefined }),
    valueSum: fc.double({ noNaN: true }),
    instances: fc.option(fc.array(fc.nat()), { nil: undefined }),
    versions: fc.option(fc.dictionary(fc.constantFrom('1', '2', '$LATEST'), fc.nat(99)), { nil: undefined }),
    examples: fc.record({ slowest: fc.array(id, { maxLength: 2 }), failed: fc.array(id, { maxLength: 2 }) }),
  })
  .map((drawn) => JSON.parse(JSON.stringify(drawn)) as WindowDelta);

function dictionaryOf(keys: readonly string[]): SpanKeys {
  const names = createSpanKeys();
  names.note(keys);
  names.due()?.take();
  return names.current;
}

describe('packed deltas', () => {
  it('come back as they were judged, whatever a sender claims, with all, some or none of their keys in a dictionary', () => {
    fc.assert(
      fc.property(fc.array(delta, { maxLength: 30 }), fc.nat(30), (deltas, knownCount) => {
        const thin = thinDeltas(deltas);
        const keys = dictionaryOf(deltas.slice(0, knownCount).map(({ key }) => key));
        expect(unpackDeltas(packDeltas(thin, keys), keys)).toEqual(thin);
      }),
    );
  });

  it('add up durations to within two percent of what they took', () => {
    const random = createRandom('sums');
    for (let trial = 0; trial < 20; trial++) {
      const durations = Array.from({ length: 200 }, () => 60 * Math.exp(0.5 * random.normal()));
      const places = [...Map.groupBy(durations, bucketOf)].sort(([one], [other]) => one - other);
      const truth = durations.reduce((sum, each) => sum + each, 0);
      const [thin] = thinDeltas([
        {
          ...plain,
          durationMs: places.flatMap(([place, all]) => [place, all.length]),
          valueSum: truth,
          selfMsSum: truth,
        },
      ]);
      expect(thin!.valueSum).toBe(sumOf(thin!.durationMs));
      expect(Math.abs(thin!.valueSum / truth - 1)).toBeLessThan(0.02);
      expect(Math.abs(thin!.selfMsSum! / truth - 1)).toBeLessThan(0.02);
    }
  });

  it('are not read with another dictionary than they were written with', () => {
    const bytes = packDeltas(thinDeltas([plain]), dictionaryOf([plain.key]));
    expect(() => unpackDeltas(bytes, dictionaryOf(['service:other']))).toThrow('dictionary');
    expect(() => unpackDeltas(bytes, noSpanKeys)).toThrow('dictionary');
  });

  it('keep trace ids of the worst alone, however many keys there are', () => {
    const many = Array.from({ length: 500 }, (_, index): WindowDelta => ({
      key: `service:${index}`,
      secondAtMs: second,
      sender: 'local',
      spanCount: 2,
      requestCount: 2,
      errorCount: index % 2,
      throttleCount: 0,
      coldStartCount: 0,
      provisionedInitCount: 0,
      deadLetterCount: 0,
      durationMs: [index, 2],
      valueSum: 2,
      examples: { slowest: [`slow-${index}`], failed: index % 2 === 1 ? [`failed-${index}`] : [] },
    }));
    const ids = thinDeltas(many).flatMap(({ examples }) => [...examples.slowest, ...examples.failed]);
    expect(ids.filter((one) => one.startsWith('slow'))).toEqual(
      Array.from({ length: 16 }, (_, index) => `slow-${484 + index}`),
    );
    expect(ids.filter((one) => one.startsWith('failed'))).toHaveLength(64);
  });

  it('take a tenth of their JSON', () => {
    const deltas = thinDeltas(
      Array.from({ length: 200 }, (_, index): WindowDelta => ({
        key: `123456789012/us-east-1/service-${1_000 + index}:live` as WindowKey,
        secondAtMs: second,
        sender: 'local',
        spanCount: 3,
        requestCount: 3,
        errorCount: 0,
        throttleCount: 0,
        coldStartCount: 0,
        provisionedInitCount: 0,
        deadLetterCount: 0,
        durationMs: [800 + (index % 7), 1, 812 + (index % 11), 2],
        selfMsSum: 40 + index / 100,
        valueSum: 120 + index / 100,
        examples: { slowest: [], failed: [] },
      })),
    );
    expect(packDeltas(deltas, noSpanKeys).length).toBeLessThan(JSON.stringify(deltas).length / 10);
  });

  it('refuse bytes that end too soon', () => {
    const whole = packDeltas(thinDeltas([plain]), noSpanKeys);
    expect(unpackDeltas(whole, noSpanKeys)).toHaveLength(1);
    for (let length = 0; length < whole.length; length++)
      expect(() => unpackDeltas(whole.subarray(0, length), noSpanKeys)).toThrow();
  });
});
