import { describe, expect, it } from 'vitest';
import { usdOfHolding } from './cost.ts';
import { samplePrices, sampleSpec } from './sample.ts';

const minute = 60_000;

describe('usdOfHolding', () => {
  it.each([
    { name: '1,000 of 1 GB for half an hour', concurrency: 1_000, minutes: 30, memoryMb: 1024, usd: 7.5 },
    { name: 'one of them for 30 days', concurrency: 1, minutes: 30 * 1440, memoryMb: 1024, usd: 10.8 },
    {
      name: 'five minutes and a millisecond are ten',
      concurrency: 1_000,
      minutes: 5 + 1 / minute,
      memoryMb: 1024,
      usd: 2.5,
    },
    { name: 'exactly five are five', concurrency: 1_000, minutes: 5, memoryMb: 1024, usd: 1.25 },
    { name: 'half the memory, half the price', concurrency: 1_000, minutes: 30, memoryMb: 512, usd: 3.75 },
    { name: 'no time', concurrency: 1_000, minutes: 0, memoryMb: 1024, usd: 0 },
  ])('$name: $$usd', ({ concurrency, minutes, memoryMb, usd }) => {
    const held = { concurrency, fromMs: 0, untilMs: minutes * minute };
    expect(usdOfHolding(sampleSpec({ memoryMb }), samplePrices, held)).toBeCloseTo(usd, 3);
  });

  it('prices arm64 by its own row', () => {
    const held = { concurrency: 1_000, fromMs: 0, untilMs: 30 * minute };
    expect(usdOfHolding(sampleSpec({ architecture: 'arm64' }), samplePrices, held)).toBeCloseTo(6, 3);
  });
});
