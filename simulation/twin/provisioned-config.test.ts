import { describe, expect, it } from 'vitest';
import { defaultParams } from './limits.ts';
import { claimedBy, putConfig, settleConfig, type ProvisionedConfig } from './provisioned-config.ts';

const ready = (count: number): ProvisionedConfig => ({
  requested: count,
  allocated: count,
  status: 'READY',
  lastModifiedMs: 0,
});
const failed: ProvisionedConfig = { requested: 50, allocated: 10, status: 'FAILED', lastModifiedMs: 0 };
const underWay: ProvisionedConfig = {
  requested: 50,
  allocated: 10,
  status: 'IN_PROGRESS',
  lastModifiedMs: 0,
  settlesAtMs: 90_000,
};

const put = (
  before: ProvisionedConfig | undefined,
  concurrency: number,
  preparationRatio = 0.5,
  params = defaultParams,
) => putConfig(before, { concurrency, nowMs: 60_000, initDurationMs: 800, preparationRatio, params });

describe('a Put', () => {
  // Preparation 60 s to 120 s, then 10 ms an environment (6,000 a minute), then one initialisation of 0.8 s.
  it.each([
    ['nothing, the quickest', undefined, 100, 0, { allocated: 0, takesMs: 60_000 + 1_000 + 800 }],
    ['nothing, the slowest', undefined, 100, 1, { allocated: 0, takesMs: 120_000 + 1_000 + 800 }],
    ['nothing, five thousand', undefined, 5_000, 0.5, { allocated: 0, takesMs: 90_000 + 50_000 + 800 }],
    ['fewer: those serve on', ready(40), 100, 0.5, { allocated: 40, takesMs: 90_000 + 600 + 800 }],
    ['as many: nothing to prepare', ready(100), 100, 0.5, { allocated: 100, takesMs: 10_000 }],
    ['more: the surplus goes at once', ready(200), 100, 0.5, { allocated: 100, takesMs: 10_000 }],
    ['a failed one, with what stands of it', failed, 100, 0.5, { allocated: 10, takesMs: 90_000 + 900 + 800 }],
    ['one under way: it starts anew', underWay, 50, 0.5, { allocated: 10, takesMs: 90_000 + 400 + 800 }],
  ])('on %s', (_, before, concurrency, ratio, { allocated, takesMs }) => {
    expect(put(before, concurrency, ratio)).toEqual({
      requested: concurrency,
      allocated,
      status: 'IN_PROGRESS',
      lastModifiedMs: 60_000,
      settlesAtMs: 60_000 + takesMs,
    });
  });

  it('starts an increase from nothing where the parameter says so, but never a decrease', () => {
    const params = { ...defaultParams, increaseKeepsExisting: false };
    expect(put(ready(40), 100, 0.5, params)).toMatchObject({
      allocated: 0,
      settlesAtMs: 60_000 + 90_000 + 1_000 + 800,
    });
    expect(put(ready(40), 40, 0.5, params).allocated).toBe(40);
    expect(put(ready(40), 39, 0.5, params).allocated).toBe(39);
  });
});

describe('the end of IN_PROGRESS', () => {
  it.each([
    ['all at once', put(ready(40), 100), false, { status: 'READY', allocated: 100 }],
    ['none of the new ones when they fail', put(ready(40), 100), true, { status: 'FAILED', allocated: 40 }],
    ['a decrease initialises nothing, so nothing fails', put(ready(100), 40), true, { status: 'READY', allocated: 40 }],
  ])('%s', (_, config, initFails, expected) => {
    const settled = settleConfig(config, initFails);
    expect(settled).toMatchObject(expected);
    expect(settled.settlesAtMs).toBeUndefined();
    expect(settled.statusReason).toBe(expected.status === 'FAILED' ? 'FUNCTION_ERROR_INIT_FAILURE' : undefined);
  });
});

it.each([
  ['what is being allocated', underWay, 50],
  ['what stands', ready(50), 50],
  ['what stands after a failure', failed, 10],
])('claims %s', (_, config, claimed) => {
  expect(claimedBy(config)).toBe(claimed);
});
