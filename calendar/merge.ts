/**
 * Several calendars as one. Two that say the same event give one event. Two that contradict each other are a finding, and both times are kept
 * warm: nobody here knows which of them is right, and a window too many costs cents.
 */
import type { MarketEvent } from '../core/market-event.ts';
import type { SessionClock } from '../core/session-clock.ts';
import { formatInstant, msPerDay, type EpochMs } from '../core/time.ts';
import { calendarVersion, compareEvents, type Calendar } from './event.ts';
import { severityAt, subjectOf, tell, type CalendarFinding } from './finding.ts';

export interface MergedCalendar extends Calendar {
  readonly findings: readonly CalendarFinding[];
}

export interface MergeOptions {
  readonly nowMs: EpochMs;
  /** On whose wall two releases are on the same day. */
  readonly clock: SessionClock;
}

/**
 * The first calendar that has an event names it; later ones that say the same add the higher importance, and what humans expect. A calendar that
 * has another time for it, under the same id or for the same kind and symbols on the same day, adds a second window, `<id>~also@<time>`.
 */
export function mergeCalendars(calendars: readonly Calendar[], options: MergeOptions): MergedCalendar {
  const findings: CalendarFinding[] = [];
  let merged: readonly MarketEvent[] = [];
  for (const { events } of calendars) merged = addCalendar(merged, events, options, findings);
  const events = merged.toSorted(compareEvents);
  const [only] = calendars.length === 1 ? calendars : [];
  return {
    name: calendars.map(({ name }) => name).join(', ') || 'bells only',
    events,
    version: only?.version ?? calendarVersion(events),
    warnings: calendars.flatMap(({ warnings }) => warnings),
    findings,
  };
}

function addCalendar(
  known: readonly MarketEvent[],
  added: readonly MarketEvent[],
  options: MergeOptions,
  findings: CalendarFinding[],
): readonly MarketEvent[] {
  if (known.length === 0) return added;
  const merged = new Map(known.map((event) => [event.id, event]));
  for (const [event, other] of pair(known, added, options.clock)) {
    if (other === undefined) merged.set(event.id, event);
    else if (saySame(other, event)) merged.set(other.id, unite(other, event));
    else {
      for (const one of bothOf(other, event)) merged.set(one.id, one);
      const finding = explain(other, event, options.nowMs);
      if (finding) findings.push(finding);
    }
  }
  return [...merged.values()];
}

/** Every added event with the known one that it is: by its id, else by saying the same, else alone with it on one day. */
function pair(
  known: readonly MarketEvent[],
  added: readonly MarketEvent[],
  clock: SessionClock,
): ReadonlyMap<MarketEvent, MarketEvent | undefined> {
  const pairs = new Map<MarketEvent, MarketEvent | undefined>();
  const free = new Set(known);
  const match = (event: MarketEvent, other: MarketEvent | undefined): void => {
    pairs.set(event, other);
    if (other) free.delete(other);
  };
  const byId = new Map(known.map((event) => [event.id, event]));
  for (const event of added) if (byId.has(event.id)) match(event, byId.get(event.id));

  const statementOf = (event: MarketEvent): string => `${event.startsAtMs} ${subjectOf(event)}`;
  const byStatement = Map.groupBy(free, statementOf);
  for (const event of added) {
    if (pairs.has(event)) continue;
    const same = byStatement.get(statementOf(event))?.find((other) => free.has(other) && saySame(other, event));
    if (same) match(event, same);
  }

  // Who comes several times a day in one calendar, a speaker say, may well be seen a third time by another.
  const dayOf = (event: MarketEvent): string => `${subjectOf(event)} ${localDayOf(event, clock)}`;
  const [knownByDay, addedByDay] = [known, added].map((events) => Map.groupBy(events, dayOf));
  for (const event of added) {
    if (pairs.has(event)) continue;
    const [others = [], siblings = []] = [knownByDay!.get(dayOf(event)), addedByDay!.get(dayOf(event))];
    const isOnlyOne = others.length === 1 && siblings.length === 1 && free.has(others[0]!);
    match(event, isOnlyOne ? others[0] : undefined);
  }
  return pairs;
}

/** A bare date stands at 00:00Z, which in New York is the evening before. */
function localDayOf({ startsAtMs, precision }: MarketEvent, clock: SessionClock): number {
  const localMs = precision === 'date' ? startsAtMs : startsAtMs + clock.utcOffsetMsAt(startsAtMs);
  return Math.floor(localMs / msPerDay);
}

function saySame(one: MarketEvent, other: MarketEvent): boolean {
  return one.startsAtMs === other.startsAtMs && one.status === other.status && one.precision === other.precision;
}

function unite(first: MarketEvent, second: MarketEvent): MarketEvent {
  const { isTimeAssumed, doubt, ...stated } = first;
  return {
    ...stated,
    // What one feed lost, another still says.
    ...(doubt && second.doubt && { doubt }),
    // A habit that another calendar states is no assumption any more.
    ...(isTimeAssumed && second.isTimeAssumed && { isTimeAssumed }),
    importance: first.importance >= second.importance ? first.importance : second.importance,
    ...(first.expect === undefined && second.expect && { expect: second.expect }),
  };
}

/** What stays of two that do not agree. Of a time and a day the time says more; what one still schedules is not off. */
function bothOf(first: MarketEvent, second: MarketEvent): readonly MarketEvent[] {
  if (second.precision === 'date' || second.status === 'cancelled') return [first];
  if (first.precision === 'date' || first.status === 'cancelled') return [{ ...second, id: first.id }];
  const id = `${first.id}~also@${formatInstant(second.startsAtMs)}`;
  return [first, { ...second, id, doubt: { kind: 'sources-disagree', eventId: first.id } }];
}

function explain(first: MarketEvent, second: MarketEvent, nowMs: EpochMs): CalendarFinding | undefined {
  if (first.precision === 'date' || second.precision === 'date') return undefined;
  if (first.status === 'cancelled' && second.status === 'cancelled') return undefined;
  const [one, other] = [first, second].map(({ status, startsAtMs, source }) =>
    status === 'cancelled'
      ? `${source.calendar} says that it is cancelled`
      : `${source.calendar} has it at ${formatInstant(startsAtMs)}`,
  );
  const earlier = Math.min(first.startsAtMs, second.startsAtMs);
  const outcome =
    first.status === second.status
      ? `both are kept warm; mend one of them, or: calendar confirm ${first.id}`
      : 'it stays warm; mend one of them';
  return {
    kind: 'sources-disagree',
    eventId: first.id,
    atMs: earlier,
    because: `${tell(first)}: ${one!}, ${other!}: ${outcome}`,
    severity: severityAt(earlier, nowMs),
  };
}
