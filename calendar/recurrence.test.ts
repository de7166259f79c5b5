import fc from 'fast-check';
import ICAL from 'ical.js';
import { describe, expect, it } from 'vitest';
import { formatInstant, msPerDay, parseInstant } from '../core/time.ts';
import { parseRule, type RecurrenceRule } from './recurrence-rule.ts';
import { recur, RecurrenceBudgetError, startsOnRule } from './recurrence.ts';

// A wall clock is written here as if it were Greenwich's.
const wall = (text: string): number => parseInstant(`${text}Z`) ?? NaN;

function ruleOf(text: string): RecurrenceRule {
  const rule = parseRule(text);
  if ('expected' in rule) throw new Error(rule.expected);
  return rule;
}

function times(text: string, start: string, { from = '2025-01-01', until = '2026-01-01' } = {}): string[] {
  const span = { fromDay: Date.parse(from) / msPerDay, untilDay: Date.parse(until) / msPerDay };
  const found = recur(ruleOf(text), wall(start), span, { dayCount: 1e6 });
  return [...found].map((atMs) => formatInstant(atMs).slice(0, 16));
}

function firstOf(count: number, numbers: Generator<number>): number[] {
  const found: number[] = [];
  for (const number of numbers) if (found.push(number) === count) break;
  return found;
}

describe('the times that a rule names', () => {
  it.each([
    [
      'the first Friday of the month',
      'FREQ=MONTHLY;BYDAY=1FR;COUNT=3',
      '2025-09-05T08:30',
      ['2025-09-05T08:30', '2025-10-03T08:30', '2025-11-07T08:30'],
    ],
    [
      'the last working day of a month',
      'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3',
      '2025-08-29T09:45',
      ['2025-08-29T09:45', '2025-09-30T09:45', '2025-10-31T09:45'],
    ],
    [
      'the first and the third working day',
      'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,3',
      '2025-11-03T10:00',
      ['2025-11-03T10:00', '2025-11-05T10:00', '2025-12-01T10:00', '2025-12-03T10:00'],
    ],
    [
      'every second Wednesday',
      'FREQ=WEEKLY;INTERVAL=2;BYDAY=WE;UNTIL=20251231',
      '2025-11-19T14:00',
      ['2025-11-19T14:00', '2025-12-03T14:00', '2025-12-17T14:00', '2025-12-31T14:00'],
    ],
    [
      'a month without the day has none',
      'FREQ=MONTHLY;COUNT=3',
      '2025-08-31T08:30',
      ['2025-08-31T08:30', '2025-10-31T08:30', '2025-12-31T08:30'],
    ],
    [
      'a last day that moves',
      'FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3',
      '2025-01-31T08:30',
      ['2025-01-31T08:30', '2025-02-28T08:30', '2025-03-31T08:30'],
    ],
    [
      'a start beside its rule counts as the first',
      'FREQ=MONTHLY;BYDAY=1FR;COUNT=2',
      '2025-09-04T08:30',
      ['2025-09-04T08:30', '2025-09-05T08:30'],
    ],
    [
      'two times a day',
      'FREQ=DAILY;BYHOUR=14,8;BYMINUTE=30;COUNT=3',
      '2025-06-02T08:30',
      ['2025-06-02T08:30', '2025-06-02T14:30', '2025-06-03T08:30'],
    ],
    [
      'a rule that nothing fits has its start alone',
      'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30',
      '2025-02-28T08:30',
      ['2025-02-28T08:30'],
    ],
  ])('%s: %s', (_, text, start, expected) => expect(times(text, start)).toEqual(expected));

  it('gives an old rule from the span on, on its own grid, and counts what came before', () => {
    const span = { from: '2025-03-01', until: '2025-04-15' };
    expect(times('FREQ=MONTHLY;INTERVAL=2;BYDAY=1FR', '1999-01-01T08:30', span)).toEqual(['2025-03-07T08:30']);
    expect(times('FREQ=DAILY;COUNT=9195', '2000-01-01T08:30', span)).toEqual([
      '2025-03-01T08:30',
      '2025-03-02T08:30',
      '2025-03-03T08:30',
      '2025-03-04T08:30',
    ]);
  });

  it('stops when the rules of a file look at too much', () => {
    const rule = ruleOf('FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30');
    const all = (): number[] => [...recur(rule, 0, { fromDay: 0, untilDay: 36_500 }, { dayCount: 10_000 })];
    expect(all).toThrow(RecurrenceBudgetError);
  });
});

// Goal: whatever the rule, the same times as a program that thousands of calendars were read with. Method: ical.js, which jumps from match
// to match where we strike out; rules from the parts that feeds use, the start put on the rule, because the two differ by design beside it.
it('agrees with ical.js on random rules', () => {
  const list = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> =>
    fc.uniqueArray(of, { minLength: 1, maxLength: 3 });
  const weekday = fc.constantFrom('MO', 'TU', 'WE', 'TH', 'FR');
  const nth = fc.constantFrom('1', '2', '3', '4', '-1', '-2');
  const interval = fc.integer({ min: 1, max: 4 }).map((count) => `;INTERVAL=${count}`);
  const part = fc.oneof(
    fc.constantFrom('FREQ=DAILY', 'FREQ=WEEKLY', 'FREQ=MONTHLY', 'FREQ=YEARLY'),
    list(weekday).map((days) => `FREQ=WEEKLY;BYDAY=${days.join()}`),
    fc.tuple(nth, weekday).map(([n, day]) => `FREQ=MONTHLY;BYDAY=${n}${day}`),
    list(fc.integer({ min: 1, max: 28 })).map((days) => `FREQ=MONTHLY;BYMONTHDAY=${days.join()}`),
    fc
      .tuple(fc.integer({ min: 1, max: 12 }), nth, weekday)
      .map(([m, n, d]) => `FREQ=YEARLY;BYMONTH=${m};BYDAY=${n}${d}`),
    fc.constantFrom('1', '2', '-1').map((at) => `FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=${at}`),
  );
  const start = fc.integer({ min: 18_000, max: 21_000 }).map((day) => day * msPerDay + 30_600_000);
  let comparedCount = 0;
  fc.assert(
    fc.property(part, interval, start, (words, every, startMs) => {
      const text = words + every;
      const rule = ruleOf(text);
      if (!startsOnRule(rule, startMs)) return;
      const startTime = ICAL.Time.fromDateTimeString(formatInstant(startMs).slice(0, 19));
      const theirs = ICAL.Recur.fromString(text).iterator(startTime);
      const expected = Array.from({ length: 12 }, () => wall(String(theirs.next())));
      const day = Math.floor(startMs / msPerDay);
      const ours = recur(rule, startMs, { fromDay: day, untilDay: day + 36_500 }, { dayCount: 1e6 });
      comparedCount++;
      expect(firstOf(12, ours), `${text} from ${formatInstant(startMs)}`).toEqual(expected);
    }),
    { seed: 1, numRuns: 2_000 },
  );
  expect(comparedCount).toBeGreaterThan(400);
});

it.each([
  ['every second', 'FREQ=SECONDLY', 'FREQ'],
  ['every hour', 'FREQ=HOURLY', 'FREQ'],
  ['no frequency', 'COUNT=3', 'FREQ'],
  ['a part that nobody knows', 'FREQ=DAILY;BYMOON=1', 'no part but'],
  ['a part twice', 'FREQ=DAILY;COUNT=1;COUNT=2', 'COUNT once'],
  ['a part without a value', 'FREQ=MONTHLY;BYDAY', 'parts such as'],
  ['a step back', 'FREQ=DAILY;INTERVAL=-4', 'INTERVAL'],
  ['no step', 'FREQ=DAILY;INTERVAL=0', 'INTERVAL'],
  ['a billion', 'FREQ=DAILY;COUNT=1000000000', 'COUNT to be'],
  ['an end twice', 'FREQ=DAILY;COUNT=2;UNTIL=20250101', 'not both'],
  ['a thirteenth month', 'FREQ=YEARLY;BYMONTH=13', 'BYMONTH'],
  ['a day of no number', 'FREQ=MONTHLY;BYMONTHDAY=0', 'BYMONTHDAY'],
  ['a sixth Friday', 'FREQ=MONTHLY;BYDAY=6FR', 'BYDAY'],
  ['a weekday of no name', 'FREQ=MONTHLY;BYDAY=1XX', 'BYDAY'],
  ['a first Friday of the week', 'FREQ=WEEKLY;BYDAY=1FR', 'BYDAY'],
  [
    'more times than a day has',
    `FREQ=DAILY;BYHOUR=1,2,3,4;BYMINUTE=${Array.from({ length: 30 }, (_, m) => m).join()}`,
    '96',
  ],
  ['positions of nothing', 'FREQ=MONTHLY;BYSETPOS=1', 'BYSETPOS'],
  ['an end that is none', 'FREQ=DAILY;UNTIL=tomorrow', 'UNTIL'],
])('refuses %s', (_, text, expected) => {
  expect(parseRule(text)).toEqual({ expected: expect.stringContaining(expected) as string });
});
