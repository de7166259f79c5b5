/**
 * Is what a source gave fit to replace what it gave before? A feed breaks in two quiet ways: it stops, or it comes back half empty.
 */
import type { MarketEvent } from '../core/market-event.ts';
import { formatInstant, msPerMinute, type EpochMs } from '../core/time.ts';
import { diffCalendars } from './diff.ts';
import { calendarVersion, compareEvents, type Calendar } from './event.ts';
import { lastDayMs, severityAt, type CalendarFinding } from './finding.ts';

/** A schedule loses an event now and then; a tenth at once is a page cut short. One alone is an edit, however short the list. */
const lostRatioMax = 0.1;
const lostCountMin = 2;

/**
 * The new version of one source, with the future events that it lost when it lost more than a tenth of them: those stay in force, marked, until the source
 * has them again, a human lets them go, or they are over. What it added or moved is taken all the same.
 */
export function keepLostEvents(
  before: Calendar,
  after: Calendar,
  nowMs: EpochMs,
): { readonly calendar: Calendar; readonly findings: readonly CalendarFinding[] } {
  const isAhead = ({ startsAtMs }: MarketEvent): boolean => startsAtMs > nowMs;
  const ahead = before.events.filter(isAhead);
  const lost = diffCalendars(before.events, after.events).removed.filter(isAhead);
  const newlyLost = lost.filter(({ doubt }) => doubt === undefined);
  const isTooMany = newlyLost.length >= lostCountMin && newlyLost.length > ahead.length * lostRatioMax;
  const kept = isTooMany ? lost : lost.filter(({ doubt }) => doubt !== undefined);
  if (kept.length === 0) return { calendar: after, findings: [] };
  const marked = kept.map((event): MarketEvent => {
    return { ...event, doubt: event.doubt ?? { kind: 'lost-events', eventId: event.id, sinceMs: nowMs } };
  });
  const events = [...after.events, ...marked].sort(compareEvents);
  return {
    calendar: { ...after, events, version: calendarVersion(events) },
    findings: isTooMany ? [explainLoss(after.name, marked, ahead.length, nowMs)] : [],
  };
}

function explainLoss(name: string, lost: readonly MarketEvent[], aheadCount: number, nowMs: EpochMs): CalendarFinding {
  const [first] = lost;
  return {
    kind: 'lost-events',
    source: name,
    atMs: first!.startsAtMs,
    because: `${name} lost ${lost.length} of its ${aheadCount} future events at once: they stay in force; if that is right: calendar confirm ${name}`,
    severity: severityAt(first!.startsAtMs, nowMs),
  };
}

export interface SourceHealth {
  /** The path or address. */
  readonly source: string;
  /** How often it is asked; undefined for a file, which tells by itself when it changes. */
  readonly refreshMs?: number;
  /** When it last answered, with something new or with nothing new; undefined before the first time. */
  readonly answeredAtMs?: EpochMs;
  readonly startedAtMs: EpochMs;
  /** Why the last try failed. */
  readonly trouble?: string;
}

/** Two tries in a row may fail for reasons of the network; the third one is nobody's bad luck. */
const staleAfterCount = 3;

/** A feed that has not answered for longer than three of its own intervals. `events`: those in force. */
export function findStaleFeed(
  { source, refreshMs, answeredAtMs, startedAtMs, trouble }: SourceHealth,
  events: readonly MarketEvent[],
  nowMs: EpochMs,
): CalendarFinding | undefined {
  if (refreshMs === undefined || nowMs - (answeredAtMs ?? startedAtMs) <= staleAfterCount * refreshMs) return undefined;
  const isPressing = events.some(({ startsAtMs }) => startsAtMs > nowMs && startsAtMs < nowMs + lastDayMs);
  const since = answeredAtMs === undefined ? 'since the start' : `since ${formatInstant(answeredAtMs)}`;
  const every = `asked every ${Math.round(refreshMs / msPerMinute)} min`;
  return {
    kind: 'stale-feed',
    source,
    because: `${source} has not answered ${since}, ${every}${trouble === undefined ? '' : ` (${trouble})`}: what it said last stays in force`,
    severity: isPressing ? 'notice' : 'finding',
  };
}
