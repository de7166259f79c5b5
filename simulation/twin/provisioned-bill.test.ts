import { expect, it } from 'vitest';
import { createProvisionedBill } from './provisioned-bill.ts';

const minute = 60_000;

/** Concurrency-minutes billed after the changes, at the given minute. */
function billedMinutes(
  changes: readonly (readonly [atMinute: number, concurrency: number])[],
  atMinute: number,
): number {
  const bill = createProvisionedBill(5 * minute);
  for (const [at, concurrency] of changes) bill.set(concurrency, at * minute);
  return bill.billedMsAt(atMinute * minute) / minute;
}

it.each<[what: string, changes: readonly (readonly [number, number])[], atMinute: number, expected: number]>([
  ['nothing', [], 60, 0],
  ['a period from its first instant', [[0, 10]], 0, 10 * 5],
  ['a period to its last', [[0, 10]], 5, 10 * 5],
  ['the next one from just after', [[0, 10]], 5.001, 10 * 10],
  [
    'up to the delete, rounded up',
    [
      [0, 10],
      [31, 0],
    ],
    60,
    10 * 35,
  ],
  [
    'one put and taken back at once',
    [
      [0, 10],
      [0, 0],
    ],
    60,
    10 * 5,
  ],
  [
    'an increase from its own beginning',
    [
      [0, 10],
      [12, 30],
    ],
    13,
    10 * 15 + 20 * 5,
  ],
  [
    'a decrease, newest first',
    [
      [0, 10],
      [12, 30],
      [16, 10],
    ],
    30,
    10 * 30 + 20 * 5,
  ],
  [
    'a decrease into the older part',
    [
      [0, 10],
      [12, 30],
      [16, 4],
    ],
    30,
    20 * 5 + 6 * 20 + 4 * 30,
  ],
  [
    'the same level again: nothing new',
    [
      [0, 10],
      [7, 10],
    ],
    8,
    10 * 10,
  ],
  [
    '30 minutes of a thousand',
    [
      [0, 1_000],
      [30, 0],
    ],
    30,
    30_000,
  ],
])('bills %s', (_, changes, atMinute, expected) => {
  expect(billedMinutes(changes, atMinute)).toBeCloseTo(expected, 9);
});
