/**
 * The engine: once a second, facts and an instant in, records and effects out. Synchronous and without I/O, so that the same facts give the same
 * bytes of decisions wherever it runs.
 *
 * Mental model of one tick: fold what came (engine-fold.ts); plan when the plan is due (engine-plan.ts); for each function take the level in force now,
 * book what ends it, ask the gate, and look at what is being prepared (engine-act.ts); seal it all. Nothing is remembered as "to be done": the level
 * wanted is derived anew each second and compared with what is observed, so a crash, a lost answer and a late one all end in the same place.
 */
import type { ActingState } from './acting.ts';
import { badDayErrorRatio } from '../actuators/gate-stages.ts';
import type { AuditDraft } from '../core/audit.ts';
import type { CapacityPlan } from '../core/capacity.ts';
import type { Incident } from '../core/incident.ts';
import type { Json } from '../core/json.ts';
import type { PlaybookBook } from '../detector/playbook/book.ts';
import type { DryRun } from '../detector/playbook/dry-run.ts';
import type { BreakerState } from '../detector/breaker/machine.ts';
import type { FunctionKey } from '../core/series-key.ts';
import type { EpochMs } from '../core/time.ts';
import { actOnAll, poll } from './engine-act.ts';
import { askPeople } from './engine-acting.ts';
import { fold } from './engine-fold.ts';
import { promise, replan } from './engine-plan.ts';
import { createScene, note, toJson, type Scene, type Turn } from './engine-scene.ts';
import type { EngineSnapshot, SealedTick } from './engine-snapshot.ts';
import { catchUpWatch, lookAtSpans } from './engine-watch.ts';
import { tellPeople } from './engine-oncall.ts';
import { dryRunPlaybook } from './remedies/playbooks.ts';
import { turnRemedies } from './remedies/turn.ts';
import type { Effect, Fact } from './facts.ts';
import { readyConcurrencyOf, type FunctionState } from './function-state.ts';
import type { Note, OwnIncident } from './incidents.ts';
import { emptyOncall, type ToldCounts } from './oncall-state.ts';
import { noRemedies } from './remedies/state.ts';
import { changesOf } from './oncall-changes.ts';
import { reportLeftBehind } from './left-behind.ts';
import type { Planning } from './planning.ts';
import type { PrewarmLedger } from './prewarm-ledger.ts';
import { reportPrewarm } from './prewarm-report.ts';
import type { SystemOptions } from './system-options.ts';
import type { Timeline } from './timeline.ts';
import type { TraceWatch } from './trace-watch.ts';
import { watchSurges } from './surge-report.ts';
import { reportTrouble } from './trouble.ts';

export interface TickResult {
  /** Audit events to append, in order. Effects name their intent by its place in this list. */
  readonly drafts: readonly AuditDraft[];
  readonly effects: readonly Effect[];
  /** What the tick was judged from, and the states that it changed; undefined when nothing happened. */
  readonly sealed: Json | undefined;
}

export interface EnginePlaybooks {
  readonly book: () => PlaybookBook;
  /** One that is not resolved. */
  readonly incident: (id: string) => Incident | undefined;
  readonly dryRun: (
    nowMs: EpochMs,
    asked: { readonly name: string; readonly incidentId: string },
  ) => DryRun | undefined;
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
  /** Episodes that paged since the start, and escalations of them. */
  readonly toldCounts: () => ToldCounts;
  /** Trouble of our own work that is open. */
  readonly ownIncidents: () => readonly OwnIncident[];
  /** What is usual of spans is left out: it is large. */
  snapshot(): EngineSnapshot;
  /** All of it. Costs as much as there is to say: some ten kilobytes a key. */
  wholeSnapshot(): EngineSnapshot;
  readonly watch: TraceWatch;
  /** Runs of playbooks, and what one would do now. */
  readonly playbooks: EnginePlaybooks;
  /** Those that ever moved, by name. */
  readonly breakers: () => Readonly<Record<string, BreakerState>>;
  /** What people said of acting. */
  readonly acting: () => ActingState;
}

export function createEngine(options: SystemOptions, snapshot?: EngineSnapshot): Engine {
  const scene = createScene(options, snapshot);
  const { functions, ledger, timeline, planning, incidents } = scene;
  return {
    tick(nowMs, facts, nextSeq) {
      const turn = turnAt(nowMs, nextSeq);
      return judge(scene, turn, { facts, decide: () => decide(scene, turn) });
    },
    hear(nowMs, facts, nextSeq) {
      const turn = turnAt(nowMs, nextSeq);
      return judge(scene, turn, {
        facts,
        decide: () => {
          reportPrewarms(scene, turn);
          tellPeople(scene, turn, 'hear');
        },
      });
    },
    plan: () => scene.plan,
    functions,
    ledger,
    timeline,
    planning,
    incidentCount: () => incidents.count() + scene.watch.openedCount,
    toldCounts: () => scene.toldCounts,
    ownIncidents: incidents.list,
    watch: scene.watch,
    breakers: () => scene.remedies.breakers,
    playbooks: {
      book: () => scene.remedies.book,
      incident: (id) => scene.watch.incidents.find((incident) => incident.id === id),
      dryRun: (nowMs, asked) => dryRunPlaybook(scene, { nowMs }, asked),
    },
    acting: () => scene.remedies,
    snapshot: () => snapshotOf(scene),
    wholeSnapshot: () => ({
      ...snapshotOf(scene),
      ...(scene.watch.isWatching && { watch: scene.watch.snapshot() }),
    }),
  };
}

function turnAt(nowMs: EpochMs, nextSeq: number): Turn {
  return {
    ...{ nowMs, nextSeq, drafts: [], effects: [], hasReplanned: false, hasPlanned: false, hasToldPrewarms: false },
    toldIncidents: undefined,
    endedIncidents: [],
    breakerCommands: new Map(),
    remedyWishes: [],
  };
}

function decide(scene: Scene, turn: Turn): void {
  const { nowMs } = turn;
  if (scene.isPromiseDue) promise(scene, nowMs);
  scene.isPromiseDue = false;
  askPeople(scene, turn);
  // Before the control plane has answered once, nobody knows whom we would be talking to.
  if (scene.account !== undefined) {
    watchSurges(scene, turn);
    if (nowMs >= scene.planDueAtMs) replan(scene, turn, scene.account);
    actOnAll(scene, turn);
  }
  poll(scene, turn);
  turnRemedies(scene, turn);
  reportTroubles(scene, turn);
  reportPrewarms(scene, turn);
  tellPeople(scene, turn, 'tick');
}

interface Judgement {
  readonly facts: readonly Fact[];
  readonly decide: () => void;
}

function judge(scene: Scene, turn: Turn, { facts, decide: decideNow }: Judgement): TickResult {
  const { functions, timeline, health, incidents } = scene;
  const before = new Map([...functions].map(([key, { pursuit, bookings }]) => [key, { pursuit, bookings }]));
  const preparedBefore = health.preparationsMs();
  const openBefore = incidents.open();
  const oncallBefore = scene.oncallState;
  const remediesBefore = scene.remedies;
  catchUpWatch(scene, turn, facts);
  for (const fact of facts) fold(scene, fact, turn);
  lookAtSpans(scene, turn, facts);
  decideNow();
  for (const [key, state] of functions) timeline.mark(key, turn.nowMs, readyConcurrencyOf(state.pursuit));
  const changed = [...functions].filter(([key, state]) => state.pursuit !== before.get(key)!.pursuit);
  const rebooked = [...functions].filter(([key, state]) => state.bookings !== before.get(key)!.bookings);
  const told = changesOf(oncallBefore, scene.oncallState);
  // Whatever left no trace changed nothing, so that a replay may leave it out.
  const hasTrace = turn.drafts.length > 0 || turn.effects.length > 0 || turn.hasReplanned;
  const isQuiet =
    facts.length === 0 &&
    !hasTrace &&
    changed.length === 0 &&
    rebooked.length === 0 &&
    !told &&
    remediesBefore === scene.remedies;
  const sealed: SealedTick = {
    atMs: turn.nowMs,
    facts: facts.map(sealedFact),
    pursuits: Object.fromEntries(changed.map(([key, state]) => [key, state.pursuit])),
    opened: Object.fromEntries(
      turn.effects.flatMap((effect) => (effect.kind === 'apply' ? [[effect.intentSeq, effect.action]] : [])),
    ),
    ...(rebooked.length > 0 && {
      bookings: Object.fromEntries(rebooked.map(([key, state]) => [key, state.bookings])),
    }),
    ...(health.preparationsMs() !== preparedBefore && { preparationsMs: health.preparationsMs() }),
    ...(turn.hasToldPrewarms && { prewarms: scene.ledger.told() }),
    ...(turn.hasPlanned && scene.plan && { plan: scene.plan }),
    ...(incidents.open() !== openBefore && { incidents: incidents.open() }),
    ...(told && { oncall: told }),
    ...(scene.remedies !== remediesBefore && { remedies: scene.remedies }),
    ...(turn.toldIncidents && { toldIncidents: turn.toldIncidents }),
    ...(turn.endedIncidents.length > 0 && { endedIncidents: turn.endedIncidents }),
  };
  return { drafts: turn.drafts, effects: turn.effects, sealed: isQuiet ? undefined : toJson(sealed) };
}

/** The events of a calendar are in the store under its version: a row for each edit would hold all of them again. Deltas stand in a row of their own. */
function sealedFact(fact: Fact): Fact {
  if (fact.kind === 'deltas') return { ...fact, deltas: [] };
  return fact.kind === 'calendar' ? { ...fact, calendar: { ...fact.calendar, events: [] } } : fact;
}

function reportTroubles(scene: Scene, turn: Turn): void {
  const { functions, health, incidents } = scene;
  const write: Note = (draft) => note(turn, draft);
  const modeOf = (key: string) => functions.get(key as FunctionKey)?.spec.mode;
  reportLeftBehind(scene.leftBehind, { incidents, write, modeOf });
  scene.leftBehind = [];
  for (const state of functions.values()) reportTrouble(state, { nowMs: turn.nowMs, note: write, incidents });
  const ratio = health.errorRatio(turn.nowMs);
  if (ratio > badDayErrorRatio) {
    const because = `${Math.round(ratio * 100)} % of calls to the control plane failed in the last ten minutes: capacity is asked for earlier, and none is given back before its booked end`;
    incidents.report(write, 'account', 'control-plane-errs', because);
  } else {
    incidents.close(write, 'account', 'control-plane-errs', 'the control plane answers again');
  }
}

function reportPrewarms(scene: Scene, turn: Turn): void {
  const { functions, ledger, incidents, planSeq } = scene;
  const readyOf = (key: FunctionKey): number => readyConcurrencyOf(functions.get(key)!.pursuit);
  for (const news of ledger.observe(turn.nowMs, readyOf)) {
    turn.hasToldPrewarms = true;
    const { mode } = functions.get(news.prewarm.key)!.spec;
    reportPrewarm(news, { note: (draft) => note(turn, draft), incidents, nowMs: turn.nowMs, mode, planSeq });
  }
}

function snapshotOf(scene: Scene): EngineSnapshot {
  const { functions, health, ledger, account, plan, openIntents, incidents, actionsTaken, oncallState } = scene;
  return {
    pursuits: Object.fromEntries([...functions].map(([key, state]) => [key, state.pursuit])),
    bookings: Object.fromEntries([...functions].map(([key, state]) => [key, state.bookings])),
    preparationsMs: health.preparationsMs(),
    prewarms: ledger.told(),
    ...(account && { account }),
    ...(plan && { plan }),
    openIntents: Object.fromEntries(openIntents),
    incidents: incidents.open(),
    ...(actionsTaken.length > 0 && { actionsTaken }),
    ...(oncallState !== emptyOncall && { oncall: oncallState }),
    ...(scene.remedies !== noRemedies && { remedies: scene.remedies }),
  };
}
