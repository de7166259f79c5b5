/**
 * Capacity wanted, and capacity seen. A step expires by itself; what Lambda says it holds is an observation with its time.
 */
import type { ScalableBounds } from './booking.ts';
import type { FunctionKey } from './series-key.ts';
import type { EpochMs } from './time.ts';

/**
 * Which limit set the number: `concurrency` (offered load and the spillover target), `rate` (10 requests a second for each), `floor`, or one
 * that cut it short: the function's `ceiling` or `reserved` concurrency, the `account`'s unreserved concurrency less 100, `usd`, a `sharedResource` behind the
 * functions, or `inits`: how many environments may be initialised at a time.
 */
export type BindingLimit =
  'concurrency' | 'rate' | 'floor' | 'ceiling' | 'reserved' | 'account' | 'usd' | 'sharedResource' | 'inits';

/** Provisioned concurrency to hold over [fromMs, untilMs): asked for at `fromMs`, wanted READY by `readyByMs`. */
export interface CapacityStep {
  readonly key: FunctionKey;
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly readyByMs: EpochMs;
  readonly concurrency: number;
  /** What demand alone asks for, before any limit cut it. */
  readonly concurrencyWanted: number;
  /** Price of holding it over the step, by Lambda's rounding. */
  readonly usd: number;
  readonly bindingLimit: BindingLimit;
  /**
   * What it is expected to save over holding nothing, in dollars: run time, initialisation, and what cold starts cost where somebody said so.
   * Its price is not taken off.
   */
  readonly worthUsd?: number;
  /** What one more unit of the limit that cut it would save, in dollars. */
  readonly marginalUsd?: number;
  /** The price of a spilled request, in dollars, by which a stated share of them is kept: what its window was decided by. */
  readonly usdPerSpill?: number;
  /** The event that it is for; absent for a floor. */
  readonly eventId?: string;
  readonly eventAtMs?: EpochMs;
  /**
   * Until when a raise still helps, where that is not the event itself: what people start by hand has begun when it is asked for.
   */
  readonly raiseUntilMs?: EpochMs;
  /** One sentence for people: why this many, why then. */
  readonly because: string;
}

export interface CapacityPlan {
  readonly issuedAtMs: EpochMs;
  /** Beyond this instant the plan says nothing, and the floor holds. */
  readonly untilMs: EpochMs;
  /** By function, then in time order, not overlapping. Of an event window that has begun, its past steps are kept. */
  readonly steps: readonly CapacityStep[];
  /** What got no step although somebody may expect one, and why. */
  readonly notPlanned: readonly NotPlanned[];
  /** What limits took from what would have paid; absent where none did. */
  readonly givenUp?: readonly GivenUp[];
  /** How the seconds of a busy minute were taken to lie: counted, or assumed. Absent in plans of earlier releases. */
  readonly peakProfiles?: readonly PeakProfileUse[];
}

export interface PeakProfileUse {
  readonly name: string;
  readonly keys: readonly FunctionKey[];
}

/** What one limit cost the plan. */
export interface GivenUp {
  readonly limit: BindingLimit;
  /** How it is called in a sentence. */
  readonly name: string;
  /** Environments that it took, in the five minutes in which they are most. */
  readonly concurrency: number;
  /** What they would have saved over what they cost, in dollars. */
  readonly usd: number;
  /** What one more unit of the limit would save, in dollars. */
  readonly marginalUsd: number;
  /** `environments`, `dollars`. */
  readonly unit: string;
  /** Of a budget for one event. */
  readonly eventId?: string;
  /** False where no plan could keep it: demand alone takes more. */
  readonly isKept: boolean;
}

/** Without a key it holds for every function; without an event, for all of them. */
export interface NotPlanned {
  readonly key?: FunctionKey;
  readonly eventId?: string;
  readonly because: string;
}

export type ProvisionedStatus = 'IN_PROGRESS' | 'READY' | 'FAILED';

/** What the control plane answered about one alias, at one instant. */
export interface Observed {
  readonly key: FunctionKey;
  readonly atMs: EpochMs;
  /** The version that the alias points at. */
  readonly version: string;
  /** A weighted alias is a deployment in flight: a Put would be refused. */
  readonly hasRoutingWeights: boolean;
  /** Absent: no provisioned concurrency is configured. */
  readonly provisioned?: {
    readonly requested: number;
    readonly allocated: number;
    readonly available: number;
    readonly status: ProvisionedStatus;
    readonly statusReason?: string;
  };
  /** What Application Auto Scaling keeps it within; absent where there is no such target, or nobody looked. */
  readonly scalable?: ScalableBounds;
}
