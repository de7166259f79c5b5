/**
 * What is still to be told to whom: plain JSON, advanced by facts alone, saved with the tick that changed it. A message is in it before the first attempt and leaves it
 * after the answer, so a crash between the two leaves it there, with a note that it may have arrived.
 *
 * Mental model: a lane for each target and episode. Messages of a lane go one after the other, so that nothing is resolved before it was triggered; lanes know nothing of each
 * other, so that one which waits holds up none. What a target says of itself (leave me alone for a minute, I am gone) holds for all of its lanes.
 */
import { createRandom } from '../../core/random.ts';
import { msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import type { Notification } from './notification.ts';

/** Why somebody is told, for the record. */
export interface MessageCause {
  /** The audit event that opened the episode. */
  readonly seq?: number;
  /** What it is about. */
  readonly subject: string;
  /** The rule by which this target is told. */
  readonly because: string;
}

export interface Message {
  readonly notification: Notification;
  readonly cause: MessageCause;
  /** Tried until then, and no longer. */
  readonly deadlineAtMs: EpochMs;
}

export interface Lane {
  readonly target: string;
  /** The first is being told. Never empty. */
  readonly messages: readonly Message[];
  /** Attempts at the first message so far. */
  readonly attemptCount: number;
  readonly nextAtMs: EpochMs;
  /** The audit event of the attempt that has not been answered. */
  readonly inFlightSeq?: number;
  /** An attempt at the first message may have arrived without our knowing. */
  readonly mayHaveArrived: boolean;
}

export interface TargetState {
  /** It asked to be left alone until then. */
  readonly pausedUntilMs?: EpochMs;
  /** It is gone, under the configuration of this hash: another one may name another address. */
  readonly goneUnder?: string;
  /** It refused what was meant for it, under the configuration of this hash, and has taken nothing since. */
  readonly refusedUnder?: string;
  /** The first of the failures since which it has taken nothing. */
  readonly failingSinceMs?: EpochMs;
  readonly because?: string;
}

export interface Outbox {
  /** By target and episode. */
  readonly lanes: Readonly<Record<string, Lane>>;
  /** By name; without an entry nothing is wrong with it. */
  readonly targets: Readonly<Record<string, TargetState>>;
}

export const emptyOutbox: Outbox = { lanes: {}, targets: {} };

/** One attempt that is due. */
export interface Delivery {
  readonly laneId: string;
  readonly target: string;
  readonly notification: Notification;
  readonly cause: MessageCause;
  /** 1, 2, 3 … */
  readonly attempt: number;
  readonly mayRepeat: boolean;
}

/** What became of an attempt. */
export type DeliveryOutcome =
  | { readonly kind: 'taken'; readonly atMs: EpochMs; readonly status: number }
  /** It will not be taken however often it is tried. */
  | { readonly kind: 'refused'; readonly atMs: EpochMs; readonly because: string }
  /** There is nobody any more, and no wish to be asked again (410). */
  | { readonly kind: 'gone'; readonly atMs: EpochMs; readonly because: string }
  | {
      readonly kind: 'failed';
      readonly atMs: EpochMs;
      readonly because: string;
      /** Nobody is to try earlier, with any message. */
      readonly retryAfterMs?: number;
      readonly mayHaveArrived: boolean;
    };

/** What follows from an outcome, for the record. */
export type Consequence =
  | { readonly kind: 'taken' }
  | { readonly kind: 'retried'; readonly nextAtMs: EpochMs }
  /** So many messages are told to nobody there. */
  | { readonly kind: 'dropped'; readonly messageCount: number };

/** A day: what nobody could be told in that time somebody else has told them. */
const deadlineMs = 24 * msPerHour;
/** PagerDuty asks for "a backoff of a few minutes"; the first tries are quicker, because most failures are a lost packet. */
const firstWaitMs = 5 * msPerSecond;
const waitMsMax = 15 * msPerMinute;
/** A page that waits for longer because a stranger said so is a page that was lost. */
const retryAfterMsMax = msPerHour;
/** Beyond it nothing is added but pages: a bound for a month of notices to a target that is away. */
const laneCountMax = 1_000;

export function laneIdOf(target: string, { dedupKey }: Pick<Notification, 'dedupKey'>): string {
  return `${target} ${dedupKey}`;
}

/** Five minutes: long enough for a restart over there, short enough for a page. */
const failingMsMax = 5 * msPerMinute;

/** Targets that have taken nothing for a while although something waits for them: it is tried on, and shows when they take messages again. */
export function failingTargets({ lanes, targets }: Outbox, nowMs: EpochMs): ReadonlySet<string> {
  const failing = Object.entries(targets).flatMap(([name, { failingSinceMs = Infinity }]) =>
    nowMs - failingSinceMs >= failingMsMax ? [name] : [],
  );
  if (failing.length === 0) return new Set();
  const waiting = new Set(Object.values(lanes).map(({ target }) => target));
  return new Set(failing.filter((name) => waiting.has(name)));
}

/** Pages that waited before, and will not be told where they were to be any more. */
export function lostPages(
  before: Outbox,
  after: Outbox,
): readonly { readonly target: string; readonly dedupKey: string }[] {
  if (before.lanes === after.lanes) return [];
  return Object.entries(before.lanes).flatMap(
    ([
      id,
      {
        target,
        messages: [first],
      },
    ]) => {
      const { level, step, dedupKey } = first!.notification;
      return !(id in after.lanes) && level === 'page' && step === 'trigger' ? [{ target, dedupKey }] : [];
    },
  );
}

export function isGone({ targets }: Outbox, target: string, configSha256: string): boolean {
  return targets[target]?.goneUnder === configSha256;
}

/** @returns undefined where there is no room. */
export function enqueue(
  outbox: Outbox,
  { target, notification, cause }: Pick<Message, 'notification' | 'cause'> & { readonly target: string },
): Outbox | undefined {
  const id = laneIdOf(target, notification);
  const { atMs, level } = notification;
  const lane = outbox.lanes[id];
  if (!lane && level !== 'page' && Object.keys(outbox.lanes).length >= laneCountMax) return undefined;
  const message: Message = { notification, cause, deadlineAtMs: atMs + deadlineMs };
  const next: Lane = lane
    ? { ...lane, messages: [...lane.messages, message] }
    : { target, messages: [message], attemptCount: 0, nextAtMs: atMs, mayHaveArrived: false };
  return withLane(outbox, id, next);
}

/** Attempts that are due, pages first; at most so many for each target, those in flight included. */
export function dueDeliveries(
  { lanes, targets }: Outbox,
  { nowMs, inFlightMaxOf }: { readonly nowMs: EpochMs; readonly inFlightMaxOf: (target: string) => number },
): readonly Delivery[] {
  const inFlightCounts = new Map<string, number>();
  const countOf = (target: string): number => inFlightCounts.get(target) ?? 0;
  const idle: [string, Lane][] = [];
  for (const [id, lane] of Object.entries(lanes)) {
    if (lane.inFlightSeq !== undefined) inFlightCounts.set(lane.target, countOf(lane.target) + 1);
    else if (lane.nextAtMs <= nowMs && (targets[lane.target]?.pausedUntilMs ?? 0) <= nowMs) idle.push([id, lane]);
  }
  const rank = ({ messages: [message] }: Lane): number => (message!.notification.level === 'page' ? 0 : 1);
  const idOf = ({ messages: [message] }: Lane): string => message!.notification.id;
  idle.sort(
    ([, one], [, other]) =>
      rank(one) - rank(other) || one.nextAtMs - other.nextAtMs || (idOf(one) < idOf(other) ? -1 : 1),
  );
  return idle.flatMap(([laneId, { target, messages, attemptCount, mayHaveArrived }]): Delivery[] => {
    if (countOf(target) >= inFlightMaxOf(target)) return [];
    inFlightCounts.set(target, countOf(target) + 1);
    const { notification, cause } = messages[0]!;
    return [{ laneId, target, notification, cause, attempt: attemptCount + 1, mayRepeat: mayHaveArrived }];
  });
}

/** An attempt is about to start; `seq` is the event that says so. */
export function markInFlight(outbox: Outbox, { laneId }: Delivery, seq: number): Outbox {
  const lane = outbox.lanes[laneId]!;
  return withLane(outbox, laneId, { ...lane, attemptCount: lane.attemptCount + 1, inFlightSeq: seq });
}

export interface Hearing {
  readonly laneId: string;
  readonly seq: number;
  readonly outcome: DeliveryOutcome;
  /** Names the run: waits are spread by it. */
  readonly seed: string;
  readonly configSha256: string;
}

/** @returns undefined for an answer to an attempt that nobody waits for. */
export function hearOutcome(
  outbox: Outbox,
  { laneId, seq, outcome, seed, configSha256 }: Hearing,
): { readonly outbox: Outbox; readonly consequence: Consequence } | undefined {
  const lane = outbox.lanes[laneId];
  if (lane?.inFlightSeq !== seq) return undefined;
  switch (outcome.kind) {
    case 'taken': {
      const rest = afterFirst(lane, outcome.atMs);
      return {
        outbox: working(withLane(outbox, laneId, rest), lane.target, outcome.atMs),
        consequence: { kind: 'taken' },
      };
    }
    case 'refused': {
      // An episode that was never triggered there has nothing to be resolved.
      const isLost = lane.messages[0]!.notification.step === 'trigger';
      const rest = isLost ? undefined : afterFirst(lane, outcome.atMs);
      const messageCount = isLost ? lane.messages.length : 1;
      // What is acknowledged or resolved there by other hands may well be refused.
      const refused = isLost ? { refusedUnder: configSha256 } : {};
      return {
        outbox: failing(withLane(outbox, laneId, rest), lane.target, outcome, refused),
        consequence: { kind: 'dropped', messageCount },
      };
    }
    case 'gone': {
      const mine = Object.entries(outbox.lanes).filter(([, { target }]) => target === lane.target);
      const lanes = Object.fromEntries(Object.entries(outbox.lanes).filter(([, { target }]) => target !== lane.target));
      const state: TargetState = { goneUnder: configSha256, because: outcome.because };
      return {
        outbox: withTarget({ ...outbox, lanes }, lane.target, state),
        consequence: {
          kind: 'dropped',
          messageCount: mine.reduce((sum, [, { messages }]) => sum + messages.length, 0),
        },
      };
    }
    case 'failed': {
      const { atMs, retryAfterMs = 0, mayHaveArrived } = outcome;
      const askedMs = Math.min(retryAfterMs, retryAfterMsMax);
      const waitMs = Math.max(askedMs, backOffMs(lane, seed));
      const { inFlightSeq: _answered, ...idle } = lane;
      const next: Lane = {
        ...idle,
        nextAtMs: atMs + waitMs,
        mayHaveArrived: lane.mayHaveArrived || mayHaveArrived,
      };
      const paused = askedMs > 0 ? { pausedUntilMs: atMs + askedMs } : {};
      return {
        outbox: failing(withLane(outbox, laneId, next), lane.target, outcome, paused),
        consequence: { kind: 'retried', nextAtMs: next.nextAtMs },
      };
    }
  }
}

/** Takes out what has been tried for long enough, and what goes to targets that nobody names any more. */
export function dropHopeless(
  outbox: Outbox,
  { nowMs, isKnown }: { readonly nowMs: EpochMs; readonly isKnown: (target: string) => boolean },
): {
  readonly outbox: Outbox;
  readonly dropped: readonly { readonly target: string; readonly message: Message; readonly because: string }[];
} {
  const dropped: { target: string; message: Message; because: string }[] = [];
  let next = outbox;
  for (const [id, lane] of Object.entries(outbox.lanes)) {
    if (lane.inFlightSeq !== undefined) continue;
    const isNamed = isKnown(lane.target);
    const [first] = lane.messages;
    if (isNamed && first!.deadlineAtMs > nowMs) continue;
    const isLost = !isNamed || first!.notification.step === 'trigger';
    const because = isNamed ? 'it was tried for a day' : 'the configuration does not name this target any more';
    dropped.push(
      ...lane.messages.slice(0, isLost ? undefined : 1).map((message) => ({ target: lane.target, message, because })),
    );
    next = withLane(next, id, isLost ? undefined : afterFirst(lane, nowMs));
  }
  return { outbox: next, dropped };
}

/** Half of it is chance, so that what failed together does not come back together. */
function backOffMs({ target, attemptCount, messages }: Lane, seed: string): number {
  const wholeMs = Math.min(waitMsMax, firstWaitMs * 2 ** Math.min(attemptCount - 1, 20));
  const draw = createRandom(`${seed}/${target}/${messages[0]!.notification.id}/${attemptCount}`).next();
  return Math.round(wholeMs * (0.5 + draw / 2));
}

function afterFirst({ inFlightSeq: _answered, ...lane }: Lane, nowMs: EpochMs): Lane | undefined {
  const messages = lane.messages.slice(1);
  return messages.length === 0
    ? undefined
    : { ...lane, messages, attemptCount: 0, nextAtMs: nowMs, mayHaveArrived: false };
}

function failing(
  outbox: Outbox,
  target: string,
  { atMs, because }: { readonly atMs: EpochMs; readonly because: string },
  more: Pick<TargetState, 'pausedUntilMs' | 'refusedUnder'> = {},
): Outbox {
  const before = outbox.targets[target];
  return withTarget(outbox, target, { ...before, failingSinceMs: before?.failingSinceMs ?? atMs, because, ...more });
}

/** It takes messages again; one that had been under way does not end a wait that was asked for since. */
function working(outbox: Outbox, target: string, nowMs: EpochMs): Outbox {
  const { pausedUntilMs = 0 } = outbox.targets[target] ?? {};
  return withTarget(outbox, target, pausedUntilMs > nowMs ? { pausedUntilMs } : undefined);
}

function withLane(outbox: Outbox, id: string, lane: Lane | undefined): Outbox {
  const { [id]: _before, ...others } = outbox.lanes;
  // In its place: the order of lanes is the order of waiting.
  if (lane) return { ...outbox, lanes: { ...outbox.lanes, [id]: lane } };
  return { ...outbox, lanes: others };
}

function withTarget(outbox: Outbox, target: string, state?: TargetState): Outbox {
  const { [target]: before, ...others } = outbox.targets;
  if (state) return { ...outbox, targets: { ...outbox.targets, [target]: state } };
  return before === undefined ? outbox : { ...outbox, targets: others };
}
