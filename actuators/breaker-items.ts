/**
 * A breaker's standing as an item of DynamoDB that public clients of Lambda functions read, and what each of them makes of it.
 *
 * Mental model: those clients have breakers of their own; a table is where they agree. We write there what they would have written had they known what the fleet
 * knows, with an end that they understand by themselves: nobody has to come back and remove it. Neither knows of shares. Between open and closed each tests
 * by itself, as it is built to: it is told once that its time is up, and then left alone.
 *
 * | | open until | time is up |
 * |---|---|---|
 * | `powertools` (AWS Powertools for Lambda, Python; `circuit_breaker`, at first `circuit_breaker_alpha`) | `opened_at` and its own recovery timeout, in whole seconds | one environment tries; three good calls close it, one bad opens it again |
 * | `circuitbreaker-lambda` (npm, version 1, and its layer) | `nextAttempt`, in milliseconds | everybody tries until one fails, two good calls close it |
 *
 * Written from their sources: powertools 3.37.0 `utilities/circuit_breaker/persistence/dynamodb.py` and `base.py`, circuitbreaker-lambda 1.0.1 `src/dynamodb-provider.ts`,
 * `src/index.ts` and `layer/extension/src/circuit.rs`.
 */
import { msPerHour, msPerSecond, type EpochMs } from '../core/time.ts';
import type { BreakerItemFormat, BreakerItemPlace, BreakerStanding } from '../core/remedy.ts';

export type ItemValue = { readonly S: string } | { readonly N: string };
export type Item = Readonly<Record<string, ItemValue>>;

/** A PutItem, as DynamoDB takes it. */
export interface BreakerItemPut {
  readonly item: Item;
  readonly conditionExpression: string;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Item;
}

/** Attributes of ours beside theirs, by which we know our own word again. Clients pass over them. */
const ours = {
  revision: 'foreshock_revision',
  untilMs: 'foreshock_until',
  sinceMs: 'foreshock_since',
  state: 'foreshock_state',
  admitRatio: 'foreshock_admit',
} as const;

/** As long as the client itself keeps an item beyond its use. */
const removeAfterMs = msPerHour;

/**
 * What to put so that clients there see this standing; undefined where they are testing by themselves since `before`, which nobody should disturb.
 *
 * The condition is that no newer standing of ours stands: one that has ended, or an item that a client has put since, is no obstacle. To put the same twice is harmless.
 */
export function breakerItemPut(
  place: BreakerItemPlace,
  standing: BreakerStanding,
  nowMs: EpochMs,
  before?: BreakerStanding,
): BreakerItemPut | undefined {
  if (isTesting(standing) && before && isTesting(before)) return undefined;
  const { revision, untilMs, sinceMs, state, admitRatio } = standing;
  return {
    item: {
      ...writers[place.format](place, standing, nowMs),
      [ours.revision]: number(revision),
      [ours.untilMs]: number(untilMs),
      [ours.sinceMs]: number(sinceMs),
      [ours.state]: { S: state },
      [ours.admitRatio]: number(admitRatio),
    },
    conditionExpression: 'attribute_not_exists(#revision) OR #revision <= :revision OR #until <= :now',
    names: { '#revision': ours.revision, '#until': ours.untilMs },
    values: { ':revision': number(revision), ':now': number(nowMs) },
  };
}

function isTesting({ admitRatio }: BreakerStanding): boolean {
  return admitRatio > 0 && admitRatio < 1;
}

type Writer = (place: BreakerItemPlace, standing: BreakerStanding, nowMs: EpochMs) => Item;

const writers: Readonly<Record<BreakerItemFormat, Writer>> = {
  powertools({ id, recoveryTimeoutMs }, standing, nowMs) {
    // Ends a part of a second early rather than late. It may lie ahead of us: what counts is the sum.
    const endMs = isTesting(standing) ? nowMs : standing.untilMs;
    const openedAt = Math.floor(endMs / msPerSecond) - Math.ceil(recoveryTimeoutMs / msPerSecond);
    const isClosed = standing.admitRatio === 1;
    return {
      id: { S: id },
      state: { S: isClosed ? 'CLOSED' : 'OPEN' },
      failure_count: number(0),
      ...(!isClosed && { opened_at: number(openedAt) }),
      expiration: number(
        Math.ceil((Math.max(nowMs, standing.untilMs) + recoveryTimeoutMs + removeAfterMs) / msPerSecond),
      ),
    };
  },
  'circuitbreaker-lambda'({ id }, standing, nowMs) {
    const isClosed = standing.admitRatio === 1;
    return {
      id: { S: id },
      circuitState: { S: isClosed ? 'CLOSED' : 'OPEN' },
      failureCount: number(0),
      successCount: number(0),
      nextAttempt: number(isClosed ? 0 : isTesting(standing) ? nowMs : standing.untilMs),
      lastFailureTime: number(isClosed ? 0 : standing.sinceMs),
      consecutiveOpens: number(0),
      stateTimestamp: number(nowMs),
      schemaVersion: number(1),
    };
  },
};

function number(value: number): ItemValue {
  return { N: String(value) };
}

/**
 * What a client does with its next call. `one`: a single environment of all may try. `none`: until `untilMs`, when it begins to test by itself; where that is
 * left out nothing in the item ends it.
 */
export type ClientView = { readonly admits: 'all' | 'one' } | { readonly admits: 'none'; readonly untilMs?: EpochMs };

/** Reads an item as the client there does: what it cannot read lets calls through. */
export function readAsClient(place: BreakerItemPlace, item: Item | undefined, nowMs: EpochMs): ClientView {
  return item === undefined ? { admits: 'all' } : readers[place.format](place, item, nowMs);
}

type Reader = (place: BreakerItemPlace, item: Item, nowMs: EpochMs) => ClientView;

const readers: Readonly<Record<BreakerItemFormat, Reader>> = {
  powertools({ recoveryTimeoutMs }, item, nowMs) {
    const now = Math.floor(nowMs / msPerSecond);
    const state = textOf(item, 'state');
    // Without a name it fails to read, and lets through.
    if (textOf(item, 'id') === undefined) return { admits: 'all' };
    if (state === 'OPEN') {
      // Missing: from now on, again and again.
      const openedAt = numberOf(item, 'opened_at');
      if (openedAt === undefined) return { admits: 'none' };
      const end = Math.trunc(openedAt) + Math.round(recoveryTimeoutMs / msPerSecond);
      return now >= end ? { admits: 'one' } : { admits: 'none', untilMs: end * msPerSecond };
    }
    return { admits: state === 'HALF_OPEN' ? 'one' : 'all' };
  },
  'circuitbreaker-lambda'(_place, item, nowMs) {
    const nextAttempt = numberOf(item, 'nextAttempt') ?? 0;
    const isOpen = textOf(item, 'circuitState') === 'OPEN' && nextAttempt > nowMs;
    return isOpen ? { admits: 'none', untilMs: nextAttempt } : { admits: 'all' };
  },
};

const stateAttributes: Readonly<Record<BreakerItemFormat, string>> = {
  powertools: 'state',
  'circuitbreaker-lambda': 'circuitState',
};

/** Our own word in it; undefined where there is none, or where a client has written over it since. */
export function standingIn(
  { format }: BreakerItemPlace,
  name: string,
  item: Item | undefined,
): BreakerStanding | undefined {
  if (item === undefined) return undefined;
  const state = textOf(item, ours.state);
  const revision = numberOf(item, ours.revision);
  const untilMs = numberOf(item, ours.untilMs);
  const sinceMs = numberOf(item, ours.sinceMs);
  const admitRatio = numberOf(item, ours.admitRatio);
  if (revision === undefined || untilMs === undefined || sinceMs === undefined || admitRatio === undefined)
    return undefined;
  if (state !== 'closed' && state !== 'open' && state !== 'half-open') return undefined;
  if (textOf(item, stateAttributes[format]) !== (admitRatio === 1 ? 'CLOSED' : 'OPEN')) return undefined;
  return { name, state, admitRatio, sinceMs, untilMs, revision };
}

function textOf(item: Item, name: string): string | undefined {
  const value = item[name];
  return value && 'S' in value ? value.S : undefined;
}

function numberOf(item: Item, name: string): number | undefined {
  const value = item[name];
  const read = value && 'N' in value ? Number(value.N) : NaN;
  return Number.isFinite(read) ? read : undefined;
}
