/**
 * Which pre-warms of a plan wait for a yes: an event is asked about once, for all of its functions together, with what the plan wants for them.
 *
 * What people start by hand is a yes already. Pure: a plan and the events in sight in, wishes out.
 */
import type { CapacityPlan, CapacityStep } from '../core/capacity.ts';
import { manualKind, type MarketEvent } from '../core/market-event.ts';
import type { FunctionKey } from '../core/series-key.ts';
import type { EpochMs } from '../core/time.ts';
import { approvalFor, prewarmTimes, versionOfEvent, type Approvals, type ApprovalWish } from './approvals.ts';

/** By function, of those whose pre-warms wait for a yes. Nobody has answered when it is time: `skip` warms nothing until somebody does, `warm` does. */
export type PrewarmApprovals = Readonly<Record<FunctionKey, { readonly onNoAnswer: 'skip' | 'warm' }>>;

export interface PrewarmWishes {
  /** Of which plan; absent: there was none yet, and nobody knows what is wished. */
  readonly plan?: CapacityPlan;
  readonly byEvent: ReadonlyMap<string, ApprovalWish>;
}

export const noPrewarmWishes: PrewarmWishes = { byEvent: new Map() };

export function prewarmWishesOf(
  plan: CapacityPlan,
  events: readonly MarketEvent[],
  asked: PrewarmApprovals,
): PrewarmWishes {
  const eventsById = new Map(events.map((event) => [event.id, event]));
  const steps = Map.groupBy(
    plan.steps.filter(({ key, eventId }) => eventId !== undefined && asked[key] !== undefined),
    ({ eventId }) => eventId!,
  );
  const byEvent = new Map<string, ApprovalWish>();
  for (const [eventId, own] of steps) {
    const event = eventsById.get(eventId);
    if (event && event.kind !== manualKind) byEvent.set(eventId, wishOf(event, own));
  }
  return { plan, byEvent };
}

function wishOf(event: MarketEvent, steps: readonly CapacityStep[]): ApprovalWish {
  const byFunction = Map.groupBy(steps, ({ key }) => key);
  const peaks = [...byFunction.values()].map((own) => Math.max(...own.map(({ concurrency }) => concurrency)));
  return {
    subject: { kind: 'prewarm', eventId: event.id, calendarVersion: versionOfEvent(event) },
    functions: [...byFunction.keys()].sort(),
    wanted: {
      concurrencyMax: peaks.reduce((sum, peak) => sum + peak, 0),
      usdMax: steps.reduce((sum, { usd }) => sum + usd, 0),
    },
    times: prewarmTimes(event.startsAtMs),
    because: event.title,
  };
}

/** Undefined: the pre-warm of this function for this event waits for nobody. */
export function prewarmAnswerOf(
  { key, eventId }: Pick<CapacityStep, 'key' | 'eventId'>,
  known: { readonly wishes: PrewarmWishes; readonly asked: PrewarmApprovals; readonly approvals: Approvals },
  nowMs: EpochMs,
): 'granted' | 'denied' | 'skip' | 'warm' | undefined {
  const policy = known.asked[key];
  const wish = eventId === undefined ? undefined : known.wishes.byEvent.get(eventId);
  // Too late for a yes is too late for a raise.
  if (!policy || !wish || wish.times.expiresAtMs <= nowMs) return undefined;
  const state = approvalFor(known.approvals, wish, nowMs)?.state;
  return state === 'granted' || state === 'denied' ? state : policy.onNoAnswer;
}
