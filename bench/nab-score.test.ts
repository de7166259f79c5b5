import { describe, expect, it } from 'vitest';
import { rowWeights, nabProfiles, scoreNab, scoreNabAt, type NabFile } from './nab-score.ts';

/** Examples A, B and C of the specification, with the figures that the benchmark's own scorer printed. */
const scoresOf = (count: number, usual: number, odd: Readonly<Record<number, number>>): number[] =>
  Array.from({ length: count }, (_, row) => odd[row] ?? usual);
const a: NabFile = {
  scores: scoresOf(20, 0.1, { 1: 0.99, 6: 0.7, 11: 0.9, 12: 0.95, 14: 0.6, 19: 0.8 }),
  windows: [[10, 13]],
};
const b: NabFile = {
  scores: scoresOf(30, 0, { 9: 0.5, 13: 0.5, 20: 0.5, 16: 0.3, 22: 0.3 }),
  windows: [
    [8, 11],
    [20, 25],
  ],
};
const c: NabFile = { scores: scoresOf(20, 0.2, { 3: 0.9, 9: 0.4 }), windows: [[1, 4]] };

describe('the scorer of the Numenta Anomaly Benchmark', () => {
  it('weighs rows', () => {
    const weights = rowWeights(a, nabProfiles.standard);
    expect([9, 10, 11, 14, 19].map((row) => weights[row])).toEqual(
      [-0.11, 1, 0.9669890878000605, -0.0750487969, -0.1099900125].map((value): unknown => expect.closeTo(value, 9)),
    );
  });

  it.each([
    ['A', a, 'standard', 0.9, 0.9669890878000605],
    ['B', b, 'standard', 0.5, 1.8645670308466271],
    ['B, where misses cost double', b, 'reward_low_FN_rate', 0.5, 1.8645670308466271],
    ['C, a window that begins in probation', c, 'standard', 0.9, 0.8597925669097837],
  ] as const)('finds the best threshold of %s', (_, file, profile, threshold, raw) => {
    expect(scoreNab([file], profile)).toMatchObject({ threshold, raw: expect.closeTo(raw, 9) as number });
  });

  it.each([
    ['standard', 0.5, 92.27528848752672],
    ['reward_low_FP_rate', 0.5, 85.65094071505143],
    ['reward_low_FN_rate', 0.5, 94.85019232501782],
  ] as const)('has one threshold for a corpus (%s)', (profile, threshold, normalised) => {
    const score = scoreNab([a, b], profile);
    expect(score).toMatchObject({ threshold, normalised: expect.closeTo(normalised, 9) as number });
    expect(scoreNabAt([a, b], profile, threshold).raw).toBeCloseTo(score.raw, 9);
  });

  it('gives nothing to what never fires', () => {
    const quiet = { scores: scoresOf(20, 0, {}), windows: a.windows };
    expect(scoreNabAt([quiet], 'standard', 1.1).normalised).toBe(0);
  });
});
