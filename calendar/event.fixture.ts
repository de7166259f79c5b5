/** Events and calendars for tests: CPI of the BLS, unless said otherwise. */
import type { MarketEvent } from '../core/market-event.ts';
import { formatInstant, parseInstant, type EpochMs } from '../core/time.ts';
import { calendarVersion, compareEvents, createEvent, type Calendar, type EventDraft } from './event.ts';

export function at(text: string): EpochMs {
  return parseInstant(text) ?? NaN;
}

export function cpi(ts: string, change: Partial<EventDraft> = {}): MarketEvent {
  return createEvent({
    ...{ kind: 'cpi', title: 'Consumer prices', startsAtMs: at(ts), precision: 'minute' },
    ...{ importance: 3, symbols: [], status: 'scheduled', source: { calendar: 'a.csv', line: 2, says: 'bls.gov' } },
    ...change,
  });
}

export function calendarOf(name: string, events: readonly MarketEvent[]): Calendar {
  const sorted = events.map((event) => ({ ...event, source: { ...event.source, calendar: name } })).sort(compareEvents);
  return { name, events: sorted, version: calendarVersion(sorted), warnings: [] };
}

/** `cpi-oct 2025-10-15T12:30:00Z`, with what is not usual behind it. */
export function brief({ id, startsAtMs, status, importance, doubt }: MarketEvent): string {
  const name = id.split('~')[0]!;
  const marks = [status === 'cancelled' && 'cancelled', importance !== 3 && `of ${importance}`, doubt?.kind];
  return [name, formatInstant(startsAtMs), ...marks.filter(Boolean)].join(' ');
}
