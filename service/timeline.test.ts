import { expect, it } from 'vitest';
import { msPerMinute } from '../core/time.ts';
import { key, minute } from './sample.ts';
import { createTimeline } from './timeline.ts';

const forecast = (p50: number) => ({
  key,
  issuedAtMs: minute(-60),
  model: 'sample',
  fromMs: minute(-10),
  stepMs: 5 * msPerMinute,
  levels: [0.5, 0.95],
  requestCount: [
    [p50, 2 * p50],
    [3 * p50, 4 * p50],
  ],
});

it('keeps for each minute what was expected when it began, what was warm last, and what came', () => {
  const timeline = createTimeline();
  timeline.mark(key, minute(-11), 0);
  timeline.expect(forecast(100));
  timeline.mark(key, minute(-10), 0);
  timeline.mark(key, minute(-9.5), 7);
  timeline.expect(forecast(500));
  timeline.mark(key, minute(-9.2), 8);
  timeline.mark(key, minute(-5), 8);
  timeline.mark(key, minute(0), 8);
  timeline.arrived(key, { atMs: minute(-10), stepMs: 5 * msPerMinute, requestCount: 50 });
  const untold = { requests: null, expectedP50: null, expectedP95: null };
  expect(timeline.of(key)).toEqual([
    { ...untold, atMs: minute(-11), concurrencyReady: 0 },
    { atMs: minute(-10), requests: 10, expectedP50: 20, expectedP95: 40, concurrencyReady: 8 },
    { atMs: minute(-5), requests: null, expectedP50: 300, expectedP95: 400, concurrencyReady: 8 },
    { ...untold, atMs: minute(0), concurrencyReady: 8 },
  ]);
});

it('forgets what is a day old', () => {
  const timeline = createTimeline();
  for (let at = 0; at <= 1_440; at++) timeline.mark(key, minute(at), at);
  expect(timeline.of(key)).toHaveLength(1_440);
  expect(timeline.of(key)[0]).toMatchObject({ atMs: minute(1) });
});
