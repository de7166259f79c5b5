/**
 * The engine: once a second, facts and an instant in, records and effects out. Synchronous and without I/O, so that the same facts give the same
 * bytes of decisions wherever it runs.
 *
 * Mental model of one tick: fold what came; plan when the plan is due; for each function take the level in force now and ask the gate; look at what
 * is being prepared; seal it all. Nothing is remembered as "to be done": the level wanted is derived anew each second and compared with what is
 * observed, so a crash, a lost answer and a late one all end in the same place.
 */
import { advanceBookings, bookedEndMs } from '../actuators/bookings.ts';
import type { EndpointKind } from '../actuators/endpoint.ts';
import { createGate, type GateContext, type Verdict } from '../actuators/gate.ts';
import { badDayErrorRatio, bookedEndStages, bookedRaiseStages, gateStages } from '../actuators/gate-stages.ts';
import { nextPollAtMs } from '../actuators/polling.ts';
import { advance, type Pursuit } from '../actuators/pursuit.ts';
import type { Action, BookCall, CancelBooking, HoldProvisionedConcurrency } from '../core/action.ts';
import { assertNever } from '../core/assert.ts';
import type { AuditDraft } from '../core/audit.ts';
import type { CapacityPlan, CapacityStep } from '../core/capacity.ts';
import { bookingNameOf } from '../core/booking.ts';
import type { Json } from '../core/json.ts';
import type { AccountLimits, Urgency } from '../core/ports.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';
import { isPlannable } from '../forecaster/planner.ts';
import { createListing, isListingDue, keepBooks } from './bookkeeping.ts';
import { createControlPlaneHealth, type ControlPlaneHealth } from './control-plane-health.ts';
import { sumCommitments, type Commitments } from './commitments.ts';
import type { Effect, Fact } from './facts.ts';
import {
  actionOf,
  createFunctionState,
  heldByOthers,
  readyConcurrencyOf,
  type FunctionState,
} from './function-state.ts';
import { createIncidents, type Note } from './incidents.ts';
import { createPlanning, type Planning } from './planning.ts';
import { createPrewarmLedger, type PrewarmLedger } from './prewarm-ledger.ts';
import { reportPrewarm } from './prewarm-report.ts';
import type { EngineSnapshot, SealedTick } from './engine-snapshot.ts';
import type { SystemOptions } from './system-options.ts';
import { createTimeline, type Timeline } from './timeline.ts';
import { reportTrouble } from './trouble.ts';

export interface TickResult {
  /** Audit events to append, in order. Effects name their intent by its place in this list. */
  readonly drafts: readonly AuditDraft[];
  readonly effects: readonly Effect[];
  /** What the tick was judged from, and the pursuits that it changed; undefined when nothing happened. */
  readonly sealed: Json | undefined;
}

export interface Engine {
  /** @param nextSeq the number that the first of the drafts will get in the audit chain. */
  tick(nowMs: EpochMs, facts: readonly Fact[], nextSeq: number): TickResult;
  /** The last tick before a stop: writes down what came, and asks for nothing, because nobody would hear the answer. */
  hear(nowMs: EpochMs, facts: readonly Fact[], nextSeq: number): TickResult;
  plan(): CapacityPlan | undefined;
  readonly functions: ReadonlyMap<FunctionKey, FunctionState>;
  readonly ledger: PrewarmLedger;
  readonly timeline: Timeline;
  readonly planning: Planning;
  readonly incidentCount: () => number;
  snapshot(): EngineSnapshot;
}

/** Plans stand on Lambda's billing grid. */
const replanMs = 5 * msPerMinute;

/** A release comes minutes late now and then, and its peak lasts that long. */
const nearEventMs = 15 * msPerMinute;

/** Of these the raise is booked in AWS too. */
const bookedAheadImportance = 3;

interface Turn {
  readonly nowMs: EpochMs;
  readonly nextSeq: number;
  readonly drafts: AuditDraft[];
  readonly effects: Effect[];
  /** A plan was made, and another one than before. */
  hasReplanned: boolean;
  hasPlanned: boolean;
}

export function createEngine(options: SystemOptions, snapshot?: EngineSnapshot): Engine {
  const gate = createGate(gateStages);
  const bookedRaiseGate = createGate(bookedRaiseStages);
  const bookedEndGate = createGate(bookedEndStages);
  const ledger = createPrewarmLedger();
  const timeline = createTimeline();
  const planning = createPlanning(options);
  const functions = new Map<FunctionKey, FunctionState>(
    options.functions.map(({ spec }) => [
      spec.key,
      createFunctionState(spec, options.seed, {
        pursuit: snapshot?.pursuits[spec.key],
        bookings: snapshot?.bookings?.[spec.key],
      }),
    ]),
  );
  const listing = createListing();
  const health: ControlPlaneHealth = createControlPlaneHealth(snapshot?.preparationsMs);
  let account: AccountLimits | undefined;
  let endpointKind: EndpointKind = 'unknown';
  let queueWaitMs = 0;
  let plan: CapacityPlan | undefined = snapshot?.plan;
  let stepsByFunction = Map.groupBy(plan?.steps ?? [], ({ key }) => key);
  let planSeq: number | undefined;
  let planDueAtMs = -Infinity;
  // What an earlier run promised is still promised, even where the account cannot be read and no plan be made.
  let isPromiseDue = plan !== undefined;
  const incidents = createIncidents(snapshot?.incidents);
  const openIntents = new Map<number, Action>(
    Object.entries(snapshot?.openIntents ?? {}).map(([seq, action]) => [Number(seq), action]),
  );

  const note = (turn: Turn, draft: Omit<AuditDraft, 'atMs' | 'actor'>): number => {
    turn.drafts.push({ atMs: turn.nowMs, actor: 'engine', ...draft });
    return turn.nextSeq + turn.drafts.length - 1;
  };

  const reportTroubles = (turn: Turn): void => {
    const write: Note = (draft) => note(turn, draft);
    for (const state of functions.values()) reportTrouble(state, { nowMs: turn.nowMs, note: write, incidents });
    const ratio = health.errorRatio(turn.nowMs);
    if (ratio > badDayErrorRatio) {
      const because = `${Math.round(ratio * 100)} % of calls to the control plane failed in the last ten minutes: capacity is asked for earlier, and none is given back before its booked end`;
      incidents.report(write, 'account', 'control-plane-errs', because);
    } else {
      incidents.close(write, 'account', 'control-plane-errs', 'the control plane answers again');
    }
  };

  const fold = (fact: Fact, turn: Turn): void => {
    switch (fact.kind) {
      case 'volume': {
        planning.learn(fact);
        timeline.arrived(fact.key, {
          atMs: fact.bucketAtMs,
          stepMs: planning.stepMsOf(fact.key),
          requestCount: fact.requestCount,
        });
        return;
      }
      case 'account':
        if (!isSameAccount(account, fact.limits)) reconsider(turn);
        account = fact.limits;
        return;
      case 'calendar':
        planning.takeCalendar(fact.calendar);
        turn.drafts.push({ ...fact.draft, atMs: turn.nowMs });
        planDueAtMs = turn.nowMs;
        return;
      case 'told':
        turn.drafts.push({ ...fact.draft, atMs: turn.nowMs });
        return;
      case 'control-plane':
        endpointKind = fact.endpointKind;
        queueWaitMs = fact.queueWaitMs;
        return;
      case 'observed': {
        const state = functions.get(fact.observed.key)!;
        const before = state.pursuit;
        state.isLooking = false;
        state.pursuit = advance(state.pursuit, { kind: 'observed', observed: fact.observed });
        health.heard({ atMs: turn.nowMs, hasFailed: false });
        learnPreparation(state, before);
        return;
      }
      case 'unverifiable': {
        const state = functions.get(fact.key)!;
        state.isLooking = false;
        state.pursuit = advance(state.pursuit, { kind: 'look-failed', atMs: fact.atMs });
        health.heard({ atMs: turn.nowMs, hasFailed: true });
        return;
      }
      case 'booked':
        listing.isListing = false;
        listing.failedCount = 0;
        for (const state of functions.values()) compareBooks(state, fact);
        listing.listedAtMs = fact.askedAtMs;
        return;
      case 'unlisted':
        listing.isListing = false;
        listing.failedCount++;
        return;
      case 'outcome':
        hear(fact, turn);
        return;
      default:
        assertNever(fact);
    }
  };

  const hear = ({ action, outcome, intentSeq }: Extract<Fact, { kind: 'outcome' }>, turn: Turn): void => {
    openIntents.delete(intentSeq);
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
    const state = functions.get(action.key);
    if (!state) return;
    if (action.kind !== 'hold-provisioned-concurrency') {
      state.bookings = advanceBookings(state.bookings, { kind: 'outcome', action, outcome });
      return;
    }
    const hasFailed = outcome.kind !== 'accepted' && outcome.kind !== 'refused';
    health.heard({ atMs: turn.nowMs, hasFailed });
    state.pursuit = advance(state.pursuit, { kind: 'outcome', concurrency: action.concurrency, outcome });
  };

  const learnPreparation = ({ spec, pursuit }: FunctionState, before: Pursuit): void => {
    const { readyAtMs, askedAtMs, concurrency, isSteered } = pursuit;
    const isNew = readyAtMs !== undefined && before.readyAtMs === undefined;
    // What was lost and came back, or was tried more than once, tells of that and not of preparation.
    const isPlain = before.state === 'allocating' && askedAtMs !== undefined && before.lostAtMs === undefined;
    if (!isNew || !isPlain || isSteered || concurrency === 0) return;
    health.becameReady({ tookMs: readyAtMs - askedAtMs, concurrency, initDurationMs: spec.initDurationMs });
  };

  const compareBooks = (state: FunctionState, fact: Extract<Fact, { kind: 'booked' }>): void => {
    const own = fact.bookings.filter(({ key }) => key === state.spec.key);
    const isForgotten = listing.listedAtMs === undefined && Object.keys(state.bookings).length === 0;
    const end = own.find(({ purpose }) => purpose === 'end');
    // A store that was lost: AWS still knows what we meant to end, and what it goes back to.
    if (isForgotten && end && state.pursuit.state === 'idle') state.foundBaseline = end.concurrency;
    state.bookings = advanceBookings(state.bookings, { ...fact, kind: 'listed', bookings: own });
  };

  /** New limits: the plan is made anew, and what was refused for the old ones may be asked again. A failed start is not mended by them. */
  const reconsider = (turn: Turn): void => {
    planDueAtMs = turn.nowMs;
    for (const state of functions.values()) {
      if (!state.pursuit.failure) state.pursuit = advance(state.pursuit, { kind: 'reconsider', atMs: turn.nowMs });
    }
  };

  const replan = (turn: Turn, account: AccountLimits): void => {
    const { nowMs } = turn;
    planDueAtMs = (Math.floor(nowMs / replanMs) + 1) * replanMs;
    const lead = health.leadOf(options.lead, nowMs);
    const held = heldByOthers(functions);
    const decided = planning.decide({ nowMs, account, previous: plan, held, lead, queueWaitMs });
    turn.hasReplanned = true;
    for (const forecast of decided.forecasts) timeline.expect(forecast);
    if (!plan || decided.fingerprint !== planFingerprint) {
      planSeq = note(turn, { kind: 'plan.decided', body: decided.record() });
      planFingerprint = decided.fingerprint;
      turn.hasPlanned = true;
    }
    plan = decided.plan;
    stepsByFunction = Map.groupBy(plan.steps, ({ key }) => key);
    promise(nowMs);
  };
  let planFingerprint = '';

  const stepAt = (key: FunctionKey, atMs: EpochMs): CapacityStep | undefined =>
    stepsByFunction.get(key)?.find((step) => step.fromMs <= atMs && atMs < step.untilMs);

  /** What the plan in force promises for each event ahead. */
  const promise = (nowMs: EpochMs): void => {
    const events = planning
      .eventsAround(nowMs)
      .filter((event) => event.startsAtMs > nowMs && isPlannable(event, options.policy));
    importantEventIds = new Set(
      events.filter(({ importance }) => importance >= bookedAheadImportance).map(({ id }) => id),
    );
    for (const { spec, symbols } of options.functions) {
      const promised = new Set<string>();
      for (const event of events) {
        if (event.symbols.length > 0 && !event.symbols.some((symbol) => symbols.includes(symbol))) continue;
        const step = stepAt(spec.key, event.startsAtMs);
        if (step?.eventId === undefined) continue;
        ledger.expect(spec.key, event, step);
        promised.add(event.id);
      }
      ledger.keepOnly(spec.key, promised, nowMs);
    }
  };

  const actOnAll = (turn: Turn): void => {
    const commitments = sumCommitments(functions, { plan, prices: options.prices, nowMs: turn.nowMs });
    if (isListingDue(listing, functions.values(), turn.nowMs)) {
      listing.isListing = true;
      listing.askedAtMs = turn.nowMs;
      turn.effects.push({ kind: 'list-bookings' });
    }
    for (const state of functions.values()) {
      // What stands there before us counts in every plan, so each function is looked at once, wanted or not.
      if (!state.isKnown && !state.pursuit.observed) look(state, turn, 'routine');
      state.isKnown = true;
      act(state, turn, commitments);
    }
  };

  const isBookedAhead = (eventId: string): boolean => importantEventIds.has(eventId);
  let importantEventIds: ReadonlySet<string> = new Set();

  /** Books first, so that what is asked for ends; and only once it is known what stands there. */
  const book = (state: FunctionState, turn: Turn, commitments: Commitments): void => {
    if (listing.listedAtMs === undefined) return;
    const steps = plan && turn.nowMs < plan.untilMs ? (stepsByFunction.get(state.spec.key) ?? []) : undefined;
    for (const action of keepBooks(state, { nowMs: turn.nowMs, steps, isBookedAhead })) {
      const refusal = refusalOf(state, action, { turn, commitments });
      if (refusal) noteBookingRefusal(state, action, { refusal, turn });
      else send(state, action, turn);
    }
  };

  /** What the gate says against a booking. Taking one back is asked only whether somebody is there: a raise that nobody wants must not come. */
  const refusalOf = (
    state: FunctionState,
    { kind, booking }: BookCall | CancelBooking,
    scene: { readonly turn: Turn; readonly commitments: Commitments },
  ): Exclude<Verdict, { kind: 'pass' }> | undefined => {
    const { key, concurrency, atMs, purpose } = booking;
    const because = 'booked';
    const hold: HoldProvisionedConcurrency = {
      kind: 'hold-provisioned-concurrency',
      key,
      concurrency,
      untilMs: atMs,
      deadlineMs: atMs,
      because,
    };
    const context = contextOf(state, hold, scene);
    const isRaise = purpose === 'raise' && kind === 'book-call';
    const mode = kind === 'cancel-booking' ? 'enforce' : context.mode;
    const verdict = (isRaise ? bookedRaiseGate : bookedEndGate).judge(hold, { ...context, mode });
    return verdict.kind === 'pass' ? undefined : verdict;
  };

  const noteBookingRefusal = (
    state: FunctionState,
    action: BookCall | CancelBooking,
    { refusal, turn }: { readonly refusal: Exclude<Verdict, { kind: 'pass' }>; readonly turn: Turn },
  ): void => {
    const name = `${action.kind} ${bookingNameOf(action.booking)} ${refusal.stage}`;
    if (state.bookingRefusal === name) return;
    state.bookingRefusal = name;
    note(turn, {
      kind: 'action.refused',
      ...(planSeq !== undefined && { causeSeq: planSeq }),
      body: {
        function: state.spec.key,
        call: action.kind,
        booking: bookingNameOf(action.booking),
        mode: state.spec.mode,
        stage: refusal.stage,
        verdict: refusal.kind,
        because: refusal.reason,
        wanted: action.because,
      },
    });
  };

  /** Writes the intent, and sends. */
  const send = (state: FunctionState, action: Action, turn: Turn): void => {
    const isHold = action.kind === 'hold-provisioned-concurrency';
    const body = isHold
      ? { ...action, attempt: state.pursuit.attemptCount + 1 }
      : { function: action.key, call: action.kind, booking: bookingNameOf(action.booking), because: action.because };
    const intentSeq = note(turn, {
      kind: 'action.intended',
      ...(planSeq !== undefined && { causeSeq: planSeq }),
      body: toJson(body) as Readonly<Record<string, Json>>,
    });
    turn.effects.push({ kind: 'apply', action, intentSeq });
    openIntents.set(intentSeq, action);
    if (isHold) {
      state.pursuit = advance(state.pursuit, { kind: 'sent', concurrency: action.concurrency, atMs: turn.nowMs });
    } else {
      state.bookings = advanceBookings(state.bookings, { kind: 'sent', action, atMs: turn.nowMs });
    }
  };

  const act = (state: FunctionState, turn: Turn, commitments: Commitments): void => {
    const { nowMs } = turn;
    const { spec } = state;
    const step = plan && nowMs < plan.untilMs ? stepAt(spec.key, nowMs) : undefined;
    const level = levelOf(state, step?.concurrency ?? spec.concurrencyFloor);
    const windowId = step?.eventId;
    state.step = step;
    if (state.foundBaseline !== undefined && state.pursuit.observed) {
      const baselineConcurrency = state.foundBaseline;
      state.foundBaseline = undefined;
      state.pursuit = advance(state.pursuit, { kind: 'adopt', baselineConcurrency, atMs: nowMs });
    }
    const { wantedConcurrency, concurrency } = state.pursuit;
    if (level !== wantedConcurrency || level !== concurrency || windowId !== state.pursuit.windowId) {
      state.pursuit = advance(state.pursuit, { kind: 'want', concurrency: level, atMs: nowMs, windowId });
    }
    book(state, turn, commitments);
    const action = actionOf(state, step, nowMs);
    const verdict = gate.judge(action, contextOf(state, action, { turn, commitments }));
    state.verdict = verdict;
    const isUnbooked = verdict.kind === 'wait' && verdict.stage === 'booked';
    // A look in between tells nothing of it.
    if (isUnbooked) state.unbookedSinceMs ??= nowMs;
    else if (verdict.kind !== 'observe') state.unbookedSinceMs = undefined;
    switch (verdict.kind) {
      case 'pass':
        send(state, action, turn);
        commitments.pass(spec, action);
        state.refusal = '';
        return;
      case 'observe':
        look(state, turn, 'urgent');
        return;
      case 'already':
        state.refusal = '';
        return;
      case 'refuse':
      case 'wait':
        noteRefusal(state, action, verdict, turn);
        return;
      default:
        assertNever(verdict);
    }
  };

  /** Once for each reason and level, not once a second. */
  const noteRefusal = (
    state: FunctionState,
    action: HoldProvisionedConcurrency,
    verdict: Exclude<Verdict, { kind: 'pass' }>,
    turn: Turn,
  ): void => {
    if (verdict.stage === 'in-flight') return;
    // Nothing is wanted and nothing of ours is there: no wish that could be refused.
    if (state.pursuit.state === 'idle' && state.refusal === '') return;
    const refusal = `${action.concurrency} ${verdict.stage} ${verdict.kind}`;
    if (refusal === state.refusal) return;
    state.refusal = refusal;
    note(turn, {
      kind: 'action.refused',
      ...(planSeq !== undefined && { causeSeq: planSeq }),
      body: toJson({
        ...action,
        mode: state.spec.mode,
        stage: verdict.stage,
        verdict: verdict.kind,
        because: verdict.reason,
        wanted: action.because,
      }) as Readonly<Record<string, Json>>,
    });
  };

  const look = (state: FunctionState, turn: Turn, urgency: Urgency): void => {
    if (state.isLooking) return;
    state.isLooking = true;
    turn.effects.push({ kind: 'observe', key: state.spec.key, urgency });
  };

  const poll = (turn: Turn): void => {
    const watched = [...functions.values()].filter((state) => state.pursuit.state !== 'idle');
    for (const state of watched) {
      const pollAtMs = nextPollAtMs(state.pursuit, {
        spreadRatio: state.spreadRatio,
        pollingCount: watched.length,
        isEventNear: isEventNear(state, turn.nowMs),
      });
      if (pollAtMs !== undefined && pollAtMs <= turn.nowMs) look(state, turn, 'routine');
    }
  };

  const contextOf = (
    state: FunctionState,
    action: HoldProvisionedConcurrency,
    { turn, commitments }: { readonly turn: Turn; readonly commitments: Commitments },
  ): GateContext => ({
    nowMs: turn.nowMs,
    mode: state.spec.mode,
    endpointKind,
    spec: state.spec,
    limits: options.limits,
    ...(account && { account }),
    pursuit: state.pursuit,
    ...(listing.listedAtMs !== undefined && { bookedEndMs: bookedEndMs(state.bookings, turn.nowMs) }),
    errorRatio: health.errorRatio(turn.nowMs),
    ...commitments.around(state.spec, action),
    seed: options.seed,
  });

  const reportPrewarms = (turn: Turn): void => {
    const readyOf = (key: FunctionKey): number => readyConcurrencyOf(functions.get(key)!.pursuit);
    for (const news of ledger.observe(turn.nowMs, readyOf)) {
      reportPrewarm(news, {
        note: (draft) => note(turn, draft),
        incidents,
        nowMs: turn.nowMs,
        mode: functions.get(news.prewarm.key)!.spec.mode,
        planSeq,
      });
    }
  };

  const run = (turn: Turn, facts: readonly Fact[], judge: () => void): TickResult => {
    const { nowMs } = turn;
    const before = new Map([...functions].map(([key, { pursuit, bookings }]) => [key, { pursuit, bookings }]));
    const preparedBefore = health.preparationsMs();
    const openBefore = incidents.open();
    for (const fact of facts) fold(fact, turn);
    judge();
    for (const [key, state] of functions) timeline.mark(key, nowMs, readyConcurrencyOf(state.pursuit));
    const changed = [...functions].filter(([key, state]) => state.pursuit !== before.get(key)!.pursuit);
    const rebooked = [...functions].filter(([key, state]) => state.bookings !== before.get(key)!.bookings);
    // Whatever left no trace changed nothing, so that a replay may leave it out.
    const hasTrace = turn.drafts.length > 0 || turn.effects.length > 0 || turn.hasReplanned;
    const isQuiet = facts.length === 0 && !hasTrace && changed.length === 0 && rebooked.length === 0;
    const sealed: SealedTick = {
      atMs: nowMs,
      facts: facts.map(sealedFact),
      pursuits: Object.fromEntries(changed.map(([key, state]) => [key, state.pursuit])),
      opened: Object.fromEntries(
        turn.effects.flatMap((effect) => (effect.kind === 'apply' ? [[effect.intentSeq, effect.action]] : [])),
      ),
      ...(rebooked.length > 0 && {
        bookings: Object.fromEntries(rebooked.map(([key, state]) => [key, state.bookings])),
      }),
      ...(health.preparationsMs() !== preparedBefore && { preparationsMs: health.preparationsMs() }),
      ...(turn.hasPlanned && plan && { plan }),
      ...(incidents.open() !== openBefore && { incidents: incidents.open() }),
    };
    return { drafts: turn.drafts, effects: turn.effects, sealed: isQuiet ? undefined : toJson(sealed) };
  };
  const turnAt = (nowMs: EpochMs, nextSeq: number): Turn => ({
    nowMs,
    nextSeq,
    drafts: [],
    effects: [],
    hasReplanned: false,
    hasPlanned: false,
  });

  return {
    tick(nowMs, facts, nextSeq) {
      const turn = turnAt(nowMs, nextSeq);
      return run(turn, facts, () => {
        if (isPromiseDue) promise(nowMs);
        isPromiseDue = false;
        if (nowMs >= planDueAtMs && account !== undefined) replan(turn, account);
        // Before the control plane has answered once, nobody knows whom we would be talking to.
        if (account !== undefined) actOnAll(turn);
        poll(turn);
        reportTroubles(turn);
        reportPrewarms(turn);
      });
    },
    hear(nowMs, facts, nextSeq) {
      const turn = turnAt(nowMs, nextSeq);
      return run(turn, facts, () => reportPrewarms(turn));
    },
    plan: () => plan,
    functions,
    ledger,
    timeline,
    planning,
    incidentCount: incidents.count,
    snapshot: () => ({
      pursuits: Object.fromEntries([...functions].map(([key, state]) => [key, state.pursuit])),
      bookings: Object.fromEntries([...functions].map(([key, state]) => [key, state.bookings])),
      preparationsMs: health.preparationsMs(),
      ...(plan && { plan }),
      openIntents: Object.fromEntries(openIntents),
      incidents: incidents.open(),
    }),
  };
}

/** The events of a calendar are in the store under its version: a row for each edit would hold all of them again. */
function sealedFact(fact: Fact): Fact {
  return fact.kind === 'calendar' ? { ...fact, calendar: { ...fact.calendar, events: [] } } : fact;
}

/** Steered, the maximum of the scalable target is the ceiling: whoever set it meant it. */
function levelOf({ pursuit }: FunctionState, level: number): number {
  return pursuit.baselineBounds
    ? Math.min(level, Math.max(pursuit.baselineBounds.max, pursuit.baselineBounds.min))
    : level;
}

/** From the asking until the peak is over: whoever loses what is READY then is told at once. */
function isEventNear({ step }: FunctionState, nowMs: EpochMs): boolean {
  return step?.eventAtMs !== undefined && Math.abs(nowMs - step.eventAtMs) <= nearEventMs;
}

function isSameAccount(one: AccountLimits | undefined, other: AccountLimits): boolean {
  return one?.concurrencyLimit === other.concurrencyLimit && one.unreservedConcurrency === other.unreservedConcurrency;
}

/** Plain data to JSON: absent fields are left out. */
function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
