import { describe, expect, it } from 'vitest';
import { planOf, sharedDatabase, type SharedDatabaseOptions } from './shared-database.ts';

/** Forty functions at a tenth of their size. */
const four: SharedDatabaseOptions = {
  seed: 'one',
  times: 1,
  hasNowcast: true,
  spillTarget: { kind: 'spilloverRatioMax', ratio: 0.001 },
  functionCount: 4,
  usualPerSecond: 100,
  minutesAfter: 1,
};

describe('functions behind one database', () => {
  it('open no more connections than there are, where without the limit they would', async () => {
    const free = await sharedDatabase(four);
    const limit = free.with.connections - 20;
    const bound = await sharedDatabase({ ...four, limit });
    expect(bound.with.connections).toBeLessThanOrEqual(limit);
    expect(bound.concurrencyBefore).toBeLessThan(free.concurrencyBefore);
    expect(bound.concurrencyBefore).toBeGreaterThan(0);
  });

  it('are told where demand alone takes more than there is', () => {
    expect(planOf({ ...four, limit: 100 }).givenUp).toMatchObject([{ limit: 'sharedResource', isKept: false }]);
  });

  // A load at the edge of its table, where the buckets before the release bring less than the one of it.
  it('are worth a number of dollars in every step', () => {
    const { steps } = planOf({ ...four, functionCount: 40, usualPerSecond: 700 });
    expect(steps.length).toBeGreaterThan(0);
    expect(steps.filter(({ worthUsd }) => !Number.isFinite(worthUsd))).toEqual([]);
  });
});
