import { expect, it } from 'vitest';
import { pricesUsEast1 } from '../config/schema.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { sumCommitments } from './commitments.ts';
import { createFunctionState } from './function-state.ts';
import { key, minute, spec } from './sample.ts';

const other = { ...spec, key: key.replace('orders-validate', 'quotes-stream') as FunctionKey };

it.each([
  { name: 'a raise counts at once', level: 60, othersCount: 60 },
  // Both calls are sent in the same second, and nobody knows which Lambda hears first.
  { name: 'what a step down gives back does not', level: 10, othersCount: 40 },
])('$name for those judged after it in the same tick', ({ level, othersCount }) => {
  const holding = createFunctionState(spec, 'seed');
  holding.pursuit = { ...holding.pursuit, askedConcurrency: 40 };
  const functions = new Map([holding, createFunctionState(other, 'seed')].map((state) => [state.spec.key, state]));
  const commitments = sumCommitments(functions, { plan: undefined, prices: pricesUsEast1, nowMs: minute(0) });
  const until = { untilMs: minute(60), deadlineMs: minute(60), because: 'a test' };
  commitments.pass(spec, { kind: 'hold-provisioned-concurrency', key, concurrency: level, ...until });
  const { others } = commitments.around(other, {
    kind: 'hold-provisioned-concurrency',
    key: other.key,
    concurrency: 1,
    ...until,
  });
  expect(others.concurrency).toBe(othersCount);
  // 1 GB at 0.0000041667 dollars a second.
  expect(others.usdPerHour).toBeCloseTo(othersCount * 0.015, 4);
});
