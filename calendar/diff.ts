/**
 * What changed between two versions of a calendar, as people speak of it: a release was added, moved, cancelled, or is gone.
 *
 * An event is the same when its id is. Where ids hold the time, a moved event has a new one: of what is left, the nearest of the same kind and
 * symbols within a week is taken for the same event. A weekly event that is dropped therefore shows as its neighbour moved, if that one is new.
 */
import { msPerDay } from '../core/time.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { firstAtOrAfter } from './event.ts';

export interface CalendarDiff {
  readonly added: readonly MarketEvent[];
  readonly removed: readonly MarketEvent[];
  /** Scheduled before, and said to be off now. Unlike `removed`, it was told. */
  readonly cancelled: readonly EventChange[];
  /** To another instant, or from a day to an instant; other words may differ as well. */
  readonly moved: readonly EventChange[];
  /** Other words only. */
  readonly changed: readonly EventChange[];
}

export interface EventChange {
  readonly before: MarketEvent;
  readonly after: MarketEvent;
  /** Names of the fields that differ. */
  readonly fields: readonly string[];
}

/** Both sorted by `compareEvents`; every list of the answer is too, by what the events are now. */
export function diffCalendars(before: readonly MarketEvent[], after: readonly MarketEvent[]): CalendarDiff {
  const beforeById = new Map(before.map((event) => [event.id, event]));
  const afterIds = new Set(after.map((event) => event.id));
  const lost = before.filter((event) => !afterIds.has(event.id));
  const found = after.filter((event) => !beforeById.has(event.id));
  const earlierOf = pairNearest(lost, found);
  const removed = new Set(lost);
  const diff = {
    added: [] as MarketEvent[],
    cancelled: [] as EventChange[],
    moved: [] as EventChange[],
    changed: [] as EventChange[],
  };
  for (const event of after) {
    const earlier = beforeById.get(event.id) ?? earlierOf.get(event);
    if (earlier === undefined) {
      diff.added.push(event);
      continue;
    }
    removed.delete(earlier);
    const fields = fieldsThatDiffer(earlier, event);
    if (fields.length === 0) continue;
    const change = { before: earlier, after: event, fields };
    if (event.status === 'cancelled' && earlier.status === 'scheduled') diff.cancelled.push(change);
    else if (fields.includes('startsAtMs') || fields.includes('precision')) diff.moved.push(change);
    else diff.changed.push(change);
  }
  return { ...diff, removed: [...removed] };
}

export function isSame({ added, removed, cancelled, moved, changed }: CalendarDiff): boolean {
  return [added, removed, cancelled, moved, changed].every((list) => list.length === 0);
}

const pairedMsMax = 7 * msPerDay;
/** Neighbours looked at on either side: enough for any real list, and an end to a hostile one. */
const neighbourCount = 4;

/** From each found event to the lost one that it is taken for: the nearest pairs first, each event once. */
function pairNearest(
  lost: readonly MarketEvent[],
  found: readonly MarketEvent[],
): ReadonlyMap<MarketEvent, MarketEvent> {
  const subjectOf = ({ kind, symbols }: MarketEvent): string => [kind, ...symbols].join(' ');
  const lostBySubject = Map.groupBy(lost, subjectOf);
  const candidates = found.flatMap((event) => {
    const group = lostBySubject.get(subjectOf(event)) ?? [];
    const middle = firstAtOrAfter(group, event.startsAtMs);
    return group
      .slice(Math.max(0, middle - neighbourCount), middle + neighbourCount)
      .map((other) => ({ event, other, distanceMs: Math.abs(other.startsAtMs - event.startsAtMs) }))
      .filter(({ distanceMs }) => distanceMs <= pairedMsMax);
  });
  const pairs = new Map<MarketEvent, MarketEvent>();
  const taken = new Set<MarketEvent>();
  for (const { event, other } of candidates.sort((a, b) => a.distanceMs - b.distanceMs)) {
    if (pairs.has(event) || taken.has(other)) continue;
    pairs.set(event, other);
    taken.add(other);
  }
  return pairs;
}

const fieldNames = [
  'id',
  'kind',
  'title',
  'startsAtMs',
  'precision',
  'isTimeAssumed',
  'importance',
  'symbols',
  'status',
  'expect',
] as const;

/** All that an event says; where in its file it stands says nothing, nor does an id that only follows the time. */
function fieldsThatDiffer(before: MarketEvent, after: MarketEvent): readonly string[] {
  const isMoved = before.startsAtMs !== after.startsAtMs;
  const fields: string[] = fieldNames
    .filter((name) => before[name] !== after[name] && JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .filter((name) => name !== 'id' || !isMoved);
  return before.source.says === after.source.says ? fields : [...fields, 'source'];
}
