import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../core/errors.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { formatInstant } from '../core/time.ts';
import { parseCalendarIcs } from './calendar-ics.ts';

const aroundMs = Date.UTC(2025, 10, 1);
const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const parse = (content: string | Uint8Array) => parseCalendarIcs(Buffer.from(content), 'feeds/a.ics', aroundMs);
const eventsOf = (content: string | Uint8Array): readonly MarketEvent[] => parse(content).events;

/** A calendar of one event, from the lines between its UID and its end. */
const calendar = (...lines: string[]): string =>
  ['BEGIN:VCALENDAR', 'BEGIN:VEVENT', 'UID:x', ...lines, 'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n');

function refusal(content: string | Uint8Array): string {
  try {
    parse(content);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return 'taken';
}

const brief = (event: MarketEvent): string =>
  `${formatInstant(event.startsAtMs)} ${event.kind} ${event.importance}${event.status === 'cancelled' ? ' cancelled' : ''}${event.isTimeAssumed ? ' assumed' : ''}`;

describe('the feed of an agency: US-Eastern, and no VTIMEZONE', () => {
  const events = eventsOf(fixture('agency.ics'));

  it('is read at the right instants, the moved release where it moved to, the cancelled one as cancelled', () => {
    expect(events.map(brief)).toEqual([
      '2025-09-05T12:30:00Z nfp 3',
      '2025-09-30T14:00:00Z jolts 2',
      '2025-10-24T12:30:00Z cpi 3',
      '2025-11-13T13:30:00Z cpi 3 cancelled',
      '2025-12-05T13:30:00Z nfp 3',
      '2026-03-20T14:00:00Z employment_situation_of_veterans 1',
    ]);
  });

  it('keeps the name of each, and says where it stands', () => {
    expect(events[4]).toMatchObject({
      id: 'empsit-2025-12@agency.example',
      title: 'Employment Situation for November 2025',
      source: { calendar: 'a.ics', line: 13, says: 'UID empsit-2025-12@agency.example' },
    });
  });
});

describe('an export of Outlook', () => {
  const events = eventsOf(fixture('outlook.ics'));
  const calls = events.filter(({ kind }) => kind === 'trading_desk');
  const instants = calls.map(({ startsAtMs }) => formatInstant(startsAtMs));

  it('keeps a weekly hour through both clock changes, whatever its VTIMEZONE says', () => {
    expect(instants).toContain('2025-03-04T13:30:00Z');
    expect(instants).toContain('2025-04-08T12:30:00Z');
    expect(instants).toContain('2025-10-28T12:30:00Z');
    expect(instants.at(-1)).toBe('2025-11-11T13:30:00Z');
  });

  it('adds the extra date, leaves out the exceptions, and moves and cancels single ones under their old names', () => {
    expect(calls.slice(0, 4).map((event) => [event.id.split('@')[1], brief(event), event.title])).toEqual([
      ['2025-03-04T13:30:00Z', '2025-03-04T13:30:00Z trading_desk 1', 'Desk call, weekly'],
      ['2025-03-06T13:30:00Z', '2025-03-06T13:30:00Z trading_desk 1', 'Desk call, weekly'],
      ['2025-03-25T12:30:00Z', '2025-03-26T20:30:00Z trading_desk 1', 'Desk call, late'],
      ['2025-04-01T12:30:00Z', '2025-04-01T12:30:00Z trading_desk 1 cancelled', 'Desk call, weekly'],
    ]);
    expect(instants).not.toContain('2025-07-01T12:30:00Z');
    // Tuesdays from 4 March to 11 November: 37; and one extra, less three exceptions.
    expect(calls).toHaveLength(35);
  });

  it('knows the names of Windows, and a zone that a VTIMEZONE only names', () => {
    const others = events.filter(({ kind }) => kind !== 'trading_desk').map(brief);
    expect(others).toEqual([
      '2025-05-01T03:00:00Z boj 2',
      '2025-05-08T11:00:00Z boe 2',
      '2025-06-02T08:00:00Z results 1',
    ]);
    expect(events.find(({ kind }) => kind === 'boj')).toMatchObject({ symbols: ['DXJ', 'EWJ'] });
  });
});

describe('whole days, times without a zone, and rules', () => {
  const { events, warnings } = parse(fixture('meetings.ics'));
  const of = (id: string): string[] => events.filter((event) => event.id.split('@')[0] === id).map(brief);

  it('gives a meeting of two days the convention of its last, shown as assumed', () => {
    expect(of('fomc-2025-10')).toEqual(['2025-10-29T18:00:00Z fomc 3 assumed']);
    expect(of('fomc-2026-01')).toEqual(['2026-01-28T19:30:00Z fomc_presser 3 assumed']);
  });

  it('makes no instant of a day whose kind has no time', () => {
    expect(events.find(({ id }) => id === 'results')).toMatchObject({
      startsAtMs: Date.UTC(2025, 9, 30),
      precision: 'date',
    });
  });

  it('does not believe a time without a zone, and says so', () => {
    expect(of('gdp')).toEqual(['2025-10-30T12:30:00Z gdp 3 assumed']);
    expect(warnings).toContain('line 21: DTSTART has no time zone; its day is taken, and its time is not believed');
  });

  it('keeps first Fridays and last working days on their clocks', () => {
    const hours = (id: string): string[] => of(id).map((text) => text.slice(5, 16));
    expect(hours('payrolls')).toEqual([
      ...['10-03T12:30', '11-07T13:30', '12-05T13:30', '01-02T13:30', '02-06T13:30', '03-06T13:30', '04-03T12:30'],
    ]);
    expect(hours('london').slice(1)).toEqual([
      ...['10-31T07:00', '11-28T07:00', '12-31T07:00', '01-30T07:00', '02-27T07:00', '03-31T06:00'],
    ]);
  });

  it('runs an hour that a clock change skips as much later', () => {
    expect(of('night').map((text) => text.slice(0, 16))).toEqual([
      '2026-03-07T07:30',
      '2026-03-08T07:30',
      '2026-03-09T06:30',
    ]);
  });
});

// Goal: the machine's own zone has no say. Method: the same files, read by a process in each of three zones.
it('reads the same under TZ=UTC, America/New_York and Asia/Kolkata', () => {
  const script = `
    import { readCalendar } from ${JSON.stringify(new URL('calendar-file.ts', import.meta.url).href)};
    for (const path of process.argv.slice(1)) {
      const { events } = await readCalendar(path, { aroundMs: ${aroundMs} });
      for (const { id, startsAtMs } of events) console.log(id, startsAtMs);
    }
    console.log(new Date(0).getTimezoneOffset());`;
  const paths = ['agency', 'outlook', 'meetings'].map((name) =>
    fileURLToPath(new URL(`fixtures/${name}.ics`, import.meta.url)),
  );
  const run = (timeZone: string): string[] =>
    execFileSync(process.execPath, ['--input-type=module', '-e', script, ...paths], {
      env: { ...process.env, TZ: timeZone, NODE_OPTIONS: '' },
      encoding: 'utf8',
    })
      .trim()
      .split('\n');
  const here = [...['agency', 'outlook', 'meetings']].flatMap((name) =>
    eventsOf(fixture(`${name}.ics`)).map(({ id, startsAtMs }) => `${id} ${startsAtMs}`),
  );
  for (const [timeZone, offset] of [
    ['UTC', '0'],
    ['America/New_York', '300'],
    ['Asia/Kolkata', '-330'],
  ] as const)
    expect(run(timeZone)).toEqual([...here, offset]);
}, 20_000);

describe('one event', () => {
  const eastern = 'DTSTART;TZID=America/New_York:20251107T083000';

  it.each([
    ['a rule that ends with an instant includes it', [eastern, 'RRULE:FREQ=DAILY;UNTIL=20251109T133000Z'], 3],
    ['and stops a second before it', [eastern, 'RRULE:FREQ=DAILY;UNTIL=20251109T132959Z'], 2],
    ['a rule that ends with a day includes it', [eastern, 'RRULE:FREQ=DAILY;UNTIL=20251109'], 3],
    ['whole days end with their day', ['DTSTART;VALUE=DATE:20251107', 'RRULE:FREQ=DAILY;UNTIL=20251109T000000Z'], 3],
    ['an exception in Greenwich', [eastern, 'RRULE:FREQ=DAILY;COUNT=3', 'EXDATE:20251108T133000Z'], 2],
    [
      'an exception an hour beside takes nothing out',
      [eastern, 'RRULE:FREQ=DAILY;COUNT=3', 'EXDATE:20251108T123000Z'],
      3,
    ],
    [
      'an exception without a zone is on the clock of the event',
      [eastern, 'RRULE:FREQ=DAILY;COUNT=3', 'EXDATE:20251108T083000'],
      2,
    ],
    ['extra dates without a rule', [eastern, 'RDATE;VALUE=PERIOD:20251110T133000Z/PT1H,20251111T133000Z/PT1H'], 3],
    [
      'a rule from long ago comes from three calendar years back to one ahead',
      ['DTSTART;VALUE=DATE:19990101', 'RRULE:FREQ=YEARLY'],
      5,
    ],
  ])('%s', (_, lines, count) => expect(eventsOf(calendar(...lines))).toHaveLength(count));

  it.each([
    ['its status', calendar(eastern, 'STATUS:CANCELLED')],
    ['the method of its calendar', calendar(eastern).replace('BEGIN:VEVENT', 'METHOD:CANCEL\r\nBEGIN:VEVENT')],
    ['the word of Outlook', calendar(eastern, 'SUMMARY:Canceled: CPI')],
    [
      'a second calendar in the file, which gives no time',
      calendar(eastern) + calendar('SEQUENCE:1').replace('BEGIN:VEVENT', 'METHOD:CANCEL\r\nBEGIN:VEVENT'),
    ],
  ])('is cancelled by %s, and stays', (_, text) => {
    expect(eventsOf(text)).toMatchObject([{ startsAtMs: Date.UTC(2025, 10, 7, 13, 30), status: 'cancelled' }]);
  });

  it.each([
    ['our own words', ['SUMMARY:CPI', 'X-FORESHOCK-KIND:crypto_cpi', 'X-FORESHOCK-IMPORTANCE:2'], 'crypto_cpi', 2],
    ['our own word for a known kind', ['SUMMARY:Jobs day', 'X-FORESHOCK-KIND:nfp'], 'nfp', 3],
    ['a category that is a kind', ['SUMMARY:Prices', 'CATEGORIES:Desk,CPI'], 'cpi', 3],
    ['its title before a strange category', ['SUMMARY:Consumer Price Index', 'CATEGORIES:Desk'], 'cpi', 3],
    ['a strange category', ['SUMMARY:Prices', 'CATEGORIES:The desk'], 'the_desk', 1],
    ['a strange title', ['SUMMARY:Prices of 2025'], 'prices_of', 1],
    ['nothing', [], 'event', 1],
  ])('takes its kind from %s', (_, lines, kind, importance) => {
    expect(eventsOf(calendar(eastern, ...lines))).toMatchObject([{ kind, importance }]);
  });

  it('may carry what humans expect', () => {
    const lines = ['GROUP:trading', 'LIFT:4', 'MINUTES:45'].map((word) => `X-FORESHOCK-EXPECT-${word}`);
    expect(eventsOf(calendar(eastern, ...lines))).toMatchObject([
      { expect: { group: 'trading', lift: 4, minutes: 45 } },
    ]);
  });

  it('may be folded inside a letter', () => {
    const [before, after] = [Buffer.from('SUMMARY:Caf'), Buffer.from('é')];
    const text = Buffer.from(calendar(eastern, 'SUMMARY:@'));
    const at = text.indexOf('SUMMARY:@');
    const folded = [
      text.subarray(0, at),
      before,
      after.subarray(0, 1),
      Buffer.from('\r\n '),
      after.subarray(1),
      text.subarray(at + 9),
    ];
    expect(eventsOf(Buffer.concat(folded))).toMatchObject([{ title: 'Café' }]);
  });

  it('has a short id, whatever its UID', () => {
    const ids = ['a b', 'a\u200bb', 'u'.repeat(200), `${'u'.repeat(199)}v`].map(
      (uid) => eventsOf(calendar(eastern, 'RRULE:FREQ=DAILY;COUNT=1').replace('UID:x', `UID:${uid}`))[0]!.id,
    );
    expect(new Set(ids).size).toBe(4);
    for (const id of ids) expect(id).toMatch(/^[^\s\u200b]{20,120}$/);
  });
});

const eastern = 'DTSTART;TZID=America/New_York:20251107T083000';

it.each<[string, string | Uint8Array, string]>([
  [
    'a zone that nobody knows',
    calendar('DTSTART;TZID=America/Gotham:20251107T083000'),
    '4: got DTSTART in the time zone "America/Gotham", expected a zone that is known',
  ],
  [
    'a zone that is only an abbreviation',
    calendar('DTSTART;TZID=EST:20251107T083000'),
    '4: got DTSTART in the time zone "EST"',
  ],
  [
    'a zone unknown in an exception',
    calendar(eastern, 'RRULE:FREQ=DAILY;COUNT=2', 'EXDATE;TZID=Gotham:20251107T083000'),
    '6: got EXDATE in the time zone "Gotham"',
  ],
  [
    'a day that is not',
    calendar('DTSTART;VALUE=DATE:20250230'),
    '4: got DTSTART "2025-02-30", expected a date or a time',
  ],
  ['a year mistyped', calendar('DTSTART:02051107T083000Z'), '4: got DTSTART'],
  ['no start', calendar('SUMMARY:x'), '2: got no DTSTART, expected when the event starts'],
  ['two starts', calendar(eastern, eastern), '5: got DTSTART again, expected each once in an event'],
  [
    'a rule of every second',
    calendar(eastern, 'RRULE:FREQ=SECONDLY'),
    '5: got RRULE "FREQ=SECONDLY", expected FREQ to be one of',
  ],
  [
    'a rule that fills a calendar',
    calendar(eastern, `RRULE:FREQ=DAILY;BYHOUR=${[...Array(24).keys()].join()}`),
    '2: got more than 10000 occurrences of one event',
  ],
  ['a rule of exceptions', calendar(eastern, 'EXRULE:FREQ=DAILY'), '5: got "EXRULE:FREQ=DAILY", expected EXDATE'],
  [
    'a change of all that follow',
    calendar(eastern, 'RECURRENCE-ID;RANGE=THISANDFUTURE:20251107T133000Z'),
    '5: got RECURRENCE-ID with RANGE',
  ],
  [
    'an importance that is none',
    calendar(eastern, 'X-FORESHOCK-IMPORTANCE:9'),
    '2 importance: got "9", expected 1, 2 or 3',
  ],
  ['a kind that is none', calendar(eastern, 'X-FORESHOCK-KIND:Not One'), '2 kind: got "Not One"'],
  [
    'a UID twice with other words',
    calendar(eastern) + calendar(`${eastern}1`.slice(0, -1), 'SUMMARY:y'),
    '8: got the UID of line 2 again, with other words',
  ],
  ['a quote that does not end', calendar('DTSTART;TZID="America/New_York:20251107T083000'), '4: got "DTSTART;TZID='],
  ['a line that is none', calendar(eastern, 'and so on'), '5: got "and so on", expected NAME:value'],
  ['a file that is cut short', calendar(eastern).slice(0, -16), '1: got BEGIN:VCALENDAR and no END'],
  [
    'ends crossed',
    calendar(eastern).replace('END:VEVENT', 'END:VCALENDAR'),
    '5: got "END:VCALENDAR", expected END:VEVENT',
  ],
  ['components without end', 'BEGIN:VEVENT\n'.repeat(100), '9: got 9 components inside each other, expected at most 8'],
  ['a line without end', calendar(`SUMMARY:${'x\r\n '.repeat(300_000)}`), 'got a line longer than 256 KiB'],
  [
    'letters of another encoding',
    Buffer.from(calendar('SUMMARY:Caf\u00e9'), 'latin1'),
    '4: got bytes that are not UTF-8',
  ],
  ['UTF-16', Buffer.from(`\ufeff${calendar(eastern)}`, 'utf16le'), '1: got UTF-16, expected UTF-8 text'],
  ['a page of the web', '<!doctype html>', '1: got "<!doctype html>"'],
  ['nothing', '', '1: got no calendar, expected BEGIN:VCALENDAR'],
])('refuses %s in one line', (_, content, message) => {
  const lines = refusal(content).split('\n');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(message);
  expect(lines[0]).toMatch(/^feeds\/a\.ics:\d+/);
});

it('answers random properties with a calendar or with clear lines', () => {
  const name = fc.constantFrom(
    'DTSTART',
    'RRULE',
    'RDATE',
    'EXDATE',
    'RECURRENCE-ID',
    'SEQUENCE',
    'CATEGORIES',
    'SUMMARY',
    'BEGIN',
    'END',
  );
  const value = fc.oneof(
    fc.constantFrom(
      ';TZID=US-Eastern:20251107T083000',
      ';VALUE=DATE:20251107',
      ':20251107T083000Z',
      ':FREQ=WEEKLY;BYDAY=FR',
      ':VEVENT',
      ':VALARM',
      ';=:',
      ';X="',
    ),
    fc.string({ maxLength: 12 }).map((text) => `:${text.replace(/[\r\n]/g, '')}`),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 6 }), (properties) => {
      const text = refusal(calendar(eastern, ...properties.map((parts) => parts.join(''))));
      for (const line of text.split('\n'))
        expect(line).toMatch(/^(taken|feeds\/a\.ics:\d+( \w+)?: got .+, expected .+)$/u);
    }),
    { seed: 1, numRuns: 500 },
  );
});
