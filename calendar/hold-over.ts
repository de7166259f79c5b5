/**
 * The asymmetric rule of doubt. What a calendar adds is in force at once; a window that it takes away in the last day before the event, by
 * moving it (either way: 20:30 mended to 08:30 may be the slip), cancelling it, dropping it or making it count for less, stays warm as well until a
 * human confirms the change or the window is over.
 *
 * Mental model: each event that changed in its last day leaves a trail of what it said before, oldest first. What stands on the trail is held over.
 * When the event says again what it said earlier, the trail is walked back to there: an edit and its reverse leave nothing. A confirmation wipes
 * the trail. Only to nothing at all it is walked back for an hour: later, taking away what was added is a removal like any other.
 */
import { manualKind, type Expectation, type MarketEvent } from '../core/market-event.ts';
import { formatInstant, type EpochMs } from '../core/time.ts';
import { diffCalendars, type CalendarDiff } from './diff.ts';
import { compareEvents } from './event.ts';
import { hasWindow, lastDayMs, severityAt, tell, visibleForMs, type CalendarFinding } from './finding.ts';

/** Plain JSON, for a snapshot. */
export interface HoldOverState {
  readonly trails: readonly Trail[];
  /** Windows that no calendar takes back (`~also@`, and what a feed lost), and that a human has let go. */
  readonly released: readonly ReleasedWindow[];
}

/** What one event said before its unconfirmed changes. */
export interface Trail {
  /** As the calendar names the event now, or named it last. */
  readonly eventId: string;
  readonly steps: readonly TrailStep[];
}

export interface TrailStep {
  /** Null: it had no window. */
  readonly event: MarketEvent | null;
  /** When the calendar stopped saying so. */
  readonly leftAtMs: EpochMs;
}

export interface ReleasedWindow {
  readonly eventId: string;
  readonly startsAtMs: EpochMs;
}

export const noHoldOver: HoldOverState = { trails: [], released: [] };

export interface TakenOver {
  readonly state: HoldOverState;
  /** What is in force: the calendar, and what is held over. Sorted. */
  readonly events: readonly MarketEvent[];
  readonly diff: CalendarDiff;
  /** One for each window that this change holds over. */
  readonly findings: readonly CalendarFinding[];
}

export interface TakeOverInput {
  /** Undefined at the first start: there is nothing that could be taken away. */
  readonly current: readonly MarketEvent[] | undefined;
  readonly next: readonly MarketEvent[];
  readonly nowMs: EpochMs;
}

/** Both calendars sorted by `compareEvents`, each without what is held over. */
export function takeOver(state: HoldOverState, { current, next, nowMs }: TakeOverInput): TakenOver {
  const before = current && unreleased(state, current);
  const after = unreleased(state, next);
  const diff = diffCalendars(before ?? [], after);
  const trails = before === undefined ? state.trails : walkTrails(state.trails, { diff, nowMs });
  const taken = forgetOld({ ...state, trails }, nowMs);
  const held = heldOver(taken, after, nowMs);
  const heldBefore = new Set(heldOver(state, before ?? [], nowMs).map(({ id }) => id));
  const newlyHeld = held.filter(({ id }) => !heldBefore.has(id));
  const byId = new Map(newlyHeld.length > 0 ? after.map((event) => [event.id, event]) : []);
  return {
    state: taken,
    events: [...after, ...held].sort(compareEvents),
    diff,
    findings: newlyHeld.map((event) => explain(event, byId, nowMs)),
  };
}

/** What is in force of a calendar that did not change: windows held over end by themselves. */
export function eventsInForce(
  state: HoldOverState,
  calendar: readonly MarketEvent[],
  nowMs: EpochMs,
): readonly MarketEvent[] {
  const own = unreleased(state, calendar);
  return [...own, ...heldOver(state, own, nowMs)].sort(compareEvents);
}

/**
 * A human confirms what the calendar says now. `id` is an event: all that is held over for it goes, and so does the time that another source has for
 * it. Or it is one of those windows (`…~was@…`, `…~also@…`), and that one goes; or a calendar, and what its feed lost goes.
 *
 * Undefined when nothing waits for it: the answer is no.
 */
export function confirm(
  state: HoldOverState,
  id: string,
  { calendar, nowMs }: { readonly calendar: readonly MarketEvent[]; readonly nowMs: EpochMs },
): { readonly state: HoldOverState; readonly released: readonly MarketEvent[] } | undefined {
  const inForce = eventsInForce(state, calendar, nowMs);
  const released = inForce.filter(({ id: own, doubt, source }) => {
    if (doubt === undefined) return false;
    return own === id || doubt.eventId === id || (doubt.kind === 'lost-events' && source.calendar === id);
  });
  if (released.length === 0) return undefined;
  const names = new Set(released.map((event) => event.id));
  const isConfirmed = ({ event }: TrailStep): boolean => event !== null && names.has(heldIdOf(event));
  const trails = state.trails
    .map((trail) => {
      const isTouched = trail.steps.some(isConfirmed);
      return isTouched ? { ...trail, steps: trail.steps.filter((s) => s.event !== null && !isConfirmed(s)) } : trail;
    })
    .filter(({ steps }) => steps.length > 0);
  const others = released
    .filter(({ doubt }) => doubt?.kind !== 'held-over')
    .map(({ id: eventId, startsAtMs }) => ({ eventId, startsAtMs }));
  return { state: { trails, released: [...state.released, ...others] }, released };
}

/** Only what doubt added can be released: an event that its own calendar states comes back by being stated. */
function unreleased({ released }: HoldOverState, calendar: readonly MarketEvent[]): readonly MarketEvent[] {
  if (released.length === 0) return calendar;
  const names = new Set(released.map(({ eventId, startsAtMs }) => `${startsAtMs} ${eventId}`));
  return calendar.filter(({ id, doubt, startsAtMs }) => doubt === undefined || !names.has(`${startsAtMs} ${id}`));
}

interface Change {
  readonly diff: CalendarDiff;
  readonly nowMs: EpochMs;
}

/** A slip is noticed and taken back within the hour; after that, others rely on what was added. */
const undoneWithinMs = 3_600_000;

interface Pair {
  readonly before?: MarketEvent;
  readonly after?: MarketEvent;
}

/** Every changed event takes a step on its trail, or walks back to an earlier one. */
function walkTrails(trails: readonly Trail[], { diff, nowMs }: Change): readonly Trail[] {
  const { added, removed, cancelled, moved, changed } = diff;
  const stepsById = new Map(trails.map(({ eventId, steps }) => [eventId, steps]));
  const pairs = [...cancelled, ...moved, ...changed].flatMap(({ before, after }): Pair[] =>
    // Whoever left under that name is who comes back under it, and the other is gone.
    before.id !== after.id && stepsById.has(after.id) ? [{ before }, { after }] : [{ before, after }],
  );
  const all: readonly Pair[] = [
    ...removed.map((before) => ({ before })),
    ...pairs,
    ...added.map((after) => ({ after })),
  ];
  for (const { before, after } of all) {
    const [oldId, newId] = [(before ?? after)!.id, (after ?? before)!.id];
    const steps = walk(stepsById.get(oldId) ?? [], { was: windowOf(before), is: windowOf(after), nowMs });
    stepsById.delete(oldId);
    if (steps.length > 0) stepsById.set(newId, steps);
  }
  return [...stepsById].map(([eventId, steps]) => ({ eventId, steps }));
}

function walk(
  steps: readonly TrailStep[],
  { was, is, nowMs }: { readonly was: MarketEvent | null; readonly is: MarketEvent | null; readonly nowMs: EpochMs },
): readonly TrailStep[] {
  if (isSameWindow(was, is)) return steps;
  const mayReturn = ({ leftAtMs }: TrailStep): boolean => is !== null || nowMs <= leftAtMs + undoneWithinMs;
  const earlier = steps.findIndex((step) => isSameWindow(step.event, is) && mayReturn(step));
  if (earlier >= 0) return steps.slice(0, earlier);
  // Not yet near, but near before the step is forgotten: then its reverse must be known for one.
  const mayMatter = [was, is].some((event) => isWithin(event, nowMs, lastDayMs + forgottenAfterMs));
  return mayMatter ? [...steps, { event: was, leftAtMs: nowMs }] : steps;
}

/** What a person started by hand, a person ends by hand. */
function windowOf(event: MarketEvent | undefined): MarketEvent | null {
  return event !== undefined && hasWindow(event) && event.kind !== manualKind ? event : null;
}

/** The same demand, at the same instant, of the same weight. Names and titles warm nothing. */
function isSameWindow(one: MarketEvent | null, other: MarketEvent | null): boolean {
  const weightOf = (event: MarketEvent | null): string =>
    JSON.stringify(event && [event.kind, event.symbols, event.startsAtMs, event.importance, event.expect]);
  return weightOf(one) === weightOf(other);
}

/** Is its window being booked, built or held? */
function isNear(event: MarketEvent | null, nowMs: EpochMs): event is MarketEvent {
  return isWithin(event, nowMs, lastDayMs);
}

function isWithin(event: MarketEvent | null, nowMs: EpochMs, aheadMs: number): event is MarketEvent {
  return event !== null && event.startsAtMs > nowMs - visibleForMs && event.startsAtMs < nowMs + aheadMs;
}

/** What was left inside its last day is over by then, and so is the day in which an edit is taken back. */
const forgottenAfterMs = lastDayMs + visibleForMs;

function forgetOld({ trails, released }: HoldOverState, nowMs: EpochMs): HoldOverState {
  return {
    trails: trails
      .map((trail) => ({ ...trail, steps: trail.steps.filter(({ leftAtMs }) => nowMs < leftAtMs + forgottenAfterMs) }))
      .filter(({ steps }) => steps.length > 0),
    released: released.filter(({ startsAtMs }) => nowMs < startsAtMs + visibleForMs),
  };
}

/** The windows on the trails that were near when they were left, are not over, and that the calendar does not have anyway. */
function heldOver({ trails }: HoldOverState, calendar: readonly MarketEvent[], nowMs: EpochMs): MarketEvent[] {
  const stated = Map.groupBy(calendar.filter(hasWindow), ({ startsAtMs }) => startsAtMs);
  const held = new Map<string, MarketEvent>();
  for (const { eventId, steps } of trails) {
    for (const { event, leftAtMs } of steps) {
      if (!isNear(event, leftAtMs) || nowMs >= event.startsAtMs + visibleForMs) continue;
      if (stated.get(event.startsAtMs)?.some((other) => covers(other, event))) continue;
      const second = secondWindow(event, { eventId: event.doubt?.eventId ?? eventId, sinceMs: leftAtMs });
      const known = held.get(second.id);
      if (known === undefined || known.importance < second.importance) held.set(second.id, second);
    }
  }
  return [...held.values()];
}

/** Does the other warm at least what this one does? */
function covers(other: MarketEvent, event: MarketEvent): boolean {
  const isForAll = other.symbols.length === 0 || event.symbols.every((symbol) => other.symbols.includes(symbol));
  const isAsWide = isForAll && (event.symbols.length > 0 || other.symbols.length === 0);
  const isAsHeavy = other.importance >= event.importance && expectsAsMuch(other.expect, event.expect);
  return other.kind === event.kind && isAsWide && isAsHeavy;
}

function expectsAsMuch(other: Expectation | undefined, one: Expectation | undefined): boolean {
  if (one === undefined) return true;
  if (other?.group !== one.group || other.minutes < one.minutes) return false;
  if ('lift' in one) return 'lift' in other && other.lift >= one.lift;
  return 'requestsPerSecond' in other && other.requestsPerSecond >= one.requestsPerSecond;
}

const titleLengthMax = 240;

function secondWindow(event: MarketEvent, about: { readonly eventId: string; readonly sinceMs: EpochMs }): MarketEvent {
  const title = `Until confirmed: ${event.title}`;
  return {
    ...event,
    id: heldIdOf(event),
    title: title.length <= titleLengthMax ? title : `${title.slice(0, titleLengthMax - 1)}…`,
    doubt: { kind: 'held-over', ...about },
  };
}

/** What was held over or said by another source already keeps its name. */
function heldIdOf({ id, startsAtMs }: MarketEvent): string {
  return `${id}~was@${formatInstant(startsAtMs)}`;
}

function explain(held: MarketEvent, calendar: ReadonlyMap<string, MarketEvent>, nowMs: EpochMs): CalendarFinding {
  const { eventId } = held.doubt!;
  const now = calendar.get(eventId);
  return {
    kind: 'held-over',
    eventId,
    atMs: held.startsAtMs,
    because: `${tell(held)} ${wordOfChange(held, now)} less than 24 h before: its window stays warm too; if that is right: calendar confirm ${eventId}`,
    severity: severityAt(held.startsAtMs, nowMs),
  };
}

function wordOfChange(held: MarketEvent, now: MarketEvent | undefined): string {
  if (now === undefined) return 'was removed';
  if (now.status === 'cancelled') return 'was cancelled';
  if (now.precision === 'date') return 'lost its time';
  return now.startsAtMs === held.startsAtMs ? 'counts for less' : `moved to ${formatInstant(now.startsAtMs)}`;
}
