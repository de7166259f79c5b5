/**
 * The one door out: asks of every action, in order, the questions that may stop it.
 *
 * Mental model: a row of stages, each a small pure function that either lets the action on or answers with its name and reason. The first answer
 * is the verdict. Nothing here acts, counts or remembers; the engine records the verdict and, on `pass`, hands the action to the actuator once
 * that record is durable.
 *
 * Three rules run through all stages. Only a raise can be stopped by money, ceilings and time: lowering is how cost ends. Doubt changes nothing:
 * where we cannot see, neither a raise nor a release is sent. And a stricter limit never lets more through.
 *
 * - The pattern: alertmanager's notification pipeline of one-method stages (inhibit, mute, silence, dedup, retry).
 */
import type { HoldProvisionedConcurrency } from '../core/action.ts';
import type { FunctionSpec, Limits, Mode } from '../core/function-spec.ts';
import type { AccountLimits } from '../core/ports.ts';
import type { EpochMs } from '../core/time.ts';
import type { EndpointKind } from './endpoint.ts';
import type { Pursuit } from './pursuit.ts';

type GateStageName =
  | 'mode'
  | 'endpoint'
  | 'held'
  | 'brake'
  | 'approval'
  | 'in-flight'
  | 'already'
  | 'backoff'
  | 'observed'
  | 'expired'
  | 'failed'
  | 'owner'
  | 'ownership'
  | 'drift'
  | 'deployment'
  | 'bad-day'
  | 'booked'
  | 'ceiling'
  | 'budget';

/**
 * - `refuse`: no, and asking again is pointless while the facts stand.
 * - `wait`: not now; the same question may have another answer later (from `untilMs` on, where that is known).
 * - `observe`: nothing can be said before a fresh look.
 * - `already`: the level is asked for or held; there is nothing to do.
 */
export type Stop =
  | { readonly kind: 'refuse' | 'observe' | 'already'; readonly reason: string }
  | { readonly kind: 'wait'; readonly reason: string; readonly untilMs?: EpochMs };

export type Verdict = { readonly kind: 'pass' } | (Stop & { readonly stage: GateStageName });

export interface GateContext {
  readonly nowMs: EpochMs;
  /** The mode in force for this function and action, operator's override included. */
  readonly mode: Mode;
  /** Of the latest answer from the function's control plane. */
  readonly endpointKind: EndpointKind;
  readonly spec: Pick<
    FunctionSpec,
    'concurrencyCeiling' | 'concurrencyFloor' | 'reservedConcurrency' | 'ownership' | 'onDrift'
  >;
  readonly limits: Limits;
  /** As Lambda states it; absent while it was never read. */
  readonly account?: AccountLimits;
  readonly pursuit: Pursuit;
  /** The latest call back to what stood before us that AWS is known to have booked; absent where there is none. */
  readonly bookedEndMs?: EpochMs | undefined;
  /** Share of calls to the control plane that failed lately, where there were enough of them to tell. */
  readonly errorRatio?: number | undefined;
  /** An operator's word that this function is to be left as it is. */
  readonly operatorHold?: { readonly because: string; readonly untilMs?: EpochMs };
  /** Everything is stopped, pre-warms as well; absent: it is not. */
  readonly brake?: { readonly by: string; readonly because: string } | undefined;
  /** Why the event still waits for a human's yes; absent: it does not. */
  readonly unapproved?: string | undefined;
  /** What all other functions of the account and region hold or have asked for, what passed earlier in this tick included. */
  readonly others: {
    readonly concurrency: number;
    readonly usdPerHour: number;
    /** Committed for the same event. */
    readonly usdOfEvent: number;
  };
  /** What the stated level costs: an hour of it, and all of it until the action ends. */
  readonly cost: { readonly usdPerHour: number; readonly usd: number };
  /** Of the run: together with function and attempt it draws the jitter of a retry, the same every time. */
  readonly seed: string;
}

export interface GateStage {
  readonly name: GateStageName;
  judge(action: HoldProvisionedConcurrency, context: GateContext): Stop | undefined;
}

export interface Gate {
  readonly stageNames: readonly GateStageName[];
  judge(action: HoldProvisionedConcurrency, context: GateContext): Verdict;
}

/** The stages in use are `gateStages` (gate-stages.ts). Another list makes another gate: without `mode` it answers what would have happened in shadow. */
export function createGate(stages: readonly GateStage[]): Gate {
  return {
    stageNames: stages.map((stage) => stage.name),
    judge(action, context) {
      for (const stage of stages) {
        const stop = stage.judge(action, context);
        if (stop) return { ...stop, stage: stage.name };
      }
      return { kind: 'pass' };
    },
  };
}
