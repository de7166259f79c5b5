/**
 * What is doubtful in a calendar, for people. A finding changes no window by itself: what doubt keeps warm stands in hold-over.ts and merge.ts.
 */
import type { MarketEvent } from '../core/market-event.ts';
import { formatInstant, msPerDay, type EpochMs } from '../core/time.ts';

export interface CalendarFinding {
  readonly kind:
    | 'unusual-hour'
    | 'closed-session'
    | 'doubled-release'
    | 'missing-release'
    | 'sources-disagree'
    | 'stale-feed'
    | 'lost-events'
    | 'held-over';
  readonly eventId?: string;
  /** The calendar or feed, where the finding is about all of it. */
  readonly source?: string;
  /** When what is doubted happens, or should. */
  readonly atMs?: EpochMs;
  /** One sentence: what was found, beside what, and what to do. */
  readonly because: string;
  /** `notice`: it concerns the coming 24 hours, and somebody should look today. */
  readonly severity: 'notice' | 'finding';
}

/** In the last day before an event its window is being booked and built: what changes then, changes what is warm. */
export const lastDayMs = msPerDay;

/** A window that began is seen as long as any event is visible in volume (forecaster/event-window.ts): two hours. */
export const visibleForMs = 2 * 3_600_000;

export function severityAt(atMs: EpochMs, nowMs: EpochMs): CalendarFinding['severity'] {
  return atMs >= nowMs - visibleForMs && atMs < nowMs + lastDayMs ? 'notice' : 'finding';
}

/** Whose releases follow one another: the kind, and the companies that it is about. */
export function subjectOf({ kind, symbols }: Pick<MarketEvent, 'kind' | 'symbols'>): string {
  return symbols.length === 0 ? kind : `${kind}:${symbols.join('+')}`;
}

/** Does it have an instant at which demand moves? A day has none, nor has what is cancelled or says that nothing opens. */
export function hasWindow(event: MarketEvent): boolean {
  const isAbsence = event.phase === 'holiday' || event.phase === 'halfDay';
  return event.status === 'scheduled' && event.precision === 'minute' && !isAbsence;
}

/**
 * Those of `later` that `earlier` did not have at that severity: what an edit brought, or the nearing of an event made urgent.
 */
export function newFindings(
  earlier: readonly CalendarFinding[],
  later: readonly CalendarFinding[],
): readonly CalendarFinding[] {
  // Where a release is missing is an estimate, which moves with every event that is added.
  const keyOf = ({ kind, eventId, source, atMs, severity }: CalendarFinding): string =>
    JSON.stringify([kind, eventId, source, kind === 'missing-release' ? null : atMs, severity]);
  const known = new Set(earlier.map(keyOf));
  return later.filter((finding) => !known.has(keyOf(finding)));
}

const listedMax = 20;

/** At most twenty of a kind, and one that counts the rest: a calendar moved by a day has doubts about every event, and one reason. */
export function shorten(findings: readonly CalendarFinding[]): readonly CalendarFinding[] {
  return [...Map.groupBy(findings, ({ kind }) => kind).values()].flatMap((alike) => {
    if (alike.length <= listedMax) return alike;
    const rest = alike.slice(listedMax);
    const severity = rest.some((finding) => finding.severity === 'notice') ? 'notice' : 'finding';
    return [
      ...alike.slice(0, listedMax),
      { kind: rest[0]!.kind, because: `and ${rest.length} more of this kind`, severity },
    ];
  });
}

/** `2025-10-15T12:30:00Z` as people are told it. */
export function tell(event: MarketEvent): string {
  return `${subjectOf(event)} at ${formatInstant(event.startsAtMs)}`;
}
