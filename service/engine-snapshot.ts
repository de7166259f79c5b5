/** What the engine leaves in the store: a row for each tick in which something happened, and now and then the whole of what it knows. */
import type { Pursuit } from '../actuators/pursuit.ts';
import type { HoldProvisionedConcurrency } from '../core/action.ts';
import type { CapacityPlan } from '../core/capacity.ts';
import type { EpochMs } from '../core/time.ts';
import type { Fact } from './facts.ts';
import type { OpenIncidents } from './incidents.ts';

/** What survives a restart besides the history: how far each pursuit was, and the plan whose windows have begun. */
export interface EngineSnapshot {
  readonly pursuits: Readonly<Record<string, Pursuit>>;
  readonly plan?: CapacityPlan;
  /** Actions by the sequence number of their intent, whose outcome was not written: after a crash nobody knows what became of them. */
  readonly openIntents: Readonly<Record<string, HoldProvisionedConcurrency>>;
  /** What people have been told of, and not yet that it is over; absent in what releases before wrote. */
  readonly incidents?: OpenIncidents;
}

/** Brings a snapshot up to a sealed tick that came after it. */
export function foldSealed(snapshot: EngineSnapshot, sealed: SealedTick): EngineSnapshot {
  const openIntents: Record<string, HoldProvisionedConcurrency> = { ...snapshot.openIntents, ...sealed.opened };
  const answered = new Set(sealed.facts.flatMap((fact) => (fact.kind === 'outcome' ? [String(fact.intentSeq)] : [])));
  return {
    ...snapshot,
    pursuits: { ...snapshot.pursuits, ...sealed.pursuits },
    openIntents: Object.fromEntries(Object.entries(openIntents).filter(([seq]) => !answered.has(seq))),
    ...(sealed.plan && { plan: sealed.plan }),
    ...(sealed.incidents && { incidents: sealed.incidents }),
  };
}

/** One packed row of the store: what a tick was judged from, and the state that it left different. */
export interface SealedTick {
  readonly atMs: EpochMs;
  readonly facts: readonly Fact[];
  readonly pursuits: Readonly<Record<string, Pursuit>>;
  readonly opened: Readonly<Record<string, HoldProvisionedConcurrency>>;
  readonly plan?: CapacityPlan;
  /** All that are open, where one was opened or closed. */
  readonly incidents?: OpenIncidents;
}
