/** What the engine leaves in the store: a row for each tick in which something happened, and now and then the whole of what it knows. */
import type { Bookings } from '../actuators/bookings.ts';
import type { Pursuit } from '../actuators/pursuit.ts';
import type { Action } from '../core/action.ts';
import type { CapacityPlan } from '../core/capacity.ts';
import type { ActionTaken, Incident } from '../core/incident.ts';
import type { EpochMs } from '../core/time.ts';
import type { AccountLimits } from '../core/ports.ts';
import type { Fact } from './facts.ts';
import { applyChanges, type OncallChanges } from './oncall-changes.ts';
import { emptyOncall, type OncallState } from './oncall-state.ts';
import type { OpenIncidents } from './incidents.ts';
import type { RemediesState } from './remedies/state.ts';
import type { ToldPrewarms } from './prewarm-ledger.ts';
import type { ToldIncidents, WatchSnapshot } from './trace-watch.ts';

/** What survives a restart besides the history: how far each pursuit was, and the plan whose windows have begun. */
export interface EngineSnapshot {
  readonly pursuits: Readonly<Record<string, Pursuit>>;
  readonly plan?: CapacityPlan;
  /** Actions by the sequence number of their intent, whose outcome was not written: after a crash nobody knows what became of them. */
  readonly openIntents: Readonly<Record<string, Action>>;
  /** What AWS is known to do of itself, by function; absent in what releases before wrote. */
  readonly bookings?: Readonly<Record<string, Bookings>>;
  /** How long our own raises took to be prepared. */
  readonly preparationsMs?: readonly number[];
  /** Of pre-warms that are still ahead. */
  readonly prewarms?: ToldPrewarms;
  /** The limits that Lambda stated last: a start in the middle of an outage goes on with them. */
  readonly account?: AccountLimits;
  /** What people have been told of, and not yet that it is over; absent in what releases before wrote. */
  readonly incidents?: OpenIncidents;
  /** What spans showed, and what of it was told; absent where none ever came. */
  readonly watch?: WatchSnapshot;
  /** What we asked of Lambda in the hour before. */
  readonly actionsTaken?: readonly ActionTaken[];
  /** What people were told of, and what is still to be told; absent where nobody ever was. */
  readonly oncall?: OncallState;
  /** What is done about trouble; absent where nothing ever was. */
  readonly remedies?: RemediesState;
}

/** Brings a snapshot up to a sealed tick that came after it; but for `watch`, which is brought up by judging again (trace-watch.ts). */
export function foldSealed(snapshot: EngineSnapshot, sealed: SealedTick): EngineSnapshot {
  const openIntents: Record<string, Action> = { ...snapshot.openIntents, ...sealed.opened };
  const account = sealed.facts.findLast((fact) => fact.kind === 'account')?.limits;
  const taken = Object.values(sealed.opened).flatMap((action): ActionTaken[] =>
    action.kind === 'hold-provisioned-concurrency'
      ? [{ atMs: sealed.atMs, key: action.key, because: action.because }]
      : [],
  );
  const answered = new Set(sealed.facts.flatMap((fact) => (fact.kind === 'outcome' ? [String(fact.intentSeq)] : [])));
  return {
    ...snapshot,
    pursuits: { ...snapshot.pursuits, ...sealed.pursuits },
    openIntents: Object.fromEntries(Object.entries(openIntents).filter(([seq]) => !answered.has(seq))),
    ...(sealed.bookings && { bookings: { ...snapshot.bookings, ...sealed.bookings } }),
    ...(sealed.preparationsMs && { preparationsMs: sealed.preparationsMs }),
    ...(sealed.prewarms && { prewarms: sealed.prewarms }),
    ...(account && { account }),
    ...(sealed.plan && { plan: sealed.plan }),
    ...(sealed.incidents && { incidents: sealed.incidents }),
    ...(sealed.oncall && { oncall: applyChanges(snapshot.oncall ?? emptyOncall, sealed.oncall) }),
    ...(sealed.remedies && { remedies: sealed.remedies }),
    ...(taken.length > 0 && { actionsTaken: [...(snapshot.actionsTaken ?? []), ...taken] }),
  };
}

/** One packed row of the store: what a tick was judged from, and the state that it left different. */
export interface SealedTick {
  readonly atMs: EpochMs;
  readonly facts: readonly Fact[];
  readonly pursuits: Readonly<Record<string, Pursuit>>;
  readonly opened: Readonly<Record<string, Action>>;
  readonly bookings?: Readonly<Record<string, Bookings>>;
  readonly preparationsMs?: readonly number[];
  /** All of them, where one was told of. */
  readonly prewarms?: ToldPrewarms;
  readonly plan?: CapacityPlan;
  /** What of it changed. */
  readonly oncall?: OncallChanges;
  /** All of it, where it changed. */
  readonly remedies?: RemediesState;
  /** All that are open, where one was opened or closed. */
  readonly incidents?: OpenIncidents;
  /** What was told of incidents that spans show, where it changed. */
  readonly toldIncidents?: ToldIncidents;
  /** Those that were resolved in this tick. */
  readonly endedIncidents?: readonly Incident[];
}
