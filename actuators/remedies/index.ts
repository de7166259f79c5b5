/**
 * Remedies at AWS: look how a thing stands, book what gives it back, set it, give it back. Each is one attempt; what follows from its answer is decided elsewhere, with a record of its own.
 *
 * The order that leaves nothing behind: `look` → `undoOf` → `book` → `apply` (with what was seen) → at its end `giveBack` → `cancel`. After a lost answer or a crash: `look`, then `isStanding`.
 */
import type { Outcome } from '../../core/action.ts';
import { assert, assertNever } from '../../core/assert.ts';
import type {
  BookUndo,
  BreakerName,
  BreakerStanding,
  CancelUndo,
  MoveBreaker,
  Remedy,
  RedriveDeadLetters,
  ReserveConcurrency,
  Standing,
  SwitchEventSource,
  WeighAlias,
} from '../../core/remedy.ts';
import type { Undo } from '../../core/undo.ts';
import { lookAtAlias, restoreWeights, weighAlias } from './alias-weights.ts';
import { outcomeOf, seen } from './ask.ts';
import {
  readBreakerItem,
  writeBreakerItem,
  type BreakerItem,
  type BreakerItemKey,
  type BreakerItemPut,
} from './breaker-table.ts';
import { lookAtRedrive, redriveDeadLetters } from './dead-letters.ts';
import { lookAtEventSource, restoreEventSource, switchEventSource } from './event-source.ts';
import { lookAtReserved, reserveConcurrency, restoreReserved } from './reserved-concurrency.ts';
import { carryOutBooking, type UndoBookingOptions } from './undo-bookings.ts';

/** Those that are carried out at AWS, and can be looked at there. The others go other ways: a webhook through the outbox, capacity through its windows. */
export type RemedyAtAws = MoveBreaker | WeighAlias | ReserveConcurrency | SwitchEventSource | RedriveDeadLetters;

export function isAtAws(remedy: Remedy): remedy is RemedyAtAws {
  return remedy.kind !== 'add-provisioned' && remedy.kind !== 'call-webhook';
}

/** What clients of the breakers read, in their formats. */
export interface BreakerItems {
  /** None where the breaker's clients ask us alone. */
  readonly placesOf: (name: BreakerName) => readonly BreakerItemKey[];
  readonly putsOf: (standing: BreakerStanding) => readonly BreakerItemPut[];
  /** What the items say, in the order of the places; undefined where one is missing, is not ours, or says something else than another. */
  readonly readStanding: (
    name: BreakerName,
    items: readonly (BreakerItem | undefined)[],
  ) => BreakerStanding | undefined;
}

export interface RemediesOptions extends UndoBookingOptions {
  readonly breakerItems: BreakerItems;
}

export interface Remedies {
  /** @throws WorldError when the control plane does not answer; "cannot say" is a state of its own. */
  look(remedy: RemedyAtAws, signal: AbortSignal): Promise<Standing>;
  /** The undo first: without it nothing may be applied that `undoOf` says is `booked`. */
  book(action: BookUndo | CancelUndo, signal: AbortSignal): Promise<Outcome>;
  /**
   * One attempt. Where `before` is given, what stands must still be that: else it is refused as `MovedUnderUs`, because its undo would restore something that nobody has seen. What is as
   * the remedy says already is accepted without a call that changes anything, but for a move of dead letters: look for its task first.
   */
  apply(remedy: RemedyAtAws, before: Standing | undefined, signal: AbortSignal): Promise<Outcome>;
  /**
   * Back to what the undo says, where the remedy still stands. Refused as `MovedUnderUs` where somebody else has changed it since: what they set is theirs, and the booked undo is then to be
   * cancelled as well.
   */
  giveBack(undo: Undo, remedy: Remedy, signal: AbortSignal): Promise<Outcome>;
}

export function createRemedies(options: RemediesOptions): Remedies {
  const { clock } = options;
  return {
    look: (remedy, signal) => seen(() => lookAt(options, remedy, signal), subjectOf(remedy), signal),
    book: (action, signal) => outcomeOf(() => carryOutBooking(options, action, signal), clock, signal),
    apply: (remedy, before, signal) => outcomeOf(() => applyTo(options, remedy, { before, signal }), clock, signal),
    giveBack: (undo, remedy, signal) => outcomeOf(() => restore(options, undo, { remedy, signal }), clock, signal),
  };
}

async function lookAt(options: RemediesOptions, remedy: RemedyAtAws, signal: AbortSignal): Promise<Standing> {
  switch (remedy.kind) {
    case 'move-breaker': {
      const { placesOf, readStanding } = options.breakerItems;
      const { name } = remedy.standing;
      const items = await Promise.all(placesOf(name).map((place) => readBreakerItem(options, place, signal)));
      return { kind: 'breaker', standing: readStanding(name, items) };
    }
    case 'redrive-dead-letters':
      return lookAtRedrive(options, remedy.queueArn, signal);
    case 'reserve-concurrency':
      return lookAtReserved(options, remedy.key, signal);
    case 'switch-event-source':
      return lookAtEventSource(options, remedy, signal);
    case 'weigh-alias':
      return lookAtAlias(options, remedy.key, signal);
    default:
      return assertNever(remedy);
  }
}

async function applyTo(
  options: RemediesOptions,
  remedy: RemedyAtAws,
  { before, signal }: { readonly before: Standing | undefined; readonly signal: AbortSignal },
): Promise<void> {
  switch (remedy.kind) {
    case 'move-breaker':
      // One after the other, and all of them even where one is down: clients that read another table must not go on calling for it.
      return allOf(
        options.breakerItems.putsOf(remedy.standing).map((put) => () => writeBreakerItem(options, put, signal)),
      );
    case 'redrive-dead-letters':
      return redriveDeadLetters(options, remedy, signal);
    case 'reserve-concurrency':
      return reserveConcurrency(options, remedy, { before: ofKind(before, 'reserved'), signal });
    case 'switch-event-source':
      return switchEventSource(options, remedy, { before: ofKind(before, 'event-source'), signal });
    case 'weigh-alias':
      return weighAlias(options, remedy, { before: ofKind(before, 'alias'), signal });
    default:
      return assertNever(remedy);
  }
}

async function restore(
  options: RemediesOptions,
  undo: Undo,
  { remedy, signal }: { readonly remedy: Remedy; readonly signal: AbortSignal },
): Promise<void> {
  switch (undo.kind) {
    case 'restore-event-source':
      assert(remedy.kind === 'switch-event-source', 'an undo gives back what it was made from');
      return restoreEventSource(options, undo, { remedy, signal });
    case 'restore-reserved':
      assert(remedy.kind === 'reserve-concurrency', 'an undo gives back what it was made from');
      return restoreReserved(options, undo, { remedy, signal });
    case 'restore-weights':
      assert(remedy.kind === 'weigh-alias', 'an undo gives back what it was made from');
      return restoreWeights(options, undo, { remedy, signal });
    default:
      return assertNever(undo);
  }
}

/** @throws the first failure, after all were tried. */
async function allOf(acts: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const act of acts) await act().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

function ofKind<Kind extends Standing['kind']>(
  standing: Standing | undefined,
  kind: Kind,
): Extract<Standing, { readonly kind: Kind }> | undefined {
  assert(standing === undefined || standing.kind === kind, `a remedy is compared with a standing of its own kind`);
  return standing as Extract<Standing, { readonly kind: Kind }> | undefined;
}

function subjectOf(remedy: RemedyAtAws): string {
  switch (remedy.kind) {
    case 'move-breaker':
      return `breaker ${remedy.standing.name}`;
    case 'redrive-dead-letters':
      return remedy.queueArn;
    case 'switch-event-source':
      return `event source mapping ${remedy.uuid} of ${remedy.key}`;
    case 'reserve-concurrency':
    case 'weigh-alias':
      return remedy.key;
    default:
      return assertNever(remedy);
  }
}
