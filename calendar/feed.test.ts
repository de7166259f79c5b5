import { expect, it } from 'vitest';
import { msPerDay, msPerMinute } from '../core/time.ts';
import { at, calendarOf, cpi } from './event.fixture.ts';
import { findStaleFeed, keepLostEvents } from './feed.ts';

const nowMs = at('2025-10-01');
const weekly = Array.from({ length: 30 }, (_, week) =>
  cpi('2025-09-01T12:30:00Z', { id: `w${week}`, startsAtMs: at('2025-09-01T12:30:00Z') + week * 7 * msPerDay }),
);
// Five of them are over; of the 25 ahead a tenth is two and a half.
const ahead = weekly.slice(5);
const whole = calendarOf('bls.ics', weekly);
const without = (...names: number[]) =>
  calendarOf(
    'bls.ics',
    weekly.filter((_, index) => !names.includes(index)),
  );

it.each([
  ['the past is dropped', without(0, 1, 2, 3, 4), 0],
  ['two of 25', without(10, 20), 0],
  ['three of 25', without(10, 20, 29), 3],
  ['all', calendarOf('bls.ics', []), 25],
])('keeps what a feed loses at once: %s', (_, after, keptCount) => {
  const { calendar, findings } = keepLostEvents(whole, after, nowMs);
  expect(calendar.events.filter(({ doubt }) => doubt?.kind === 'lost-events')).toHaveLength(keptCount);
  expect(calendar.events).toHaveLength(after.events.length + keptCount);
  expect(findings.map(({ kind }) => kind)).toEqual(keptCount > 0 ? ['lost-events'] : []);
});

it('calls one of a few an edit', () => {
  const [one, two] = [ahead.slice(0, 2), ahead.slice(0, 1)].map((events) => calendarOf('desk.yaml', events));
  expect(keepLostEvents(one!, two!, nowMs).findings).toEqual([]);
});

it('takes what the same version adds, and keeps what was lost until it is back', () => {
  const added = cpi('2025-10-20T12:30:00Z', { id: 'new', kind: 'ppi' });
  const cut = calendarOf('bls.ics', [...weekly.slice(0, 8), added]);
  const { calendar, findings } = keepLostEvents(whole, cut, nowMs);
  expect(calendar.events.find(({ id }) => id === 'new')).toBeDefined();
  expect(calendar.version).not.toBe(cut.version);
  expect(findings[0]!.because).toBe(
    'bls.ics lost 22 of its 25 future events at once: they stay in force; if that is right: calendar confirm bls.ics',
  );
  const again = keepLostEvents(calendar, cut, nowMs + msPerDay);
  expect([again.calendar.version, again.findings]).toEqual([calendar.version, []]);
  const back = keepLostEvents(again.calendar, whole, nowMs + msPerDay);
  expect(back.calendar).toBe(whole);
});

const health = { source: 'https://bls.example/bls.ics', refreshMs: 15 * msPerMinute, startedAtMs: nowMs };

it.each([
  ['a file is never stale', { source: 'a.csv', startedAtMs: 0 }, 10 * msPerDay, undefined],
  ['three intervals are not yet', health, 45 * msPerMinute, undefined],
  ['longer is', health, 45 * msPerMinute + 1, 'finding'],
  ['counted from the last answer', { ...health, answeredAtMs: nowMs + msPerMinute }, 46 * msPerMinute, undefined],
  ['before an event it is a notice', health, 40 * 60 * msPerMinute, 'notice'],
])('a feed that does not answer: %s', (_, one, afterMs, severity) => {
  const events = [cpi('2025-10-03T12:30:00Z')];
  expect(findStaleFeed(one, events, nowMs + afterMs)?.severity).toBe(severity);
});

it('says since when, and why', () => {
  const told = findStaleFeed({ ...health, answeredAtMs: nowMs, trouble: 'HTTP 503' }, [], nowMs + msPerDay);
  expect(told?.because).toBe(
    'https://bls.example/bls.ics has not answered since 2025-10-01T00:00:00Z, asked every 15 min (HTTP 503): what it said last stays in force',
  );
});
