/**
 * What may leave the house. An action states a level ("hold 40 warm until 10:15"), not a change, so that repeating it is harmless.
 * Only the gate hands actions to actuators.
 */
import type { Booking, ScalableBounds } from './booking.ts';
import type { FunctionKey } from './series-key.ts';
import type { EpochMs } from './time.ts';

/** Closed by `kind`; every switch over it ends in `assertNever`. */
export type Action = BookCall | CancelBooking | HoldProvisionedConcurrency;

/** Have AWS make a call at an instant. Booking what is booked already changes nothing. */
export interface BookCall {
  readonly kind: 'book-call';
  readonly key: FunctionKey;
  readonly booking: Booking;
  readonly because: string;
}

/** Take a booking back. What is not booked, or has been carried out, is taken back already. */
export interface CancelBooking {
  readonly kind: 'cancel-booking';
  readonly key: FunctionKey;
  readonly booking: Booking;
  readonly because: string;
}

export interface HoldProvisionedConcurrency {
  readonly kind: 'hold-provisioned-concurrency';
  readonly key: FunctionKey;
  /** 0 releases: the API's minimum is 1, so it is sent as a Delete. */
  readonly concurrency: number;
  /** The level is wanted until then; afterwards the action means nothing. */
  readonly untilMs: EpochMs;
  /** No attempt starts after this: capacity that comes after the event is paid for and not needed. */
  readonly deadlineMs: EpochMs;
  readonly eventId?: string;
  /** Steered: the bounds of Application Auto Scaling outside our windows. The level is held by moving its minimum, and its tracking stays. */
  readonly steered?: SteeredBounds;
  readonly because: string;
}

export interface SteeredBounds extends ScalableBounds {
  /** The level is below what stands: the maximum is lowered to it, which brings capacity down at once, and is then restored. */
  readonly isLowered: boolean;
  /** What was provisioned before us: the maximum is lowered no further. */
  readonly concurrencyBefore?: number;
}

/**
 * How the world answered one attempt. A refusal is an answer, not an exception: it carries the service's code and words.
 * `unknown` means that the call may or may not have taken effect (a timeout, a lost answer): observe before anything else.
 */
export type Outcome =
  | { readonly kind: 'accepted'; readonly atMs: EpochMs }
  | { readonly kind: 'refused'; readonly atMs: EpochMs; readonly code: string; readonly message: string }
  | {
      readonly kind: 'throttled' | 'unavailable' | 'unknown';
      readonly atMs: EpochMs;
      readonly code: string;
      readonly message: string;
      readonly retryAfterMs?: number;
    };
