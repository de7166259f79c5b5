/**
 * What is done about trouble: the smallest safe step that helps, which ends by itself.
 *
 * Mental model: a remedy states a standing ("these calls are stopped until 10:15"), not a change, so that saying it twice is harmless. Before it stands, its end
 * is booked with AWS or written into it (`untilMs`); whoever dies in between leaves nothing behind.
 */
import type { FunctionKey } from './series-key.ts';
import type { EpochMs } from './time.ts';
import type { Undo } from './undo.ts';

/** What breaker clients ask for: `orders-table`. */
export type BreakerName = string;

/**
 * `closed`: calls go through. `open`: none do, or a trickle. `half-open`: a growing share does, and is judged. The forced ones are a human's word; `metrics-only` judges and never stops a
 * call.
 */
export type BreakerStateName = 'closed' | 'open' | 'half-open' | 'forced-open' | 'forced-closed' | 'metrics-only';

/** What the clients of a breaker are told. It means nothing after `untilMs`: they let all calls through then. */
export interface BreakerStanding {
  readonly name: BreakerName;
  readonly state: 'closed' | 'open' | 'half-open';
  /** Share of calls that go through, 0…1: 1 while closed. Above 0 while open where a trickle is let through, by which an end of the trouble is seen. */
  readonly admitRatio: number;
  readonly sinceMs: EpochMs;
  readonly untilMs: EpochMs;
  /** Grows with each standing: an older one never replaces a newer. */
  readonly revision: number;
}

/** Whose clients read the item: see actuators/breaker-items.ts. */
export type BreakerItemFormat = 'circuitbreaker-lambda' | 'powertools';

/** Where clients of one kind look a breaker up. */
export interface BreakerItemPlace {
  readonly format: BreakerItemFormat;
  readonly accountId: string;
  readonly region: string;
  readonly table: string;
  /** The name of the circuit in that table: its partition key `id`. */
  readonly id: string;
  /** What the clients there have been told to wait before they try again (`powertools` reckons its end from it). */
  readonly recoveryTimeoutMs: number;
}

interface RemedyBase {
  /** Why, in one sentence for people. */
  readonly because: string;
  /** From then on the world is as it was without it. */
  readonly untilMs: EpochMs;
}

/** Closed by `kind`. What each needs of the world, and what takes it back, is told in docs/remedies.md. */
export type Remedy =
  MoveBreaker | WeighAlias | ReserveConcurrency | SwitchEventSource | RedriveDeadLetters | CallWebhook | AddProvisioned;
export type RemedyKind = Remedy['kind'];

/** Of every remedy, in alphabetical order. */
export const remedyKinds = [
  'add-provisioned',
  'call-webhook',
  'move-breaker',
  'redrive-dead-letters',
  'reserve-concurrency',
  'switch-event-source',
  'weigh-alias',
] as const satisfies readonly RemedyKind[];

export interface MoveBreaker extends RemedyBase {
  readonly kind: 'move-breaker';
  readonly standing: BreakerStanding;
}

/** A share of an alias's calls goes to another version. 0 gives all back to the version that the alias names. */
export interface WeighAlias extends RemedyBase {
  readonly kind: 'weigh-alias';
  readonly key: FunctionKey;
  readonly version: string;
  /** 0…1. */
  readonly weight: number;
  /**
   * A version that was just deployed is taken back: this stays until a person moves the alias, because its end would bring the trouble back. Nothing ends it at `untilMs`.
   */
  readonly isRollback?: true;
}

/** Null: no limit of its own any more. */
export interface ReserveConcurrency extends RemedyBase {
  readonly kind: 'reserve-concurrency';
  readonly key: FunctionKey;
  readonly concurrency: number | null;
}

export interface SwitchEventSource extends RemedyBase {
  readonly kind: 'switch-event-source';
  readonly key: FunctionKey;
  /** Of the event source mapping. */
  readonly uuid: string;
  readonly isEnabled: boolean;
}

/** Moves what a dead-letter queue holds back to where it came from. Cannot be taken back. */
export interface RedriveDeadLetters extends RemedyBase {
  readonly kind: 'redrive-dead-letters';
  readonly queueArn: string;
  readonly messagesPerSecondMax: number;
}

/** A signed call to a target of the configuration; `id` is the same at each attempt. */
export interface CallWebhook extends RemedyBase {
  readonly kind: 'call-webhook';
  readonly target: string;
  readonly id: string;
  readonly body: string;
}

/** Provisioned concurrency on top of the plan's, until it ends: goes the way of a window that was started by hand. */
export interface AddProvisioned extends RemedyBase {
  readonly kind: 'add-provisioned';
  readonly key: FunctionKey;
  readonly concurrency: number;
}

/** How a thing stood when it was looked at, before a remedy and after it. Undefined: nothing of the kind is set. */
export type Standing =
  | {
      readonly kind: 'alias';
      readonly key: FunctionKey;
      readonly version: string;
      /** By version, where calls are split. */
      readonly weights: Readonly<Record<string, number>>;
      readonly revisionId: string;
      /** AWS itself is moving the alias's provisioned concurrency, or broke off doing so: weights that stand may be its own. */
      readonly unfinishedMove?: 'IN_PROGRESS' | 'FAILED';
    }
  | { readonly kind: 'reserved'; readonly key: FunctionKey; readonly concurrency: number | null }
  | {
      readonly kind: 'event-source';
      readonly key: FunctionKey;
      readonly uuid: string;
      readonly state: 'enabled' | 'disabled' | 'changing';
      /** Of one that is changing: what it will be, where AWS says so. */
      readonly becomes?: 'enabled' | 'disabled';
    }
  | {
      readonly kind: 'redrive';
      readonly queueArn: string;
      readonly isRunning: boolean;
      readonly movedCount: number;
      /** Of the latest task that is running or done; absent where there is none. AWS's clock. */
      readonly startedAtMs?: EpochMs;
    }
  | { readonly kind: 'breaker'; readonly standing: BreakerStanding | undefined };

/** Have AWS give a remedy back at its end, whether or not we are alive by then. Before the remedy; booking what is booked changes nothing. */
export interface BookUndo {
  readonly kind: 'book-undo';
  readonly undo: Undo;
  readonly because: string;
}

/** After the remedy was given back. What is not booked, or has been carried out, is taken back already. */
export interface CancelUndo {
  readonly kind: 'cancel-undo';
  readonly undo: Undo;
  readonly because: string;
}
