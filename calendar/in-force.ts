/**
 * All calendars of a service, as they are in force: what each source says, what doubt keeps warm beside it, and what is doubtful. A pure fold: the same
 * versions at the same instants give the same events.
 */
import type { MarketEvent } from '../core/market-event.ts';
import type { SessionClock } from '../core/session-clock.ts';
import type { EpochMs } from '../core/time.ts';
import type { CalendarDiff } from './diff.ts';
import { findDoubts } from './doubt.ts';
import { calendarVersion, type Calendar } from './event.ts';
import { keepLostEvents } from './feed.ts';
import { newFindings, shorten, type CalendarFinding } from './finding.ts';
import { confirm, eventsInForce, noHoldOver, takeOver, type HoldOverState } from './hold-over.ts';
import { mergeCalendars } from './merge.ts';

/** One calendar, and which of the configured sources said it. */
export interface SourcedCalendar {
  /** The path or address. */
  readonly source: string;
  readonly calendar: Calendar;
}

/** Plain JSON: what a snapshot keeps, and a restart goes on from. */
export interface CalendarsInForce {
  /** In the order of the configuration. */
  readonly sources: readonly SourcedCalendar[];
  readonly holdOver: HoldOverState;
}

export interface TakenCalendars {
  readonly inForce: CalendarsInForce;
  /** What everything else works with: all sources, and what is held over. Its version names the events that a decision saw. */
  readonly calendar: Calendar;
  readonly diff: CalendarDiff;
  /** What this change brought, for the audit log and for people. */
  readonly findings: readonly CalendarFinding[];
}

export interface CalendarMoment {
  readonly nowMs: EpochMs;
  /** The venue's: its hours, and the days on which it is closed. */
  readonly clock: SessionClock;
}

/**
 * Takes over what the sources say now; `before` is undefined at the very first start. Sources that did not change are given again as they are. One that
 * is not given any more is no source any more: its windows of the coming day are held over as if it had removed them.
 */
export function takeCalendars(
  before: CalendarsInForce | undefined,
  given: readonly SourcedCalendar[],
  { nowMs, clock }: CalendarMoment,
): TakenCalendars {
  const known = new Map(before?.sources.map(({ source, calendar }) => [source, calendar]));
  const losses: CalendarFinding[] = [];
  const sources = given.map(({ source, calendar }) => {
    const earlier = known.get(source);
    if (earlier === undefined || earlier === calendar) return { source, calendar };
    const kept = keepLostEvents(earlier, calendar, nowMs);
    losses.push(...kept.findings);
    return { source, calendar: kept.calendar };
  });
  const current = before && mergeCalendars(calendarsOf(before.sources), { nowMs, clock });
  const next = mergeCalendars(calendarsOf(sources), { nowMs, clock });
  const { state, events, diff, findings } = takeOver(before?.holdOver ?? noHoldOver, {
    current: current?.events,
    next: next.events,
    nowMs,
  });
  const history = current?.events ?? [];
  const doubts = newFindings(
    [...(current?.findings ?? []), ...(current ? findDoubts(current.events, { nowMs, clock }) : [])],
    [...next.findings, ...findDoubts(next.events, { nowMs, clock, history })],
  );
  return {
    inForce: { sources, holdOver: state },
    calendar: calendarOf(next, events),
    diff,
    findings: shorten([...losses, ...doubts, ...findings]),
  };
}

/** A human's confirmation (see `confirm` in hold-over.ts). Undefined when nothing waits for it. */
export function confirmInForce(
  inForce: CalendarsInForce,
  id: string,
  { nowMs, clock }: CalendarMoment,
):
  | { readonly inForce: CalendarsInForce; readonly calendar: Calendar; readonly released: readonly MarketEvent[] }
  | undefined {
  const merged = mergeCalendars(calendarsOf(inForce.sources), { nowMs, clock });
  const confirmed = confirm(inForce.holdOver, id, { calendar: merged.events, nowMs });
  if (confirmed === undefined) return undefined;
  const { state, released } = confirmed;
  return {
    inForce: { ...inForce, holdOver: state },
    calendar: calendarOf(merged, eventsInForce(state, merged.events, nowMs)),
    released,
  };
}

/**
 * Everything that is doubtful now. Asked again each hour it tells, through `newFindings`, which findings have become notices because their event came
 * near.
 */
export function standingDoubts(
  inForce: CalendarsInForce,
  { nowMs, clock }: CalendarMoment,
): readonly CalendarFinding[] {
  const merged = mergeCalendars(calendarsOf(inForce.sources), { nowMs, clock });
  return [...merged.findings, ...findDoubts(merged.events, { nowMs, clock })];
}

function calendarsOf(sources: readonly SourcedCalendar[]): readonly Calendar[] {
  return sources.map(({ calendar }) => calendar);
}

/** Hashed anew only where doubt added or took something. */
function calendarOf(merged: Calendar, events: readonly MarketEvent[]): Calendar {
  const { name, version, warnings } = merged;
  const isAsSaid =
    events.length === merged.events.length && events.every((event, index) => event === merged.events[index]);
  return { name, events, version: isAsSaid ? version : calendarVersion(events), warnings };
}
