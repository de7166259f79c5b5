/** Facts into what the engine knows. */
import { advanceBookings } from '../actuators/bookings.ts';
import { advance, type Pursuit } from '../actuators/pursuit.ts';
import { assertNever } from '../core/assert.ts';
import { bookingNameOf } from '../core/booking.ts';
import type { AccountLimits } from '../core/ports.ts';
import { hearRemedied } from './remedies/carry.ts';
import { beginPlaybook } from './remedies/playbooks.ts';
import { hearCommand } from './engine-acting.ts';
import { hearAnswer, hearDelivery } from './engine-oncall.ts';
import { note, type Scene, type Turn } from './engine-scene.ts';
import type { Fact } from './facts.ts';
import type { FunctionState } from './function-state.ts';

/** One fact into what is known. */
export function fold(scene: Scene, fact: Fact, turn: Turn): void {
  switch (fact.kind) {
    case 'volume': {
      scene.planning.learn(fact);
      scene.timeline.arrived(fact.key, {
        atMs: fact.bucketAtMs,
        stepMs: scene.planning.stepMsOf(fact.key),
        requestCount: fact.requestCount,
      });
      return;
    }
    case 'acknowledged':
      scene.acknowledgements = [...scene.acknowledgements, fact.acknowledgement];
      return;
    case 'deltas':
    case 'unwatched':
      // Judged by the second, all of a tick together: engine-watch.ts.
      return;
    case 'counts':
      scene.planning.hear(fact);
      return;
    case 'account':
      if (!isSameAccount(scene.account, fact.limits)) reconsider(scene, turn);
      scene.account = fact.limits;
      return;
    case 'calendar':
      scene.planning.takeCalendar(fact.calendar);
      scene.watchEvents.forget();
      turn.drafts.push({ ...fact.draft, atMs: turn.nowMs });
      scene.planDueAtMs = turn.nowMs;
      return;
    case 'answered':
      hearAnswer(scene, turn, fact.answer);
      return;
    case 'delivered':
      hearDelivery(scene, turn, fact);
      return;
    case 'remedied':
      hearRemedied(scene, turn, fact);
      return;
    case 'playbook-asked':
      beginPlaybook(scene, turn, fact);
      return;
    case 'breaker-forced':
      turn.breakerCommands.set(fact.name, fact.command);
      return;
    case 'commanded':
      hearCommand(scene, turn, fact.command);
      return;
    case 'told':
      turn.drafts.push({ ...fact.draft, atMs: turn.nowMs });
      return;
    case 'control-plane':
      scene.endpointKind = fact.endpointKind;
      scene.queueWaitMs = fact.queueWaitMs;
      return;
    case 'observed': {
      const state = scene.functions.get(fact.observed.key)!;
      const before = state.pursuit;
      state.isLooking = false;
      state.pursuit = advance(state.pursuit, { kind: 'observed', observed: fact.observed });
      scene.health.heard({ atMs: turn.nowMs, hasFailed: false });
      learnPreparation(scene, state, before);
      return;
    }
    case 'unverifiable': {
      const state = scene.functions.get(fact.key)!;
      state.isLooking = false;
      state.pursuit = advance(state.pursuit, { kind: 'look-failed', atMs: fact.atMs });
      scene.health.heard({ atMs: turn.nowMs, hasFailed: true });
      return;
    }
    case 'booked':
      compareBooks(scene, fact);
      return;
    case 'unlisted':
      scene.listing.isListing = false;
      scene.listing.failedCount++;
      return;
    case 'outcome':
      hear(scene, fact, turn);
      return;
    default:
      assertNever(fact);
  }
}

function hear(scene: Scene, { action, outcome, intentSeq }: Extract<Fact, { kind: 'outcome' }>, turn: Turn): void {
  scene.openIntents.delete(intentSeq);
  const subject =
    action.kind === 'hold-provisioned-concurrency'
      ? { concurrency: action.concurrency }
      : { booking: bookingNameOf(action.booking), call: action.kind };
  note(turn, {
    kind: 'action.outcome',
    causeSeq: intentSeq,
    body: { function: action.key, ...subject, outcome: { ...outcome } },
  });
  // After a restart on another configuration, of a function that is watched no more.
  const state = scene.functions.get(action.key);
  if (!state) return;
  if (action.kind !== 'hold-provisioned-concurrency') {
    state.bookings = advanceBookings(state.bookings, { kind: 'outcome', action, outcome });
    return;
  }
  const hasFailed = outcome.kind !== 'accepted' && outcome.kind !== 'refused';
  scene.health.heard({ atMs: turn.nowMs, hasFailed });
  state.pursuit = advance(state.pursuit, { kind: 'outcome', concurrency: action.concurrency, outcome });
}

function learnPreparation({ health }: Scene, { spec, pursuit }: FunctionState, before: Pursuit): void {
  const { readyAtMs, askedAtMs, concurrency, isSteered } = pursuit;
  const isNew = readyAtMs !== undefined && before.readyAtMs === undefined;
  // What was lost and came back, or was tried more than once, tells of that and not of preparation.
  const isPlain = before.state === 'allocating' && askedAtMs !== undefined && before.lostAtMs === undefined;
  if (!isNew || !isPlain || isSteered || concurrency === 0) return;
  health.becameReady({ tookMs: readyAtMs - askedAtMs, concurrency, initDurationMs: spec.initDurationMs });
}

function compareBooks({ functions, listing }: Scene, fact: Extract<Fact, { kind: 'booked' }>): void {
  const bookingsOf = Map.groupBy(fact.bookings, ({ key }) => key);
  for (const [key, state] of functions) {
    const own = bookingsOf.get(key) ?? [];
    const isForgotten = listing.listedAtMs === undefined && Object.keys(state.bookings).length === 0;
    const end = own.find(({ purpose }) => purpose === 'end');
    // A store that was lost: AWS still knows what we meant to end, and what it goes back to.
    if (isForgotten && end && state.pursuit.state === 'idle') state.foundBaseline = end.concurrency;
    state.bookings = advanceBookings(state.bookings, { ...fact, kind: 'listed', bookings: own });
  }
  listing.isListing = false;
  listing.failedCount = 0;
  listing.listedAtMs = fact.askedAtMs;
}

/** New limits: the plan is made anew, and what was refused for the old ones may be asked again. A failed start is not mended by them. */
function reconsider(scene: Scene, turn: Turn): void {
  scene.planDueAtMs = turn.nowMs;
  for (const state of scene.functions.values()) {
    if (!state.pursuit.failure) state.pursuit = advance(state.pursuit, { kind: 'reconsider', atMs: turn.nowMs });
  }
}

function isSameAccount(one: AccountLimits | undefined, other: AccountLimits): boolean {
  return one?.concurrencyLimit === other.concurrencyLimit && one.unreservedConcurrency === other.unreservedConcurrency;
}
