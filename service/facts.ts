/**
 * Facts and effects: everything that enters a tick, and everything that leaves it.
 */
import type { Delivery, DeliveryOutcome } from '../actuators/notify/outbox.ts';
import type { OncallAnswer } from '../actuators/notify/pagerduty-answer.ts';
import type { EndpointKind } from '../actuators/endpoint.ts';
import type { Calendar } from '../calendar/event.ts';
import type { Action, Outcome } from '../core/action.ts';
import type { AuditDraft } from '../core/audit.ts';
import type { Booking } from '../core/booking.ts';
import type { Observed } from '../core/capacity.ts';
import type { Acknowledgement } from '../core/incident.ts';
import type { BreakerName } from '../core/remedy.ts';
import type { BreakerCommand } from '../detector/breaker/machine.ts';
import type { AccountLimits, Urgency } from '../core/ports.ts';
import type { FunctionKey } from '../core/series-key.ts';
import type { EpochMs } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import type { Command } from './acting.ts';
import type { JobAnswer, JobCall } from './remedies/job.ts';

export type Fact =
  /** Requests that arrived for a function in one finished bucket, throttled ones included: offered load, not what got through. */
  | ({
      readonly kind: 'volume';
      readonly bucketAtMs: EpochMs;
      /** AWS counted these very requests, and will count no other: spans are held against it. Absent: volume of a market, or of a file. */
      readonly countedBy?: 'cloudwatch';
    } & OfferedRequests)
  /**
   * The same over a span that is shorter than a bucket, as soon as it is over: seconds, where somebody counts them. It is not learned, and tells how the day goes; in time
   * order for each function.
   */
  | ({ readonly kind: 'counts'; readonly atMs: EpochMs; readonly lengthMs: number } & OfferedRequests)
  | { readonly kind: 'observed'; readonly observed: Observed }
  /** An observation that did not come: nobody knows how the alias stands. */
  | {
      readonly kind: 'unverifiable';
      readonly key: FunctionKey;
      readonly atMs: EpochMs;
      readonly code: string;
      readonly message: string;
    }
  | {
      readonly kind: 'outcome';
      readonly intentSeq: number;
      readonly action: Action;
      readonly outcome: Outcome;
    }
  /** All that AWS has booked for our functions, asked at `askedAtMs`. */
  | { readonly kind: 'booked'; readonly bookings: readonly Booking[]; readonly askedAtMs: EpochMs }
  | { readonly kind: 'unlisted'; readonly atMs: EpochMs; readonly code: string; readonly message: string }
  | { readonly kind: 'account'; readonly limits: AccountLimits }
  /** Another calendar is in force from now on. Sealed without its events, which the store has under its version. */
  | { readonly kind: 'calendar'; readonly calendar: Calendar; readonly draft: AuditDraft }
  /** What spans showed since the last tick. Sealed without its deltas, which stand in a row of their own by its hash (store/delta-log.ts). */
  | { readonly kind: 'deltas'; readonly deltas: readonly WindowDelta[]; readonly sha256: string }
  /** Nobody looked at spans until this tick: the service was not running, or its machine slept. */
  | { readonly kind: 'unwatched'; readonly fromMs: EpochMs | null }
  /** A human has seen an incident. */
  | { readonly kind: 'acknowledged'; readonly acknowledgement: Acknowledgement }
  /** What somebody did where people were told. */
  | { readonly kind: 'answered'; readonly answer: OncallAnswer }
  /** What became of an attempt to tell people, by the event that announced it. */
  | {
      readonly kind: 'delivered';
      readonly laneId: string;
      readonly target: string;
      readonly intentSeq: number;
      readonly outcome: DeliveryOutcome;
    }
  /** What the world answered to a call that a remedy wanted; `intentSeq` where the call was to change something. */
  | { readonly kind: 'remedied'; readonly jobId: string; readonly intentSeq?: number; readonly answer: JobAnswer }
  /** A human wants a playbook to begin. */
  | { readonly kind: 'playbook-asked'; readonly name: string; readonly incidentId: string; readonly by: string }
  /** A human's word on a breaker. */
  | { readonly kind: 'breaker-forced'; readonly name: BreakerName; readonly command: BreakerCommand }
  /** An operator's word: a yes or no, a hold, the brake. */
  | { readonly kind: 'commanded'; readonly command: Command }
  /** Something happened outside of judgement, and belongs in the record. */
  | { readonly kind: 'told'; readonly draft: AuditDraft }
  /** Who answers at the other end, and how long one more urgent call would wait for its turn. */
  | { readonly kind: 'control-plane'; readonly endpointKind: EndpointKind; readonly queueWaitMs: number };

export interface OfferedRequests {
  readonly key: FunctionKey;
  readonly requestCount: number;
  /** Of these, retries of what failed or was throttled, and replays: caused by capacity, not by demand. Left out of what is learned, where they are known. */
  readonly repeatCount?: number;
  /** Capacity was exhausted (something was throttled): who gave up is not counted, and at least so many would have come. */
  readonly isSaturated?: boolean;
}

export type Effect =
  /** `urgent` when a raise waits for the answer. */
  | { readonly kind: 'observe'; readonly key: FunctionKey; readonly urgency: Urgency }
  /** What AWS has booked for our functions. */
  | { readonly kind: 'list-bookings' }
  /** A message to people; `intentSeq` is the audit event that announces it. */
  | { readonly kind: 'deliver'; readonly delivery: Delivery; readonly intentSeq: number }
  /** A call that a remedy wants. */
  | { readonly kind: 'remedy'; readonly jobId: string; readonly call: JobCall; readonly intentSeq?: number }
  /** `intentSeq` is the audit event that says why; its outcome will name it as its cause. */
  | { readonly kind: 'apply'; readonly action: Action; readonly intentSeq: number };
