/**
 * What is doubtful in a calendar, judged by what its kinds have always done: a release at half past eight in the evening, one on a Sunday, two in
 * one month, or none. A finding accuses nobody; it is the question that a careful colleague would ask.
 */
import { manualKind, type MarketEvent } from '../core/market-event.ts';
import type { SessionClock } from '../core/session-clock.ts';
import { formatInstant, msPerDay, type EpochMs } from '../core/time.ts';
import { compareEvents } from './event.ts';
import { hasWindow, severityAt, subjectOf, tell, type CalendarFinding } from './finding.ts';
import { isDoubled, isMissing, isOpenDay, keepsSessions, learnCadenceMs, learnHour, type HourHabit } from './habit.ts';

export interface DoubtOptions {
  readonly nowMs: EpochMs;
  readonly clock: SessionClock;
  /** What an earlier version knew: feeds drop the past, and with it what their kinds always did. */
  readonly history?: readonly MarketEvent[];
}

/** The doubts about what lies ahead, in time order. `events` sorted; what doubt itself keeps warm is not doubted again, nor what people started. */
export function findDoubts(
  events: readonly MarketEvent[],
  { nowMs, clock, history = [] }: DoubtOptions,
): readonly CalendarFinding[] {
  const ids = new Set(events.map(({ id }) => id));
  const forgotten = history.filter(({ id, startsAtMs }) => startsAtMs < nowMs && !ids.has(id));
  const known = [...forgotten, ...events]
    .filter(({ doubt, kind }) => doubt === undefined && kind !== manualKind)
    .sort(compareEvents);
  const kinds = Map.groupBy(known, ({ kind }) => kind);
  const findings = [
    ...[...kinds].flatMap(([kind, ofKind]) => findOddTimes(kind, ofKind, { nowMs, clock })),
    ...findOddSpacing(known, nowMs),
  ];
  return findings.sort((a, b) => a.atMs - b.atMs);
}

type DatedFinding = CalendarFinding & { readonly atMs: EpochMs };

function findOddTimes(kind: string, events: readonly MarketEvent[], { nowMs, clock }: DoubtOptions): DatedFinding[] {
  const dated = events.filter(hasWindow);
  const past = dated.filter(({ startsAtMs }) => startsAtMs < nowMs);
  const ahead = dated.filter((event) => event.startsAtMs >= nowMs && !event.isTimeAssumed);
  if (ahead.length === 0) return [];
  const hour = learnHour(kind, past, clock);
  const isForSessions = keepsSessions(kind, past, clock);
  return ahead.flatMap((event) => [
    ...(hour ? doubtHour(event, hour, nowMs) : []),
    ...(isForSessions && !isOpenDay(event.startsAtMs, clock) ? [doubtDay(event, past.length, nowMs)] : []),
  ]);
}

function doubtHour(event: MarketEvent, hour: HourHabit, nowMs: EpochMs): DatedFinding[] {
  const minute = hour.minuteOf(event.startsAtMs);
  if (hour.usualMinutes.includes(minute)) return [];
  const usual = hour.usualMinutes.map(timeOfDay).join(' or ');
  const evidence = hour.pastCount === 0 ? 'is the convention' : `${hour.keptCount} of the last ${hour.pastCount} were`;
  const isHalfADay = hour.usualMinutes.some((one) => Math.abs(one - minute) === 12 * 60);
  const because = [
    `${tell(event)}, ${timeOfDay(minute)} in ${hour.timeZone}, where ${hour.pastCount === 0 ? `${usual} ${evidence}` : `${evidence} at ${usual}`}`,
    isHalfADay ? ': is it morning, and not evening?' : ': is the hour right?',
  ].join('');
  return [findingOf('unusual-hour', event, because, nowMs)];
}

function doubtDay(event: MarketEvent, pastCount: number, nowMs: EpochMs): DatedFinding {
  const past = pastCount === 0 ? 'which its kind never is' : `which none of ${pastCount} earlier ones was`;
  return findingOf('closed-session', event, `${tell(event)} is on a day without a session, ${past}`, nowMs);
}

function findingOf(
  kind: CalendarFinding['kind'],
  event: MarketEvent,
  because: string,
  nowMs: EpochMs,
  atMs = event.startsAtMs,
): DatedFinding {
  return { kind, eventId: event.id, atMs, because, severity: severityAt(atMs, nowMs) };
}

/** `08:30` */
function timeOfDay(minute: number): string {
  const [hours, minutes] = [Math.floor(minute / 60), Math.floor(minute % 60)];
  return [hours, minutes].map((part) => String(part).padStart(2, '0')).join(':');
}

interface Series {
  readonly cadenceMs: number;
  /** Cancelled ones too: that an event does not come was told. */
  readonly events: readonly MarketEvent[];
  /** Of the calendar that has them; several merged ones end at different times. */
  readonly calendar: string;
}

function findOddSpacing(known: readonly MarketEvent[], nowMs: EpochMs): DatedFinding[] {
  // Bells and holidays follow the exchange's own rules.
  const releases = known.filter(({ phase }) => phase === undefined);
  const series = [...Map.groupBy(releases, subjectOf).values()].flatMap((events): Series[] => {
    const cadenceMs = learnCadenceMs(events.map(({ startsAtMs }) => startsAtMs));
    return cadenceMs === undefined ? [] : [{ cadenceMs, events, calendar: events.at(-1)!.source.calendar }];
  });
  return series.flatMap((one) => [
    ...findDoubled(one, nowMs),
    ...findHoles(one, nowMs),
    ...findEnd(
      one,
      series.filter((other) => other !== one && other.calendar === one.calendar),
      nowMs,
    ),
  ]);
}

function findDoubled({ cadenceMs, events }: Series, nowMs: EpochMs): DatedFinding[] {
  const scheduled = events.filter(({ status }) => status === 'scheduled');
  return scheduled.flatMap((event, index) => {
    const before = scheduled[index - 1];
    if (before === undefined || event.startsAtMs < nowMs) return [];
    if (!isDoubled(event.startsAtMs - before.startsAtMs, cadenceMs)) return [];
    const because = `${tell(event)} follows ${before.id} at ${formatInstant(before.startsAtMs)}, where ${days(cadenceMs)} lie between two of them: is one of the two left over?`;
    return [findingOf('doubled-release', event, because, nowMs)];
  });
}

function findHoles({ cadenceMs, events }: Series, nowMs: EpochMs): DatedFinding[] {
  return events.flatMap((event, index) => {
    const next = events[index + 1];
    if (next === undefined || !isMissing(next.startsAtMs - event.startsAtMs, cadenceMs)) return [];
    return missingAfter(event, cadenceMs, `the next is at ${formatInstant(next.startsAtMs)}`, nowMs);
  });
}

/** Where a calendar ends, nothing is missing: it ends where most of what comes at even steps ends. */
function findEnd({ cadenceMs, events }: Series, others: readonly Series[], nowMs: EpochMs): DatedFinding[] {
  const last = events.at(-1)!;
  const goesOn = others.filter((other) => isMissing(other.events.at(-1)!.startsAtMs - last.startsAtMs, cadenceMs));
  if (others.length < 2 || goesOn.length * 2 <= others.length) return [];
  return missingAfter(last, cadenceMs, 'there is none, though the calendar goes on', nowMs);
}

function missingAfter(event: MarketEvent, cadenceMs: number, what: string, nowMs: EpochMs): DatedFinding[] {
  const atMs = event.startsAtMs + cadenceMs;
  if (atMs < nowMs) return [];
  const because = `${subjectOf(event)} comes every ${days(cadenceMs)}, and after ${formatInstant(event.startsAtMs)} ${what}: is one missing about ${formatInstant(atMs).slice(0, 10)}?`;
  return [findingOf('missing-release', event, because, nowMs, atMs)];
}

function days(lengthMs: number): string {
  return `${Math.round(lengthMs / msPerDay)} days`;
}
