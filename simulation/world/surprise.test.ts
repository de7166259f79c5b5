import { describe, expect, it } from 'vitest';
import { replay } from '../../service/replay.ts';
import { surprise, type Surprise, type SurpriseOptions } from './surprise.ts';

const play = (changes: Partial<SurpriseOptions>): Promise<Surprise> =>
  surprise({
    seed: 'one',
    times: 3,
    hasNowcast: true,
    spillTarget: { kind: 'spilloverRatioMax', ratio: 0.001 },
    minutesAfter: 4,
    ...changes,
  });

describe('an event of three times the largest size that was seen', () => {
  it('has more asked for within ten seconds, once, and spills less; people are told', async () => {
    const [ours, without] = [await play({}), await play({ hasNowcast: false })];
    expect(ours.asked).toHaveLength(1);
    expect(ours.asked[0]!.atSeconds).toBeLessThanOrEqual(10);
    expect(ours.asked[0]!.concurrency).toBeGreaterThan(1.25 * ours.concurrencyBefore);
    expect(ours.readyAtSeconds).toBeLessThan(180);
    expect(ours.incidents).toHaveLength(1);
    expect(without.asked).toEqual([]);
    expect(without.concurrencyBefore).toBe(ours.concurrencyBefore);
    expect(ours.with.spillover).toBeLessThan(0.7 * without.with.spillover);
    expect(ours.with.requests).toBe(without.with.requests);
    // And is decided again as it was, from the counts on record.
    const { runs, differences } = await replay(ours.store);
    expect([runs.map(({ unreplayed }) => unreplayed), differences]).toEqual([[null], []]);
  });

  it('is left to on demand where the cold starts have happened when a raise would be READY', async () => {
    const { asked, incidents } = await play({ spillTarget: { kind: 'usdPerColdStart', usd: 0.3 }, minutesAfter: 1 });
    expect(asked).toEqual([]);
    expect(incidents).toHaveLength(1);
  });
});

it.each([
  ['as large as the largest that was seen', 1],
  ['a quarter larger, which what is held can serve', 1.25],
])('an event %s wakes nobody and changes nothing', async (_, times) => {
  const { asked, incidents } = await play({ times, minutesAfter: 2 });
  expect(asked).toEqual([]);
  expect(incidents).toEqual([]);
});
