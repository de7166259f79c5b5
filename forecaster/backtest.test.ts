import { describe, expect, it } from 'vitest';
import { msPerDay, msPerHour, msPerMinute } from '../core/time.ts';
import { endOf } from '../core/volume-series.ts';
import { models } from '../models/index.ts';
import type { Model } from '../models/model.ts';
import { localInstant, startMs, stepMs, syntheticSeries, testClock, testEvent } from '../models/synthetic.fixture.ts';
import { chooseWindows, parseWindows } from './backtest-windows.ts';
import { leadMs, pinballLoss, runBacktest } from './backtest.ts';
import { createUsualVolume } from './usual-volume.ts';

const events = [14, 21, 28, 35, 42].map((day) => testEvent('nfp', localInstant(day, 8.5)));
const series = syntheticSeries({ dayCount: 50, events, liftOf: () => 1.5 });
const windows = [
  { startsAtMs: localInstant(35, 8.5), class: 'event:nfp' },
  { startsAtMs: localInstant(42, 8.5), class: 'event:nfp' },
  { startsAtMs: localInstant(43, 11), class: 'quiet' },
];
const options = { series, events, symbols: [], clock: testClock, windows, levels: [0.5, 0.9, 0.95, 0.99] };

describe('backtest', () => {
  // Goal: no forecast knows what came after its origin. Method: everything from the last window's origin on is replaced.
  it('gives the same forecasts whatever the future holds', () => {
    const originMs = windows[2]!.startsAtMs - leadMs;
    const other = series.values.slice().fill(123_456, (originMs - startMs) / stepMs);
    const [plain, changed] = [series, { ...series, values: other }].map(
      (history) => runBacktest({ ...options, models, series: history }).forecasts,
    );
    expect(JSON.stringify(changed)).toBe(JSON.stringify(plain));
    expect(plain).toHaveLength(windows.length * Object.keys(models).length);
  });

  it('hands the past over in order, up to half an hour before each window', () => {
    const learnedUntilMs: number[] = [];
    const spy: Model = {
      learn: ({ volume }) => void learnedUntilMs.push(endOf(volume)),
      forecast: () => ({ notReady: 'never is' }),
      snapshot: () => null,
    };
    const { notReady } = runBacktest({ ...options, models: { spy: { version: 'spy/1', create: () => spy } } });
    expect(learnedUntilMs).toEqual(windows.map(({ startsAtMs }) => startsAtMs - 30 * msPerMinute));
    expect(notReady).toEqual([{ model: 'spy', windowCount: 3, reason: 'never is' }]);
  });

  it('scores by pinball loss over usual volume, and by coverage', () => {
    const usualVolume = createUsualVolume(series, { clock: testClock, events });
    const first = (windows[2]!.startsAtMs - startMs) / stepMs;
    const flat: Model = {
      learn: () => undefined,
      forecast: ({ stepCount, fromMs, levels }) => ({
        fromMs,
        stepMs,
        levels,
        requestCount: Array<number[]>(stepCount).fill([800, 900, 1_000, 1_100]),
      }),
      snapshot: () => null,
    };
    const [score] = runBacktest({
      ...options,
      windows: windows.slice(2),
      models: { flat: { version: 'flat/1', create: () => flat } },
    }).classes;
    const actual = Array.from({ length: 6 }, (_, step) => series.values[first + step]!);
    const usual = actual.map((_, step) => usualVolume(first + step));
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    const loss = sum(actual.map((value) => pinballLoss([800, 900, 1_000, 1_100], options.levels, value)));
    expect(score!.models[0]!.pinball).toBeCloseTo(loss / sum(usual), 10);
    expect(score!.models[0]!.coverage95).toBeCloseTo(actual.filter((value) => value <= 1_000).length / 6, 10);
    expect([score!.windowCount, score!.bucketCount]).toEqual([1, 6]);
  });

  it.each([
    ['above: by the level', 110, 0.9 * 10],
    ['below: by the rest', 90, 0.1 * 10],
    ['met', 100, 0],
  ])('pinball loss, actual %s', (_, actual, expected) => {
    expect(pinballLoss([100], [0.9], actual)).toBeCloseTo(expected, 10);
  });
});

describe('usual volume', () => {
  it('is the median of the same local time on the days before, event days left out', () => {
    const usual = createUsualVolume(series, { clock: testClock, events });
    const bucket = (localInstant(46, 8.5) - startMs) / stepMs;
    const days = Array.from({ length: 45 }, (_, day) => day + 1).filter(
      (day) => day % 7 < 5 && !events.some(({ startsAtMs }) => startsAtMs === localInstant(day, 8.5)),
    );
    const values = days.map((day) => series.values[(localInstant(day, 8.5) - startMs) / stepMs]!).sort((a, b) => a - b);
    expect(values).toHaveLength(days.length);
    expect(usual(bucket)).toBeGreaterThanOrEqual(values[Math.floor(values.length / 2) - 2]!);
    expect(usual(bucket)).toBeLessThanOrEqual(values[Math.floor(values.length / 2) + 2]!);
    expect(usual((localInstant(3, 8.5) - startMs) / stepMs)).toBeNaN();
  });
});

describe('windows', () => {
  const choice = {
    series,
    events: [...events, testEvent('jolts', localInstant(30, 10), 1)],
    clock: testClock,
    opensAtMs: [29, 30, 31].map((day) => localInstant(day, 9.5)),
    fromMs: startMs + 25 * msPerDay,
    untilMs: startMs + 45 * msPerDay,
    classes: ['event', 'open', 'quiet'],
    seed: 7,
  };

  it('are chosen by calendar and seed, in time order, inside the span', () => {
    const chosen = chooseWindows(choice);
    expect(chosen).toEqual(chooseWindows(choice));
    expect(chosen.map(({ startsAtMs }) => startsAtMs)).toEqual(
      chosen.map(({ startsAtMs }) => startsAtMs).sort((left, right) => left - right),
    );
    const count = (name: string): number => chosen.filter((window) => window.class === name).length;
    // Kinds that move little are not looked at; three of the five events lie inside.
    expect([count('event:nfp'), count('event:jolts'), count('open'), count('quiet')]).toEqual([3, 0, 3, 60]);
  });

  it('are quiet where nothing is scheduled within 90 minutes', () => {
    for (const { startsAtMs } of chooseWindows({ ...choice, classes: ['quiet'] })) {
      const nearestMs = Math.min(...choice.events.map((event) => Math.abs(event.startsAtMs - startsAtMs)));
      expect(nearestMs).toBeGreaterThan(1.5 * msPerHour);
    }
  });

  it.each([
    ['no header', '2025-09-05T12:30:00Z,event:nfp', /f:1: the first line/],
    ['no class', 'window_start,class\n2025-09-05T12:30:00Z', /f:2: expected a row/],
    ['a time without zone', 'window_start,class\n2025-09-05T12:30:00,open', /f:2: expected a row/],
    ['one column too many', 'window_start,class\n2025-09-05T12:30:00Z,open,1', /f:2: expected a row/],
  ])('of a file with %s are refused by line', (_, text, message) => {
    expect(() => parseWindows(text, 'f')).toThrow(message);
  });

  it('of a file are read as they are, blank lines left out', () => {
    expect(parseWindows('window_start,class\r\n1970-01-01T00:00:00Z,event:nfp\r\n\r\n', 'f')).toEqual([
      { startsAtMs: 0, class: 'event:nfp' },
    ]);
  });
});
