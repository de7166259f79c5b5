import { describe, expect, it } from 'vitest';
import type { MarketEvent } from '../core/market-event.ts';
import { msPerDay } from '../core/time.ts';
import { at, brief, calendarOf, cpi } from './event.fixture.ts';
import { confirmInForce, standingDoubts, takeCalendars, type CalendarsInForce } from './in-force.ts';
import { createVenue } from './venue.ts';

const clock = createVenue('XNYS');

/** When the prices of 2024 and 2025 were published, by the schedule as it stood before the government shut down. */
const releases = [
  ...['2024-09-11', '2024-10-10', '2024-11-13', '2024-12-11', '2025-01-15', '2025-02-12', '2025-03-12', '2025-04-10'],
  ...['2025-05-13', '2025-06-11', '2025-07-15', '2025-08-12', '2025-09-11', '2025-10-15', '2025-11-13', '2025-12-10'],
].map((day) => {
  const isWinter = day < '2024-03-10' || (day > '2024-11-03' && day < '2025-03-09') || day > '2025-11-02';
  return cpi(`${day}T${isWinter ? 13 : 12}:30:00Z`, { id: `cpi-${day.slice(0, 7)}` });
});

const with_ = (id: string, change: Partial<MarketEvent>): MarketEvent[] =>
  releases.map((event) => (event.id === id ? { ...event, ...change } : event));

function take(before: CalendarsInForce | undefined, events: readonly MarketEvent[], nowMs: number) {
  return takeCalendars(before, [{ source: 'https://bls.example/bls.ics', calendar: calendarOf('bls.ics', events) }], {
    nowMs,
    clock,
  });
}

const near = (events: readonly MarketEvent[], fromMs: number): string[] =>
  events.filter(({ startsAtMs }) => startsAtMs > fromMs && startsAtMs < fromMs + 40 * msPerDay).map(brief);

describe('the prices of September 2025, put off from 15 to 24 October', () => {
  const moved = with_('cpi-2025-10', { startsAtMs: at('2025-10-24T12:30:00Z') });
  const calledOff = moved.map((event): MarketEvent =>
    event.id === 'cpi-2025-11' ? { ...event, status: 'cancelled' } : event,
  );

  it('told on the 10th, the release is warmed for where it is, and nowhere else', () => {
    const nowMs = at('2025-10-10T14:00:00Z');
    const { inForce } = take(undefined, releases, at('2025-10-01'));
    const { calendar, diff, findings } = take(inForce, moved, nowMs);
    expect(near(calendar.events, nowMs)).toEqual([
      'cpi-2025-10 2025-10-24T12:30:00Z',
      'cpi-2025-11 2025-11-13T13:30:00Z',
    ]);
    expect(diff.moved.map(({ after }) => after.id)).toEqual(['cpi-2025-10']);
    expect(findings).toEqual([]);
  });

  it('told in the evening before, both mornings are warm until a human has confirmed', () => {
    const nowMs = at('2025-10-14T22:00:00Z');
    const { inForce } = take(undefined, releases, at('2025-10-01'));
    const taken = take(inForce, moved, nowMs);
    expect(near(taken.calendar.events, nowMs)).toEqual([
      'cpi-2025-10 2025-10-15T12:30:00Z held-over',
      'cpi-2025-10 2025-10-24T12:30:00Z',
      'cpi-2025-11 2025-11-13T13:30:00Z',
    ]);
    expect(taken.findings.map(({ kind, severity, eventId }) => [kind, severity, eventId])).toEqual([
      ['held-over', 'notice', 'cpi-2025-10'],
    ]);
    const confirmed = confirmInForce(taken.inForce, 'cpi-2025-10', { nowMs, clock })!;
    expect(confirmed.released.map(brief)).toEqual(['cpi-2025-10 2025-10-15T12:30:00Z held-over']);
    expect(near(confirmed.calendar.events, nowMs)).toEqual([
      'cpi-2025-10 2025-10-24T12:30:00Z',
      'cpi-2025-11 2025-11-13T13:30:00Z',
    ]);
    expect(take(confirmed.inForce, moved, nowMs).calendar.version).toBe(confirmed.calendar.version);
    expect(confirmInForce(confirmed.inForce, 'cpi-2025-10', { nowMs, clock })).toBeUndefined();
  });

  it('those of October never come: called off, that is told; left out, it is asked', () => {
    const nowMs = at('2025-11-03T12:00:00Z');
    const { inForce } = take(undefined, moved, at('2025-10-20'));
    expect(take(inForce, calledOff, nowMs).findings).toEqual([]);
    const left = take(
      inForce,
      moved.filter(({ id }) => id !== 'cpi-2025-11'),
      nowMs,
    );
    expect(left.findings.map(({ kind, eventId }) => [kind, eventId])).toEqual([['missing-release', 'cpi-2025-10']]);
  });

  it('called off in the last day, they stay warm, and are kept as cancelled', () => {
    const nowMs = at('2025-11-12T20:00:00Z');
    const { inForce } = take(undefined, moved, at('2025-11-01'));
    const { calendar, findings } = take(inForce, calledOff, nowMs);
    expect(near(calendar.events, nowMs).slice(0, 2)).toEqual([
      'cpi-2025-11 2025-11-13T13:30:00Z cancelled',
      'cpi-2025-11 2025-11-13T13:30:00Z held-over',
    ]);
    expect(findings).toMatchObject([{ kind: 'held-over', severity: 'notice' }]);
  });
});

describe('20:30 typed for 08:30', () => {
  const typo = with_('cpi-2025-10', { startsAtMs: at('2025-10-16T00:30:00Z') });
  const mended = releases;

  it('in the last day: both are warm, the hour is doubted at once, and the mended file leaves nothing', () => {
    const nowMs = at('2025-10-15T06:00:00Z');
    const { inForce } = take(undefined, releases, at('2025-10-14'));
    const edited = take(inForce, typo, nowMs);
    expect(near(edited.calendar.events, nowMs).slice(0, 2)).toEqual([
      'cpi-2025-10 2025-10-15T12:30:00Z held-over',
      'cpi-2025-10 2025-10-16T00:30:00Z',
    ]);
    expect(edited.findings.map(({ kind, severity, eventId }) => [kind, severity, eventId])).toEqual([
      ['unusual-hour', 'notice', 'cpi-2025-10'],
      ['held-over', 'notice', 'cpi-2025-10'],
    ]);
    expect(edited.findings[0]!.because).toContain('20:30 in America/New_York, where 13 of the last 13 were at 08:30');
    const again = take(edited.inForce, mended, nowMs + 3_600_000);
    expect(near(again.calendar.events, nowMs)[0]).toBe('cpi-2025-10 2025-10-15T12:30:00Z');
    expect(again.findings).toEqual([]);
    expect(again.calendar.version).toBe(take(undefined, releases, nowMs).calendar.version);
  });

  it('weeks before: doubted at once, and again when the day comes', () => {
    const { inForce } = take(undefined, releases, at('2025-09-20'));
    const edited = take(inForce, typo, at('2025-09-21'));
    expect(edited.findings).toMatchObject([{ kind: 'unusual-hour', severity: 'finding' }]);
    expect(near(edited.calendar.events, at('2025-10-01'))[0]).toBe('cpi-2025-10 2025-10-16T00:30:00Z');
    const later = { nowMs: at('2025-10-15T06:00:00Z'), clock };
    expect(standingDoubts(edited.inForce, later)).toMatchObject([{ kind: 'unusual-hour', severity: 'notice' }]);
  });

  it('08:30 typed for 20:30 is warm in the evening too', () => {
    const nowMs = at('2025-10-15T06:00:00Z');
    const evening = with_('cpi-2025-10', { startsAtMs: at('2025-10-16T00:30:00Z') });
    const { inForce } = take(undefined, evening, at('2025-10-14'));
    expect(near(take(inForce, releases, nowMs).calendar.events, nowMs).slice(0, 2)).toEqual([
      'cpi-2025-10 2025-10-15T12:30:00Z',
      'cpi-2025-10 2025-10-16T00:30:00Z held-over',
    ]);
  });
});

describe('several sources', () => {
  const nowMs = at('2025-10-15T06:00:00Z');
  const bls = { source: '/etc/bls.csv', calendar: calendarOf('bls.csv', releases) };
  const desk = (ts: string) => ({
    source: '/etc/desk.yaml',
    calendar: calendarOf('desk.yaml', [cpi(ts, { id: 'cpi-2025-10' })]),
  });

  it('that disagree are both warm; mending one, or a confirmation, ends it', () => {
    const first = takeCalendars(undefined, [bls], { nowMs, clock });
    const both = takeCalendars(first.inForce, [bls, desk('2025-10-15T14:30:00Z')], { nowMs, clock });
    const warm = ['cpi-2025-10 2025-10-15T12:30:00Z', 'cpi-2025-10 2025-10-15T14:30:00Z sources-disagree'];
    expect(near(both.calendar.events, nowMs).slice(0, 2)).toEqual(warm);
    expect(both.findings.map(({ kind }) => kind)).toContain('sources-disagree');

    const confirmed = confirmInForce(both.inForce, 'cpi-2025-10', { nowMs, clock })!;
    expect(near(confirmed.calendar.events, nowMs)[1]).toBe('cpi-2025-11 2025-11-13T13:30:00Z');
    const unchanged = takeCalendars(confirmed.inForce, both.inForce.sources, { nowMs, clock });
    expect(unchanged.calendar.version).toBe(confirmed.calendar.version);

    const mended = takeCalendars(both.inForce, [bls, desk('2025-10-15T12:30:00Z')], { nowMs, clock });
    expect(near(mended.calendar.events, nowMs)[0]).toBe(warm[0]);
    expect(mended.findings.filter(({ kind }) => kind === 'sources-disagree')).toEqual([]);
  });

  it('of which one is not configured any more leave their last day warm', () => {
    const first = takeCalendars(undefined, [bls], { nowMs, clock });
    const { calendar } = takeCalendars(first.inForce, [], { nowMs, clock });
    expect(calendar.events.map(brief)).toEqual(['cpi-2025-10 2025-10-15T12:30:00Z held-over']);
  });

  it('of which one comes back nearly empty keep what it had, until a human says that it is right', () => {
    const first = takeCalendars(undefined, [bls], { nowMs, clock });
    const cut = { source: bls.source, calendar: calendarOf('bls.csv', releases.slice(0, 13)) };
    const taken = takeCalendars(first.inForce, [cut], { nowMs, clock });
    expect(taken.calendar.events.slice(-3).map(brief)).toEqual([
      'cpi-2025-10 2025-10-15T12:30:00Z lost-events',
      'cpi-2025-11 2025-11-13T13:30:00Z lost-events',
      'cpi-2025-12 2025-12-10T13:30:00Z lost-events',
    ]);
    expect(taken.findings).toMatchObject([{ kind: 'lost-events', severity: 'notice' }]);
    const restored = JSON.parse(JSON.stringify(taken.inForce)) as CalendarsInForce;
    const confirmed = confirmInForce(restored, 'bls.csv', { nowMs, clock })!;
    expect(confirmed.calendar.events).toHaveLength(13);
    expect(takeCalendars(confirmed.inForce, [cut], { nowMs, clock }).calendar.events).toHaveLength(13);
  });
});
