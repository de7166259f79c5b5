import { expect, it } from 'vitest';
import { msPerDay, msPerMinute } from '../core/time.ts';
import { staleHistories } from './stale-history.ts';

const series = { fromMs: 0, stepMs: msPerMinute, values: new Float64Array(1_440) };
const history = { name: 'edge.csv', history: { series } };

it.each([
  ['a week after its end', 8 * msPerDay, []],
  [
    'later than that',
    8 * msPerDay + 1,
    ['edge.csv ends at 1970-01-02T00:00:00Z, 7 days before: forecasts rest on what was usual then'],
  ],
])('tells of a history once, %s', (_when, nowMs, findings) => {
  expect(staleHistories([history, history], nowMs)).toEqual(findings);
});
