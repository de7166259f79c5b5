import fc from 'fast-check';
import { expect, it } from 'vitest';
import { InputError } from '../core/errors.ts';
import { formatInstant } from '../core/time.ts';
import { formatCalendarCsv, parseCalendarCsv } from './calendar-csv.ts';

const header = 'ts,kind,title,importance,symbol,source';
const payrolls = '2025-09-05T12:30:00Z,nfp,Employment Situation,3,,bls.gov';
const fed = '2025-09-17T18:00:00Z,fomc,"Decision, statement and ""dots""",3,,federalreserve.gov';

const parse = (...lines: string[]) => parseCalendarCsv(lines.join('\n'), 'calendars/us.csv');
const refusal = (...lines: string[]): string => {
  try {
    parse(...lines);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return 'taken';
};

it('reads rows into events in order of time, each with where it came from', () => {
  const { name, events, warnings } = parse(header, fed, payrolls, '');
  expect([name, warnings]).toEqual(['us.csv', []]);
  expect(events.map((event) => `${event.id} ${event.title}`)).toEqual([
    'nfp@2025-09-05T12:30:00Z Employment Situation',
    'fomc@2025-09-17T18:00:00Z Decision, statement and "dots"',
  ]);
  expect(events.map((event) => event.source)).toEqual([
    { calendar: 'us.csv', line: 3, says: 'bls.gov' },
    { calendar: 'us.csv', line: 2, says: 'federalreserve.gov' },
  ]);
});

it('reads the optional columns, in any order', () => {
  const { events } = parse(
    'status,id,precision,source,symbol,importance,title,kind,ts',
    'cancelled,x1,date,SEC,AAPL,3,Results,earnings,2025-10-30',
  );
  expect(events).toEqual([
    {
      id: 'x1',
      kind: 'earnings',
      title: 'Results',
      startsAtMs: Date.UTC(2025, 9, 30),
      precision: 'date',
      importance: 3,
      symbols: ['AAPL'],
      status: 'cancelled',
      source: { calendar: 'us.csv', line: 2, says: 'SEC' },
    },
  ]);
});

it('reads and writes what humans expect', () => {
  const { events, version } = parse(
    `${header},expect_group,expect_lift,expect_requests_per_second,expect_minutes`,
    `${payrolls},trading,4,,45`,
    `${fed},app,,250.5,30`,
  );
  expect(events.map((event) => event.expect)).toEqual([
    { group: 'trading', lift: 4, minutes: 45 },
    { group: 'app', requestsPerSecond: 250.5, minutes: 30 },
  ]);
  const written = formatCalendarCsv(events);
  expect(parseCalendarCsv(written, 'copy.csv').version).toBe(version);
  expect(formatCalendarCsv(parse(header, payrolls).events)).not.toContain('expect');
});

it('has one version for one content, however it is written down', () => {
  const { version } = parse(header, payrolls, fed);
  const quoted = payrolls.replace('nfp', '"nfp"').replace('12:30:00Z', '08:30:00-04:00');
  expect(parse(header, fed, '', quoted).version).toBe(version);
  expect(parse(header, fed, payrolls.replace('12:30', '12:31')).version).not.toBe(version);
});

it('counts a row that is there twice once, and says so', () => {
  const { events, warnings } = parse(header, payrolls, fed, payrolls);
  expect(events).toHaveLength(2);
  expect(warnings).toEqual(['line 4 says the same as line 2, and counts once']);
});

it('takes an empty calendar, with a warning', () => {
  expect(parse(header)).toMatchObject({ events: [], warnings: ['there is no event in it'] });
});

it('names all faults of a file at once, by line, with value and what was expected', () => {
  expect(
    refusal(
      header,
      payrolls,
      '2025-09-05 12:30,NFP,Employment Situation,high,,bls.gov',
      '2025-09-11T12:30:00Z,cpi,Consumer prices, all items,3,,bls.gov',
      payrolls.replace(',3,', ',1,'),
    ).split('\n'),
  ).toEqual([
    'calendars/us.csv:3 ts: got "2025-09-05 12:30", expected an instant with its zone (2025-09-05T12:30:00Z) or a date',
    'calendars/us.csv:3 kind: got "NFP", expected lower-case snake case, at most 40 characters (fomc_minutes)',
    'calendars/us.csv:3 importance: got "high", expected 1, 2 or 3',
    'calendars/us.csv:4: got 7 fields in "2025-09-11T12:30:00Z,cpi,Consumer prices, all it…", expected 6 fields on one line',
    'calendars/us.csv:5 id: got "nfp@2025-09-05T12:30:00Z" as in line 2, which says otherwise, expected an id of its own',
  ]);
});

it.each([
  ['a quote inside a field', 'Fed "dots"'],
  ['a quote that does not end', '"Fed'],
  ['words after a quote', '"Fed" dots'],
])('refuses a row with %s', (_, title) => {
  expect(refusal(header, payrolls.replace('Employment Situation', title))).toContain('us.csv:2: got broken quotes');
});

it('shows the first faults of many', () => {
  const lines = refusal(header, ...Array<string>(30).fill('x')).split('\n');
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toBe('and 10 more');
});

it.each([
  ['nothing', '', 'us.csv:1: got no column ts, expected ts,kind,title,importance,symbol,source'],
  ['a missing column', 'ts,kind,title,importance,source', 'us.csv:1: got no column symbol, expected'],
  [
    'a mistyped column, which could be a cancellation',
    `${header},statuss`,
    'us.csv:1: got an unknown column "statuss"',
  ],
  ['a column twice', `${header},ts`, 'us.csv:1: got the column ts again, expected each once'],
])('refuses a header with %s', (_, line, message) => expect(refusal(line, payrolls)).toContain(message));

it('refuses more events than anybody schedules', () => {
  const rows = Array.from({ length: 50_001 }, (_, index) => `${formatInstant(index * 60_000)},open,,1,,rule`);
  expect(refusal([header, ...rows.slice(1)].join('\n'))).toBe('taken');
  expect(refusal([header, ...rows].join('\n'))).toContain('more than 50000 events');
});

it('answers random rows with a calendar or with clear lines', () => {
  const cell = fc.oneof(fc.constantFrom('2025-09-05', 'nfp', '3', '', '"', '""', ','), fc.string({ maxLength: 8 }));
  fc.assert(
    fc.property(fc.array(fc.array(cell, { minLength: 5, maxLength: 7 }), { maxLength: 6 }), (rows) => {
      const text = refusal(header, ...rows.map((row) => row.join(',')));
      for (const line of text.split('\n'))
        expect(line).toMatch(/^(taken|calendars\/us\.csv:\d+( \w+)?: got .+, expected .+)$/);
    }),
    { seed: 1, numRuns: 300 },
  );
});
