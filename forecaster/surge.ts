/**
 * A plan that is revised after an event has begun: by whom it was asked for, and, where no window stands that could be raised, the window that begins.
 *
 * A surge is planned for like what people start by hand: it begins when it is asked for. The plan in force is its memory: as long as a step names it, it
 * goes on, over a restart too, and ends by itself.
 */
import type { CapacityPlan, CapacityStep } from '../core/capacity.ts';
import type { FunctionSpec } from '../core/function-spec.ts';
import type { Importance, MarketEvent } from '../core/market-event.ts';
import { formatInstant, msPerMinute, type EpochMs } from '../core/time.ts';

/** No calendar has it: what live volume shows to have begun without being foretold. */
export const surgeKind = 'surge';

/** Asks for more than the plan in force holds, once. */
export interface Revision {
  readonly atMs: EpochMs;
  /** No later than this is anything expected of what has begun. */
  readonly untilMs: EpochMs;
  /** With the numbers that decided. */
  readonly because: string;
}

/** Where the budget is scarce, what was foretold as important comes before it. */
const importance: Importance = 2;

interface SurgeInput {
  readonly nowMs: EpochMs;
  readonly previous?: CapacityPlan;
}

/** Those under way for a function, and the one that begins now, where no window of an event stands. */
export function surgesOf(
  { spec, revision }: { readonly spec: Pick<FunctionSpec, 'key'>; readonly revision?: Revision },
  { nowMs, previous }: SurgeInput,
): MarketEvent[] {
  const own = previous?.steps.filter(({ key, untilMs }) => key === spec.key && untilMs > nowMs) ?? [];
  const underWay = new Map(own.flatMap((step) => (isOfSurge(step) ? [[step.eventId, surgeOf(step)]] : [])));
  const isStanding = own.some(({ fromMs, eventId }) => fromMs <= nowMs && eventId !== undefined);
  if (revision && !isStanding) {
    const { atMs, untilMs, because } = revision;
    const id = idOf(atMs);
    underWay.set(id, surgeEvent({ id, atMs, untilMs, title: because }));
  }
  return [...underWay.values()];
}

type SurgeStep = CapacityStep & Required<Pick<CapacityStep, 'eventId' | 'eventAtMs' | 'raiseUntilMs'>>;

function isOfSurge(step: CapacityStep): step is SurgeStep {
  const { eventId, eventAtMs, raiseUntilMs } = step;
  return eventAtMs !== undefined && raiseUntilMs !== undefined && eventId === idOf(eventAtMs);
}

function surgeOf({ eventId: id, eventAtMs: atMs, raiseUntilMs: untilMs }: SurgeStep): MarketEvent {
  return surgeEvent({ id, atMs, untilMs, title: 'under way' });
}

function idOf(atMs: EpochMs): string {
  return `${surgeKind}@${formatInstant(atMs)}`;
}

function surgeEvent(one: {
  readonly id: string;
  readonly atMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly title: string;
}): MarketEvent {
  return {
    id: one.id,
    kind: surgeKind,
    title: one.title,
    startsAtMs: one.atMs,
    precision: 'minute',
    importance,
    symbols: [],
    status: 'scheduled',
    // Of nobody's group: how much is expected stands in the forecast already, and only the length is read here.
    expect: { group: '', minutes: (one.untilMs - one.atMs) / msPerMinute, requestsPerSecond: 0 },
    source: { calendar: 'nowcast', says: 'live volume' },
  };
}
