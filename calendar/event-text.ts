/**
 * An event from the words of a file, whatever its format. Every fault of a row is told at once, with what was expected: a typo caught here
 * is an outage that did not happen.
 */
import {
  manualKind,
  type EventSource,
  type Expectation,
  type Importance,
  type MarketEvent,
} from '../core/market-event.ts';
import { msPerDay, parseInstant, type EpochMs } from '../core/time.ts';
import { conventionalInstant } from './convention.ts';
import { createEvent } from './event.ts';

/** The words of one event, trimmed; an empty one says nothing. */
export type EventWords = Readonly<Record<(typeof eventFields)[number], string>>;

export const requiredEventFields = ['ts', 'kind', 'title', 'importance', 'symbol', 'source'] as const;
/** What humans expect of the event, all of them empty or: a group, minutes, and one of the other two. */
export const expectFields = ['expect_group', 'expect_lift', 'expect_requests_per_second', 'expect_minutes'] as const;
export const eventFields = [...requiredEventFields, 'id', 'status', 'precision', ...expectFields] as const;

export interface FieldFault {
  readonly field: keyof EventWords;
  readonly value: string;
  readonly expected: string;
}

const datePattern = /^\d{4}-\d{2}-\d{2}$/;
const kindPattern = /^[a-z][a-z0-9_]{0,39}$/;
const symbolPattern = /^[A-Za-z0-9][A-Za-z0-9._:/^=-]{0,31}$/;
// One line of printable text: what is shown on terminals and pages must not be able to command them.
const textPattern = /^[^\p{Cc}\p{Zl}\p{Zp}]{0,240}$/u;
// `~was@` and `~also@` are ours: names of the second windows that doubt keeps warm.
const idPattern = /^(?!.*~(?:was|also)@)[^\p{C}\p{Z}]{1,120}$/u;
const symbolCountMax = 64;

// Lambda is from 2014 and exchanges know their days a few years ahead; outside these a year is mistyped.
const [earliestMs, latestMs] = [Date.UTC(1970, 0, 1), Date.UTC(2100, 0, 1)];

/**
 * A bare date takes the time that its kind is always published at, shown as assumed; where no such time is known, or the row says `date`
 * itself, the event is 00:00Z with precision `date`: a day, and no instant. A row may also say `date` of a full instant that it doubts.
 */
export function readEvent(words: EventWords, source: Omit<EventSource, 'says'>): MarketEvent | readonly FieldFault[] {
  const faults: FieldFault[] = [];
  const need = <Value>(field: keyof EventWords, value: Value | undefined, expected: string): Value | undefined => {
    if (value === undefined) faults.push({ field, value: words[field], expected });
    return value;
  };
  const matching = (field: keyof EventWords, pattern: RegExp): string | undefined =>
    pattern.test(words[field]) ? words[field] : undefined;

  const startsAtMs = need('ts', readInstant(words.ts), 'an instant with its zone (2025-09-05T12:30:00Z) or a date');
  // Such an event concerns the group of its expectation alone: without one it would be warmed for nowhere.
  const isForNobody = words.kind === manualKind && words.expect_group === '';
  const kind = need(
    'kind',
    isForNobody ? undefined : matching('kind', kindPattern),
    isForNobody
      ? 'another word: this one is for what people start by hand, for one group'
      : 'lower-case snake case, at most 40 characters (fomc_minutes)',
  );
  const title = need('title', matching('title', textPattern), 'one line of text, at most 240 characters');
  const importance = need('importance', readImportance(words.importance), '1, 2 or 3');
  const symbols = need(
    'symbol',
    readSymbols(words.symbol),
    'empty, a symbol (AAPL), or several with a semicolon between',
  );
  const says = need('source', matching('source', textPattern), 'one line of text, at most 240 characters');
  const id =
    words.id === ''
      ? ''
      : need('id', matching('id', idPattern), 'no spaces, no ~was@ or ~also@, at most 120 characters');
  const status = need('status', readStatus(words.status), 'empty, scheduled or cancelled');
  const precision = need('precision', readPrecision(words), 'empty, date, or (where ts has a time) minute');
  const expectation = readExpectation(words);
  if (expectation !== undefined && 'field' in expectation) faults.push(expectation);

  if (
    startsAtMs === undefined ||
    kind === undefined ||
    title === undefined ||
    importance === undefined ||
    symbols === undefined ||
    says === undefined ||
    id === undefined ||
    status === undefined ||
    precision === undefined ||
    (expectation !== undefined && 'field' in expectation)
  ) {
    return faults;
  }
  const isUntimed = datePattern.test(words.ts) && words.precision === '';
  const assumedAtMs = isUntimed ? conventionalInstant(kind, startsAtMs / msPerDay) : undefined;
  const time =
    assumedAtMs === undefined
      ? { startsAtMs, precision }
      : ({ startsAtMs: assumedAtMs, precision: 'minute', isTimeAssumed: true } as const);
  return createEvent({
    ...(id !== '' && { id }),
    ...{ kind, title, ...time, importance, symbols, status },
    ...(expectation && { expect: expectation }),
    source: { ...source, says },
  });
}

function readInstant(text: string): EpochMs | undefined {
  const atMs = parseInstant(text);
  return atMs !== undefined && atMs >= earliestMs && atMs < latestMs ? atMs : undefined;
}

function readImportance(text: string): Importance | undefined {
  return text === '1' ? 1 : text === '2' ? 2 : text === '3' ? 3 : undefined;
}

/** Sorted and without repeats, so that the order of writing makes no other event. */
function readSymbols(text: string): readonly string[] | undefined {
  if (text === '') return [];
  const symbols = [...new Set(text.split(';').map((symbol) => symbol.trim()))].sort();
  return symbols.length <= symbolCountMax && symbols.every((symbol) => symbolPattern.test(symbol))
    ? symbols
    : undefined;
}

function readStatus(text: string): MarketEvent['status'] | undefined {
  return text === '' ? 'scheduled' : text === 'scheduled' || text === 'cancelled' ? text : undefined;
}

function readPrecision({ ts, precision }: EventWords): MarketEvent['precision'] | undefined {
  const isDate = datePattern.test(ts);
  if (precision === '') return isDate ? 'date' : 'minute';
  if (precision === 'date') return 'date';
  return precision === 'minute' && !isDate ? 'minute' : undefined;
}

const groupPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Beyond three hours it is no event but a load of its own: a floor in the configuration says that better. */
const expectMinutesMax = 180;

/** The first fault is enough: of four words that belong together, the others mean nothing without it. */
function readExpectation(words: EventWords): Expectation | FieldFault | undefined {
  const { expect_group: group, expect_minutes: minutes, expect_lift: lift, expect_requests_per_second: rate } = words;
  if (expectFields.every((field) => words[field] === '')) return undefined;
  const fault = (field: (typeof expectFields)[number], expected: string): FieldFault => ({
    ...{ field, value: words[field], expected },
  });
  if (!groupPattern.test(group)) return fault('expect_group', 'a group of functions, as the configuration names it');
  const minutesRead = readNumber(minutes, { above: 0, max: expectMinutesMax });
  if (minutesRead === undefined || !Number.isInteger(minutesRead))
    return fault('expect_minutes', `a whole number from 1 to ${expectMinutesMax}`);
  if (lift !== '' && rate !== '')
    return fault('expect_requests_per_second', 'expect_lift or expect_requests_per_second, not both');
  const common = { group, minutes: minutesRead };
  if (rate !== '') {
    const requestsPerSecond = readNumber(rate, { above: 0, max: 1_000_000 });
    if (requestsPerSecond === undefined)
      return fault('expect_requests_per_second', 'a number above 0 and at most 1000000');
    return { ...common, requestsPerSecond };
  }
  const liftRead = readNumber(lift, { above: 1, max: 100 });
  return liftRead === undefined
    ? fault('expect_lift', 'times the usual: a number above 1 and at most 100')
    : { ...common, lift: liftRead };
}

function readNumber(text: string, { above, max }: { readonly above: number; readonly max: number }) {
  const value = /^\d{1,9}(?:\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
  return value > above && value <= max ? value : undefined;
}
