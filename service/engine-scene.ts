/** What the engine knows between two ticks, and what it is about in one: handed to the parts that fold, plan and act. */
import type { EndpointKind } from '../actuators/endpoint.ts';
import type { Action } from '../core/action.ts';
import type { AuditDraft } from '../core/audit.ts';
import type { CapacityPlan, CapacityStep } from '../core/capacity.ts';
import type { Acknowledgement, ActionTaken, Incident } from '../core/incident.ts';
import type { Json } from '../core/json.ts';
import type { AccountLimits } from '../core/ports.ts';
import type { BreakerName } from '../core/remedy.ts';
import type { FunctionKey } from '../core/series-key.ts';
import type { EpochMs } from '../core/time.ts';
import type { BreakerCommand } from '../detector/breaker/machine.ts';
import type { ApprovalWish } from './approvals.ts';
import { createListing, type ListingState } from './bookkeeping.ts';
import { createControlPlaneHealth, type ControlPlaneHealth } from './control-plane-health.ts';
import type { EngineSnapshot } from './engine-snapshot.ts';
import { createExpectedRates, type ExpectedRates } from './expected-rates.ts';
import type { Effect } from './facts.ts';
import { createFunctionState, type FunctionState } from './function-state.ts';
import { createIncidents, type Incidents } from './incidents.ts';
import { leftBehindOf, type LeftBehind } from './left-behind.ts';
import { createOncall, type Oncall } from './oncall.ts';
import { emptyOncall, type OncallState, type ToldCounts } from './oncall-state.ts';
import { createPlanning, type Planning } from './planning.ts';
import { noPrewarmWishes, type PrewarmWishes } from './prewarm-approval.ts';
import { createPrewarmLedger, type PrewarmLedger } from './prewarm-ledger.ts';
import { createSpanDemand, type SpanDemand } from './span-demand.ts';
import { noRemedies, type RemediesState } from './remedies/state.ts';
import type { SystemOptions } from './system-options.ts';
import { createTimeline, type Timeline } from './timeline.ts';
import { createTraceWatch, type ToldIncidents, type TraceWatch } from './trace-watch.ts';
import { createWatchEvents, type WatchEvents } from './watch-events.ts';
import { detectionOptionsOf } from './watch-options.ts';

export interface Scene {
  readonly options: SystemOptions;
  readonly functions: ReadonlyMap<FunctionKey, FunctionState>;
  readonly planning: Planning;
  readonly ledger: PrewarmLedger;
  readonly timeline: Timeline;
  readonly listing: ListingState;
  readonly health: ControlPlaneHealth;
  readonly incidents: Incidents;
  /** Told at the first tick. */
  leftBehind: readonly LeftBehind[];
  /** Actions by the number of their intent, whose outcome has not come. */
  readonly openIntents: Map<number, Action>;
  /** What spans show. */
  readonly watch: TraceWatch;
  readonly watchEvents: WatchEvents;
  readonly spanDemand: SpanDemand;
  /** Absent: nobody is told of anything. */
  readonly oncall: Oncall | undefined;
  /** What people were told, and what is still to be told. */
  oncallState: OncallState;
  toldCounts: ToldCounts;
  /** What is done about trouble, and what of it stands. */
  remedies: RemediesState;
  /** Pre-warms of the plan in force that wait for a yes, or have one. */
  prewarmWishes: PrewarmWishes;
  /** Remedies that wait for a yes, as of the last tick; undefined: nothing was judged since the start. */
  remedyWishes: readonly ApprovalWish[] | undefined;
  /** By the forecasts in force. */
  readonly expectedRates: ExpectedRates;
  /** What we asked of Lambda in the last hour. */
  actionsTaken: readonly ActionTaken[];
  /** Told since the last tick. */
  acknowledgements: readonly Acknowledgement[];
  account: AccountLimits | undefined;
  endpointKind: EndpointKind;
  queueWaitMs: number;
  plan: CapacityPlan | undefined;
  stepsByFunction: ReadonlyMap<FunctionKey, readonly CapacityStep[]>;
  /** The event that the plan in force was written down in. */
  planSeq: number | undefined;
  planFingerprint: string;
  planDueAtMs: EpochMs;
  /** What an earlier run promised is still promised, even where the account cannot be read and no plan be made. */
  isPromiseDue: boolean;
  importantEventIds: ReadonlySet<string>;
}

export function createScene(options: SystemOptions, snapshot: EngineSnapshot | undefined): Scene {
  const plan = snapshot?.plan;
  const left = Object.entries(snapshot?.openIntents ?? {});
  return {
    options,
    functions: new Map(
      options.functions.map(({ spec }) => [
        spec.key,
        createFunctionState(spec, options.seed, {
          pursuit: snapshot?.pursuits[spec.key],
          bookings: snapshot?.bookings?.[spec.key],
        }),
      ]),
    ),
    planning: createPlanning(options),
    ledger: createPrewarmLedger(snapshot?.prewarms),
    timeline: createTimeline(),
    listing: createListing(),
    health: createControlPlaneHealth(snapshot?.preparationsMs),
    incidents: createIncidents(snapshot?.incidents),
    leftBehind: leftBehindOf(options, snapshot?.pursuits ?? {}),
    openIntents: new Map(left.map(([seq, action]) => [Number(seq), action])),
    watch: createTraceWatch(detectionOptionsOf(options), snapshot?.watch),
    watchEvents: createWatchEvents(
      new Map(options.functions.map(({ spec, symbols }) => [spec.key, symbols])),
      options.policy.importanceMin,
    ),
    spanDemand: createSpanDemand(
      new Set(options.functions.map(({ spec }) => spec.key)),
      options.watch?.demandSenders ?? [],
    ),
    oncall: options.oncall && createOncall(options.oncall, oncallContextOf(options)),
    oncallState: snapshot?.oncall ?? emptyOncall,
    toldCounts: { pages: 0, escalations: 0 },
    remedies: snapshot?.remedies ?? noRemedies,
    prewarmWishes: noPrewarmWishes,
    remedyWishes: undefined,
    expectedRates: createExpectedRates(),
    actionsTaken: snapshot?.actionsTaken ?? [],
    acknowledgements: [],
    account: snapshot?.account,
    endpointKind: 'unknown',
    queueWaitMs: 0,
    plan,
    stepsByFunction: Map.groupBy(plan?.steps ?? [], ({ key }) => key),
    planSeq: undefined,
    planFingerprint: '',
    planDueAtMs: -Infinity,
    isPromiseDue: plan !== undefined,
    importantEventIds: new Set(),
  };
}

function oncallContextOf({ functions, configSha256 }: SystemOptions) {
  return { modes: new Map(functions.map(({ spec }) => [spec.key, spec.mode])), configSha256 };
}

/** One tick, as it is being judged. */
export interface Turn {
  readonly nowMs: EpochMs;
  readonly nextSeq: number;
  readonly drafts: AuditDraft[];
  readonly effects: Effect[];
  /** A plan was made, and another one than before. */
  hasReplanned: boolean;
  hasPlanned: boolean;
  /** People were told of a pre-warm. */
  hasToldPrewarms: boolean;
  /** What people were told of incidents that spans show, where this tick changed it. */
  toldIncidents: ToldIncidents | undefined;
  readonly endedIncidents: Incident[];
  /** Remedies that wait for a yes. */
  readonly remedyWishes: ApprovalWish[];
  /** What humans said of breakers since the last tick. */
  readonly breakerCommands: Map<BreakerName, BreakerCommand>;
}

/** Writes an event, and answers the number that it will get. */
export function note(turn: Turn, draft: Omit<AuditDraft, 'atMs' | 'actor'>): number {
  turn.drafts.push({ atMs: turn.nowMs, actor: 'engine', ...draft });
  return turn.nextSeq + turn.drafts.length - 1;
}

/** The plan in force as the cause of an event. */
export function causedByPlan({ planSeq }: Scene): { readonly causeSeq?: number } {
  return planSeq === undefined ? {} : { causeSeq: planSeq };
}

/** Plain data to JSON: absent fields are left out. */
export function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

/** The same for the body of an event. */
export function toBody(value: object): Readonly<Record<string, Json>> {
  return toJson(value) as Readonly<Record<string, Json>>;
}
