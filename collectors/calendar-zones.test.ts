import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

// Goal: the instants that the agency, Outlook and the Federal Reserve mean, whatever the zone of the machine. Method: one file of everything that other
// readers got wrong, read by a process in each zone, held to instants that were worked out by hand: New York was four hours behind UTC from 9 March to
// 2 November 2025, and five otherwise.

const expected: Readonly<Record<string, readonly string[]>> = {
  'US-Eastern without a VTIMEZONE, in summer': ['us-eastern-summer 2025-09-05T12:30:00Z'],
  'and in winter': ['us-eastern 2025-11-05T13:30:00Z'],
  'a zone of Windows, whose VTIMEZONE knows no summer': ['windows 2025-09-05T12:30:00Z'],
  'what Outlook shows people': ['outlook 2025-09-05T12:30:00Z'],
  EST5EDT: ['unix 2025-09-05T12:30:00Z'],
  'a rule over the change of March': [
    'spring@2025-03-04T13:30:00Z 2025-03-04T13:30:00Z',
    'spring@2025-03-11T12:30:00Z 2025-03-11T12:30:00Z',
  ],
  'a rule over the change of November, less an EXDATE, with an RDATE and a RECURRENCE-ID that moves one': [
    'autumn@2025-10-28T12:30:00Z 2025-10-28T12:30:00Z',
    'autumn@2025-11-04T13:30:00Z 2025-11-05T15:00:00Z',
    'autumn@2025-11-11T13:30:00Z 2025-11-11T13:30:00Z',
    'autumn@2025-11-20T13:30:00Z 2025-11-20T13:30:00Z',
  ],
  'all-day meetings of the FOMC, at the time assumed on their last day': [
    'fomc 2025-10-29T18:00:00Z assumed',
    'fomc-winter 2025-12-10T19:00:00Z assumed',
  ],
  'a time without a zone, which is taken for its day': ['floating 2025-11-13T13:30:00Z assumed'],
};

describe.each([
  ['UTC', 0],
  ['America/New_York', 300],
  ['Asia/Kolkata', -330],
])('on a machine in %s', (timeZone, offsetMinutes) => {
  const [offset, ...events] = readIn(timeZone);

  it('which it really is', () => expect(Number(offset)).toBe(offsetMinutes));

  it.each(Object.entries(expected))('%s', (_, lines) => {
    const names = new Set(lines.map(uidOf));
    expect(events.filter((line) => names.has(uidOf(line)))).toEqual(lines);
  });
});

function uidOf(line: string): string {
  return /^[^ @]+/.exec(line)![0];
}

function readIn(timeZone: string): readonly string[] {
  const script = `
    import { readCalendar } from ${JSON.stringify(new URL('calendar-file.ts', import.meta.url).href)};
    console.log(new Date(2025, 0).getTimezoneOffset());
    const { events } = await readCalendar(process.argv[1], { aroundMs: Date.UTC(2025, 10, 1) });
    for (const { id, startsAtMs, isTimeAssumed } of events)
      console.log(id + ' ' + new Date(startsAtMs).toISOString().replace('.000', '') + (isTimeAssumed ? ' assumed' : ''));`;
  const file = fileURLToPath(new URL('fixtures/zones.ics', import.meta.url));
  return execFileSync(process.execPath, ['--input-type=module', '-e', script, file], {
    env: { ...process.env, TZ: timeZone, NODE_OPTIONS: '' },
    encoding: 'utf8',
  })
    .trim()
    .split('\n');
}
