/**
 * The engine: once a second, facts and an instant in, records and effects out. Synchronous and without I/O, so that the same facts give the same
 * bytes of decisions wherever it runs.
 *
 * Mental model of one tick: fold what came; plan when the plan is due; for each function take the level in force now and ask the gate; look at what
 * is being prepared; seal it all. Nothing is remembered as "to be done": the level wanted is derived anew each second and compared with what is
 * observed, so a crash, a lost answer and a late one all end in the same place.
 */
import { createGate, type GateContext, type Verdict } from '../actuators/gate.ts';
import { nextPollAtMs } from '../actuators/polling.ts';
import { gateStages } from '../actuators/gate-stages.ts';
import { advance } from '../actuators/pursuit.ts';
import type { HoldProvisionedConcurrency } from '../core/action.ts';
import { assertNever } from '../core/assert.ts';
import type { AuditDraft } from '../core/audit.ts';
import type { CapacityPlan, CapacityStep } from '../core/capacity.ts';
import type { Json } from '../core/json.ts';
import type { AccountLimits, Urgency } from '../core/ports.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import { isPlannable } from '../forecaster/planner.ts';
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
import type { SystemOptions, SystemPorts } from './system-options.ts';
import { createTimeline, type Timeline } from './timeline.ts';

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

type EngineOptions = SystemOptions & Pick<SystemPorts, 'endpointKindOf' | 'queueWaitMs'>;

/** Plans stand on Lambda's billing grid. */
const replanMs = 5 * msPerMinute;

/** A lost answer is looked after within seconds; a doubt that outlasts three looks is for a person. */
const doubtMsMax = 30 * msPerSecond;

interface Turn {
  readonly nowMs: EpochMs;
  readonly nextSeq: number;
  readonly drafts: AuditDraft[];
  readonly effects: Effect[];
  hasPlanned: boolean;
}

export function createEngine(options: EngineOptions, snapshot?: EngineSnapshot): Engine {
  const gate = createGate(gateStages);
  const ledger = createPrewarmLedger();
  const timeline = createTimeline();
  const planning = createPlanning(options);
  const functions = new Map<FunctionKey, FunctionState>(
    options.functions.map(({ spec }) => [
      spec.key,
      createFunctionState(spec, options.seed, snapshot?.pursuits[spec.key]),
    ]),
  );
  let account: AccountLimits | undefined;
  let plan: CapacityPlan | undefined = snapshot?.plan;
  let stepsByFunction = Map.groupBy(plan?.steps ?? [], ({ key }) => key);
  let planSeq: number | undefined;
  let planDueAtMs = -Infinity;
  // What an earlier run promised is still promised, even where the account cannot be read and no plan be made.
  let isPromiseDue = plan !== undefined;
  const incidents = createIncidents(snapshot?.incidents);
  const openIntents = new Map<number, HoldProvisionedConcurrency>(
    Object.entries(snapshot?.openIntents ?? {}).map(([seq, action]) => [Number(seq), action]),
  );

  const note = (turn: Turn, draft: Omit<AuditDraft, 'atMs' | 'actor'>): number => {
    turn.drafts.push({ atMs: turn.nowMs, actor: 'engine', ...draft });
    return turn.nextSeq + turn.drafts.length - 1;
  };

  /** Trouble is read off the state, not off its changes: it lasts as long as it lasts. */
  const reportTrouble = ({ spec: { key }, pursuit }: FunctionState, turn: Turn): void => {
    const write: Note = (draft) => note(turn, draft);
    const { failure, state, sinceMs } = pursuit;
    if (failure) {
      const because = `${key} version ${failure.version} does not start: ${failure.reason}; asking again would not mend it`;
      incidents.report(write, key, 'initialisation-failed', because);
    } else {
      incidents.close(write, key, 'initialisation-failed', 'the failed version is gone, or was seen READY');
    }
    if (state !== 'cannot-verify') {
      incidents.close(write, key, 'cannot-verify', `verified again: ${state}`);
    } else if (turn.nowMs - sinceMs >= doubtMsMax) {
      const because = `${key}: what Lambda holds could not be verified for ${doubtMsMax / msPerSecond} s; nothing is undone and nothing repeated until it can`;
      incidents.report(write, key, 'cannot-verify', because);
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
      case 'observed': {
        const state = functions.get(fact.observed.key)!;
        state.isLooking = false;
        state.pursuit = advance(state.pursuit, { kind: 'observed', observed: fact.observed });
        return;
      }
      case 'unverifiable': {
        const state = functions.get(fact.key)!;
        state.isLooking = false;
        state.pursuit = advance(state.pursuit, { kind: 'look-failed', atMs: fact.atMs });
        return;
      }
      case 'outcome': {
        const { outcome, action } = fact;
        // After a restart on another configuration, of a function that is watched no more.
        const state = functions.get(action.key);
        openIntents.delete(fact.intentSeq);
        note(turn, {
          kind: 'action.outcome',
          causeSeq: fact.intentSeq,
          body: { function: action.key, concurrency: action.concurrency, outcome: { ...outcome } },
        });
        if (state)
          state.pursuit = advance(state.pursuit, { kind: 'outcome', concurrency: action.concurrency, outcome });
        return;
      }
      default:
        assertNever(fact);
    }
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
    const decided = planning.decide({ nowMs, account, previous: plan, held: heldByOthers(functions) });
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
    for (const state of functions.values()) {
      // What stands there before us counts in every plan, so each function is looked at once, wanted or not.
      if (!state.isKnown && !state.pursuit.observed) look(state, turn, 'routine');
      state.isKnown = true;
      act(state, turn, commitments);
    }
  };

  const act = (state: FunctionState, turn: Turn, commitments: Commitments): void => {
    const { nowMs } = turn;
    const { spec } = state;
    const step = plan && nowMs < plan.untilMs ? stepAt(spec.key, nowMs) : undefined;
    const level = step?.concurrency ?? spec.concurrencyFloor;
    state.step = step;
    if (level !== state.pursuit.wantedConcurrency || level !== state.pursuit.concurrency) {
      state.pursuit = advance(state.pursuit, { kind: 'want', concurrency: level, atMs: nowMs });
    }
    const action = actionOf(state, step, nowMs);
    const verdict = gate.judge(action, contextOf(state, action, { turn, commitments }));
    state.verdict = verdict;
    switch (verdict.kind) {
      case 'pass': {
        const intentSeq = note(turn, {
          kind: 'action.intended',
          ...(planSeq !== undefined && { causeSeq: planSeq }),
          body: { ...action, attempt: state.pursuit.attemptCount + 1 },
        });
        turn.effects.push({ kind: 'apply', action, intentSeq });
        openIntents.set(intentSeq, action);
        commitments.pass(spec, action);
        state.refusal = '';
        state.pursuit = advance(state.pursuit, { kind: 'sent', concurrency: action.concurrency, atMs: nowMs });
        return;
      }
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
      body: {
        ...action,
        mode: state.spec.mode,
        stage: verdict.stage,
        verdict: verdict.kind,
        because: verdict.reason,
        wanted: action.because,
      },
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
      const pollAtMs = nextPollAtMs(state.pursuit, { spreadRatio: state.spreadRatio, pollingCount: watched.length });
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
    endpointKind: options.endpointKindOf(state.spec.key),
    spec: state.spec,
    limits: options.limits,
    ...(account && { account }),
    pursuit: state.pursuit,
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
    const before = new Map([...functions].map(([key, state]) => [key, state.pursuit]));
    const openBefore = incidents.open();
    for (const fact of facts) fold(fact, turn);
    judge();
    for (const [key, state] of functions) timeline.mark(key, nowMs, readyConcurrencyOf(state.pursuit));
    const changed = [...functions].filter(([key, state]) => state.pursuit !== before.get(key));
    const isQuiet = facts.length === 0 && turn.drafts.length === 0 && changed.length === 0;
    const sealed: SealedTick = {
      atMs: nowMs,
      facts,
      pursuits: Object.fromEntries(changed.map(([key, state]) => [key, state.pursuit])),
      opened: Object.fromEntries(
        turn.effects.flatMap((effect) => (effect.kind === 'apply' ? [[effect.intentSeq, effect.action]] : [])),
      ),
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
        for (const state of functions.values()) reportTrouble(state, turn);
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
      ...(plan && { plan }),
      openIntents: Object.fromEntries(openIntents),
      incidents: incidents.open(),
    }),
  };
}

function isSameAccount(one: AccountLimits | undefined, other: AccountLimits): boolean {
  return one?.concurrencyLimit === other.concurrencyLimit && one.unreservedConcurrency === other.unreservedConcurrency;
}

/** Plain data to JSON: absent fields are left out. */
function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
