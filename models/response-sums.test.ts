import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createResponseSums, type MinuteMeans, type SharedRecord } from './response-sums.ts';

const minuteCount = 3;
const means: fc.Arbitrary<MinuteMeans> = fc
  .array(fc.tuple(fc.double({ min: -5, max: 50, noNaN: true }), fc.nat(12)), {
    minLength: minuteCount,
    maxLength: minuteCount,
  })
  .map((pairs) => ({
    value: Float64Array.from(pairs, ([value]) => value),
    count: Float64Array.from(pairs, ([, count]) => count),
  }));
const told = fc.record({
  kind: fc.constantFrom('nfp', 'cpi', 'claims'),
  importance: fc.integer({ min: 1, max: 3 }),
  record: fc.record({ lift: means, stray: means, firstStray: means }),
});
type Told = typeof told extends fc.Arbitrary<infer One> ? One : never;

const sumsOf = (all: readonly Told[]) => {
  const sums = createResponseSums(minuteCount);
  for (const { kind, importance, record } of all) sums.add(kind, importance, record);
  return sums;
};
const saturated = (count: number): number => count / (count + 2);

describe('the sums over all series', () => {
  it('are those of the records that they are over, to a ten-billionth of each', () => {
    fc.assert(
      fc.property(fc.array(told, { maxLength: 30 }), fc.nat(29), (all, ownAt) => {
        const sums = sumsOf(all);
        const own = all[ownAt];
        const kind = own?.kind ?? 'nfp';
        const same = all.filter((one) => one !== own && one.kind === kind);
        const others = all.filter((one) => one.kind !== kind);
        const alike = others.filter((one) => one.importance === 2);
        const add = (from: readonly Told[], part: keyof SharedRecord, weight = (count: number) => count): number =>
          from.reduce((sum, { record }) => sum + weight(record[part].count[1]!) * record[part].value[1]!, 0);
        const close = (found: Float64Array, wanted: number): void =>
          expect(Math.abs(found[1]! - wanted)).toBeLessThan(1e-8);
        close(sums.ofKind(kind, own?.record).lift.weighted, add(same, 'lift'));
        close(sums.ofKind(kind, own?.record).stray.weighted, add(same, 'stray'));
        close(sums.ofOthers(kind).saturatedLift.weighted, add(others, 'lift', saturated));
        close(sums.ofOthers(kind).saturatedStray.weighted, add(others, 'stray', saturated));
        close(sums.ofOthers(kind, 2).saturatedLift.weighted, add(alike, 'lift', saturated));
        close(sums.ofOthers(kind, 2).firstStray.weighted, add(alike, 'firstStray'));
        close(
          sums.ofOthers(kind, 2).firstStray.weight,
          alike.reduce((sum, { record }) => sum + record.firstStray.count[1]!, 0),
        );
      }),
    );
  });

  it('do not tell in which order series learned, nor what was taken out again', () => {
    fc.assert(
      fc.property(fc.array(told, { maxLength: 20 }), fc.array(told, { maxLength: 5 }), (all, passing) => {
        const straight = sumsOf(all);
        const turned = sumsOf([...passing, ...all.toReversed()]);
        for (const { kind, importance, record } of passing) turned.remove(kind, importance, record);
        for (const kind of ['nfp', 'cpi', 'claims']) {
          expect(turned.ofKind(kind)).toEqual(straight.ofKind(kind));
          expect(turned.ofOthers(kind, 3)).toEqual(straight.ofOthers(kind, 3));
        }
      }),
    );
  });
});
