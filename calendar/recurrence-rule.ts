/**
 * The words of a recurrence rule, strictly: a part that is misread moves every release of a year, so whatever is unknown is refused.
 *
 * - RFC 5545, Internet Calendaring, sections 3.3.10 and 3.8.5.3.
 */

export type Frequency = 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'YEARLY';

export interface RecurrenceRule {
  readonly frequency: Frequency;
  readonly interval: number;
  readonly count?: number;
  /** As written: `20251107`, `20251107T133000Z`. What it means depends on the zone of the event. */
  readonly until?: string;
  /** 0 is Sunday. */
  readonly weekStart: number;
  readonly months: readonly number[];
  /** 1 to 31; negative from the end. So are the days of the year, the weeks and the positions. */
  readonly monthDays: readonly number[];
  readonly yearDays: readonly number[];
  readonly weeks: readonly number[];
  readonly weekdays: readonly RuleWeekday[];
  readonly hours: readonly number[];
  readonly minutes: readonly number[];
  readonly seconds: readonly number[];
  readonly positions: readonly number[];
}

export interface RuleWeekday {
  /** The first, the second, the last (-1) of a month or year; 0 is every. */
  readonly nth: number;
  readonly weekday: number;
}

const weekdayNames = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];
const frequencies: readonly string[] = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'] satisfies Frequency[];
const untilPattern = /^\d{8}(?:T\d{6}Z?)?$/;
const textLengthMax = 2_000;

// What each list of numbers may hold; where a negative one counts from the end, zero is nothing.
const ranges = {
  BYMONTH: [1, 12, false],
  BYMONTHDAY: [1, 31, true],
  BYYEARDAY: [1, 366, true],
  BYWEEKNO: [1, 53, true],
  BYHOUR: [0, 23, false],
  BYMINUTE: [0, 59, false],
  BYSECOND: [0, 59, false],
  BYSETPOS: [1, 366, true],
} as const;

type NumberPart = keyof typeof ranges;

const knownParts: readonly string[] = [
  ...['FREQ', 'INTERVAL', 'COUNT', 'UNTIL', 'WKST', 'BYDAY'],
  ...Object.keys(ranges),
];

/** What is wrong with a rule, as what was expected of it. */
export interface RuleFault {
  readonly expected: string;
}

export function parseRule(text: string): RecurrenceRule | RuleFault {
  if (text.length > textLengthMax) return { expected: `a rule of at most ${textLengthMax} characters` };
  const parts = new Map<string, string>();
  for (const part of text.toUpperCase().split(';')) {
    if (part === '') continue;
    const [name = '', value, ...more] = part.split('=');
    if (value === undefined || value === '' || more.length > 0) return { expected: 'parts such as FREQ=MONTHLY' };
    if (!knownParts.includes(name)) return { expected: `no part but ${knownParts.join(', ')}` };
    if (parts.has(name)) return { expected: `${name} once` };
    parts.set(name, value);
  }
  return readParts(parts);
}

function readParts(parts: ReadonlyMap<string, string>): RecurrenceRule | RuleFault {
  const frequency = parts.get('FREQ') ?? '';
  if (!frequencies.includes(frequency)) return { expected: `FREQ to be one of ${frequencies.join(', ')}` };
  const lists = {} as Record<NumberPart, readonly number[]>;
  for (const name of Object.keys(ranges) as NumberPart[]) {
    const numbers = readNumbers(parts.get(name), name);
    if (numbers === undefined)
      return { expected: `${name} to be numbers from ${ranges[name].slice(0, 2).join(' to ')}` };
    lists[name] = numbers;
  }
  const weekdays = readWeekdays(parts.get('BYDAY'));
  if (weekdays === undefined) return { expected: 'BYDAY to be weekdays such as FR, 1FR or -1MO' };
  const weekStart = weekdayNames.indexOf(parts.get('WKST') ?? 'MO');
  if (weekStart < 0) return { expected: 'WKST to be a weekday such as MO' };
  const [interval, count] = [readCount(parts.get('INTERVAL') ?? '1'), readCount(parts.get('COUNT') ?? '1')];
  if (interval === undefined) return { expected: 'INTERVAL to be a whole number from 1 to 99999' };
  if (count === undefined) return { expected: 'COUNT to be a whole number from 1 to 99999' };
  const until = parts.get('UNTIL');
  if (until !== undefined && !untilPattern.test(until)) return { expected: 'UNTIL to be a date or an instant' };
  const rule: RecurrenceRule = {
    ...{ frequency: frequency as Frequency, interval, weekStart, weekdays },
    ...(parts.has('COUNT') && { count }),
    ...(until !== undefined && { until }),
    months: lists.BYMONTH,
    monthDays: lists.BYMONTHDAY,
    yearDays: lists.BYYEARDAY,
    weeks: lists.BYWEEKNO,
    hours: lists.BYHOUR,
    minutes: lists.BYMINUTE,
    seconds: lists.BYSECOND,
    positions: lists.BYSETPOS,
  };
  const expected = faultOf(rule);
  return expected === undefined ? rule : { expected };
}

// Any single day's times: every quarter of an hour is 96, and no release comes more often.
const timesPerDayMax = 96;

/** Parts that contradict each other, by the table of RFC 5545. */
function faultOf(rule: RecurrenceRule): string | undefined {
  const { frequency, weekdays, weeks, monthDays, yearDays, positions, hours, minutes, seconds } = rule;
  if (rule.count !== undefined && rule.until !== undefined) return 'COUNT or UNTIL, not both';
  const hasNth = weekdays.some(({ nth }) => nth !== 0);
  if (hasNth && (frequency === 'DAILY' || frequency === 'WEEKLY' || weeks.length > 0))
    return `no numbers in BYDAY with ${weeks.length > 0 ? 'BYWEEKNO' : frequency}`;
  if (frequency === 'MONTHLY' && weekdays.some(({ nth }) => Math.abs(nth) > 5))
    return 'BYDAY to number a weekday of a month from 1 to 5';
  if (weeks.length > 0 && frequency !== 'YEARLY') return 'BYWEEKNO only with YEARLY';
  if (yearDays.length > 0 && frequency !== 'YEARLY') return 'BYYEARDAY only with YEARLY';
  if (monthDays.length > 0 && frequency === 'WEEKLY') return 'no BYMONTHDAY with WEEKLY';
  const isNarrowed = [weekdays, weeks, monthDays, yearDays, rule.months, hours, minutes, seconds].some(
    (list) => list.length > 0,
  );
  if (positions.length > 0 && !isNarrowed) return 'BYSETPOS beside another BY';
  const timeCount = [hours, minutes, seconds].reduce((product, list) => product * Math.max(1, list.length), 1);
  return timeCount > timesPerDayMax ? `at most ${timesPerDayMax} times a day` : undefined;
}

function readNumbers(text: string | undefined, name: NumberPart): readonly number[] | undefined {
  if (text === undefined) return [];
  const [min, max, isFromEnd] = ranges[name];
  const numbers = text.split(',').map((word) => (/^[+-]?\d{1,3}$/.test(word) ? Number(word) : NaN));
  const isRight = numbers.every((number) => {
    const size = isFromEnd ? Math.abs(number) : number;
    return size >= min && size <= max;
  });
  return isRight ? [...new Set(numbers)] : undefined;
}

function readWeekdays(text: string | undefined): readonly RuleWeekday[] | undefined {
  if (text === undefined) return [];
  const weekdays = text.split(',').map((word) => {
    const match = /^([+-]?(?:[1-9]|[1-4]\d|5[0-3]))?([A-Z]{2})$/.exec(word);
    return { nth: Number(match?.[1] ?? 0), weekday: weekdayNames.indexOf(match?.[2] ?? '') };
  });
  return weekdays.every(({ weekday }) => weekday >= 0) ? weekdays : undefined;
}

function readCount(text: string): number | undefined {
  const count = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return count >= 1 ? count : undefined;
}
