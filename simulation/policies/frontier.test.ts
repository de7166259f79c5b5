import { describe, expect, it } from 'vitest';
import { usdAtOverflow } from './frontier.ts';
import { plotFrontier, plotWindow } from './plot.ts';

describe('dollars at a share of overflow', () => {
  const points = [
    { overflowRatio: 0.04, usd: 2 },
    { overflowRatio: 0.01, usd: 8 },
    { overflowRatio: 0.0001, usd: 20 },
  ];

  it.each([
    ['at a setting, what it costs', 0.01, 8],
    ['halfway in the logarithm between two, the geometric mean', 0.02, 4],
    ['above all of them, the cheapest', 0.5, 2],
    ['below all of them, nothing', 0.000_05, undefined],
  ])('%s', (_, ratio, usd) => {
    const answer = usdAtOverflow(points, ratio);
    if (usd === undefined) expect(answer).toBeUndefined();
    else expect(answer).toBeCloseTo(usd, 9);
  });

  it('leaves out a setting that another one beats on both', () => {
    expect(usdAtOverflow([...points, { overflowRatio: 0.02, usd: 9 }], 0.02)).toBeCloseTo(4, 9);
  });

  it('takes no overflow at all for a point like any other', () => {
    expect(
      usdAtOverflow(
        [
          { overflowRatio: 0, usd: 8 },
          { overflowRatio: 1, usd: 2 },
        ],
        0.001,
      ),
    ).toBeCloseTo(4, 9);
  });

  it('has no answer without settings', () => expect(usdAtOverflow([], 0.01)).toBeUndefined());
});

describe('a picture', () => {
  it('of a window has a panel for each policy, and names that are only text', () => {
    const view = { atMs: 0, phase: 'window', arrivalCount: 600, allocated: 5, overflowCount: 60 } as const;
    const svg = plotWindow(
      ['none', '<script>'].map((policy) => ({ ...view, policy })),
      { runSeconds: 1 },
    );
    expect(svg).toContain('none: 10.00 % of what comes in windows overflows');
    expect(svg).toContain('&#60;script&#62;');
    expect(svg).not.toContain('<script>');
    expect(svg.match(/stroke="#1f6feb"/g)).toHaveLength(2);
    expect(svg).not.toContain('NaN');
  });

  it('of a frontier has a line for each policy that comes down to it', () => {
    const svg = plotFrontier(
      [
        { name: 'a', points: [0.001, 0.02].map((overflowRatio) => ({ overflowRatio, usdPerOracle: 1.4 })) },
        { name: 'b', points: [] },
      ],
      'title',
    );
    expect(svg.match(/stroke-width="2"/g)).toHaveLength(1);
    expect(svg).not.toContain('NaN');
  });
});
