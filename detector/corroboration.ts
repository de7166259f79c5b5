/** Who confirms a trouble now, independent of each other, and who saw the same and saw none of it: what a remedy is asked for (core/corroboration.ts). */
import type { Corroboration, Observer, ObserverKind } from '../core/corroboration.ts';
import type { Finding } from '../core/finding.ts';
import { endsOfEdge, isEdgeKey } from '../core/incident.ts';
import type { EpochMs } from '../core/time.ts';
import type { WindowKey } from '../core/window.ts';
import { disputesOf } from './sender-disputed.ts';
import { percent, round } from './tell.ts';
import { subjectOf, type Counted, type WitnessBook, type WitnessView } from './witness-book.ts';

/** What is claimed: an incident fits as it is. */
export interface Claim {
  readonly origin: WindowKey;
  readonly startsAtMs: EpochMs;
  readonly findings: readonly Pick<Finding, 'detector' | 'key'>[];
}

/** What its findings say is wrong. Of other troubles (demand, cost, capacity) spans have one side only: who tells of them stands alone. */
type Ill = 'failed' | 'slow' | 'throttled';

const illOf: Readonly<Record<string, Ill>> = {
  'error-ratio': 'failed',
  'latency-shift': 'slow',
  'throttle-surge': 'throttled',
};

/** Whoever sees a fifth of what the worst sees, sees the same; below that it denies it. A caller sees one function among several, and callees beside it. */
const shareMin = 0.2;
const badCountMin = 3;
/** Faded spans: with fewer nobody denies anything. */
const spanCountMin = 10;
/** With so many somebody may confirm that it takes long: who tells of few calls tells of the same ones as the finding. */
const slowSpanCountMin = 5;
/** Beyond what is usual for it; the floor is that of `error-ratio`. */
const usualTimesMin = 2;
const badRatioFloor = 0.001;
const slowTimesMin = 1.3;
const overcountTimes = 2;

type Word = 'confirms' | 'denies' | undefined;

/**
 * Asks everybody who looks at the origin: its own SERVER spans, its callers' CLIENT spans over every edge, and AWS's counts of minutes that lie in the trouble. An origin
 * that is an edge is asked about at that edge and at its callee. Pure; costs a few microseconds for each sender and edge.
 *
 * Spans speak for the last seconds. CloudWatch speaks minutes late: of throttling, and of errors where they were asked for; a trouble of a minute is over before it.
 *
 * @param elsewhere who was asked outside of spans (breaker counters, a probe) and confirms it now.
 */
export function corroborationOf(
  claim: Claim,
  book: WitnessBook,
  nowMs: EpochMs,
  elsewhere: readonly Observer[] = [],
): Corroboration {
  const subject = subjectOf(claim.origin);
  const ills = illsOf(claim);
  const views = book
    .viewsOf(subject, nowMs)
    .filter(({ kind, key }) => kind === 'callee' || !isEdgeKey(claim.origin) || key === claim.origin);
  const disputed = new Set(disputesOf(subject, book, nowMs).map(({ sender }) => sender));
  const words = views.map((view) => ({ view, word: wordOf(view, ills, views) }));
  const confirming = words.filter(({ view, word }) => word === 'confirms' && !disputed.has(view.sender));
  const counted = countedWord(subject, claim, book, ills);
  return {
    observers: independent([
      ...elsewhere,
      ...confirming.map(({ view }) => observerOf(view)),
      ...(counted?.word === 'confirms' ? [counted.observer] : []),
    ]),
    disputedBy: [
      ...words.filter(({ word }) => word === 'denies').map(({ view }) => observerOf(view)),
      ...(counted?.word === 'denies' ? [counted.observer] : []),
    ].sort(byKind),
    disputedSenders: [...disputed].sort(),
  };
}

function illsOf({ origin, findings }: Claim): ReadonlySet<Ill> {
  const subject = subjectOf(origin);
  const near = findings.filter(
    ({ key }) => key === origin || key === subject || (isEdgeKey(key) && endsOfEdge(key).callee === subject),
  );
  return new Set(near.flatMap(({ detector }) => illOf[detector] ?? []));
}

function wordOf(view: WitnessView, ills: ReadonlySet<Ill>, views: readonly WitnessView[]): Word {
  const words = [...ills].map((ill) => wordOn(ill, view, views));
  if (words.includes('confirms')) return 'confirms';
  return words.includes('denies') ? 'denies' : undefined;
}

function wordOn(ill: Ill, view: WitnessView, views: readonly WitnessView[]): Word {
  const { seen, usual } = view;
  if (seen.spanCount === 0) return undefined;
  // A function that was throttled did not run: its own spans know nothing of it.
  if (ill === 'throttled' && view.kind === 'callee') return undefined;
  const worst = Math.max(...views.map((one) => illRatio(ill, one)));
  const own = illRatio(ill, view);
  const isNear = own > 0 && own >= shareMin * worst;
  if (ill === 'slow') {
    if (!usual || seen.spanCount < slowSpanCountMin) return undefined;
    if (isNear && own + 1 >= slowTimesMin) return 'confirms';
    return seen.spanCount >= spanCountMin && own < shareMin * worst ? 'denies' : undefined;
  }
  const isBeyondUsual = own >= Math.max(badRatioFloor, ill === 'failed' ? usualTimesMin * (usual?.errorRatio ?? 0) : 0);
  if (isNear && isBeyondUsual && own * seen.requestCount >= badCountMin) return 'confirms';
  return !isNear && seen.spanCount >= spanCountMin ? 'denies' : undefined;
}

/** How ill it looks from there: a share of calls, or how many times as long as usual they take, less one. */
function illRatio(ill: Ill, { kind, seen, usual }: WitnessView): number {
  if (seen.requestCount === 0) return 0;
  if (ill === 'slow') return usual && usual.meanMs > 0 ? Math.max(0, seen.meanMs / usual.meanMs - 1) : 0;
  // Throttled calls are among the failed ones of a caller, and not of the function, which never ran.
  const failedCount = kind === 'caller' ? Math.max(0, seen.errorCount - seen.throttleCount) : seen.errorCount;
  const count = ill === 'throttled' ? seen.throttleCount : failedCount;
  return Math.min(1, count / seen.requestCount);
}

function countedWord(
  subject: string,
  { startsAtMs }: Claim,
  book: WitnessBook,
  ills: ReadonlySet<Ill>,
): { readonly word: Word; readonly observer: Observer } | undefined {
  const counted = book.countedOf(subject).findLast(({ fromMs, lengthMs }) => fromMs + lengthMs > startsAtMs);
  if (!counted) return undefined;
  const spans = book.spansIn(subject, counted.fromMs, counted.lengthMs);
  const total =
    spans?.every(({ isRateKnown }) => isRateKnown) === true ? spans.reduce((sum, one) => sum + one.requestCount, 0) : 0;
  const tell = (word: Word, because: string) => ({
    word,
    observer: {
      ...{ kind: 'cloudwatch' as const, key: subject as WindowKey, atMs: counted.fromMs + counted.lengthMs, because },
    },
  });
  if (total > overcountTimes * Math.max(counted.requestCount, spanCountMin))
    return tell(
      'denies',
      `CloudWatch counted ${round(counted.requestCount)} calls where spans tell of ${round(total)}`,
    );
  if (ills.has('throttled') && counted.isSaturated === true) return tell('confirms', 'CloudWatch counted throttles');
  if (ills.has('failed') && counted.errorCount !== undefined && counted.fromMs >= startsAtMs)
    return errorWord(counted, counted.errorCount, tell);
  return undefined;
}

function errorWord<T>({ requestCount }: Counted, errorCount: number, tell: (word: Word, because: string) => T): T {
  const isBad = errorCount >= badCountMin && errorCount >= badRatioFloor * requestCount;
  return tell(
    isBad ? 'confirms' : 'denies',
    `CloudWatch counted ${round(errorCount)} errors in ${round(requestCount)} calls`,
  );
}

/** At most one of a kind, no sender twice: of all ways to choose, one with the most observers. */
function independent(candidates: readonly Observer[]): readonly Observer[] {
  const byRank = [...candidates].sort(byKind);
  const first = (kind: ObserverKind, isFit: (one: Observer) => boolean = () => true): Observer[] =>
    byRank.filter((one) => one.kind === kind && isFit(one)).slice(0, 1);
  const callees = byRank.filter(({ kind }) => kind === 'callee');
  const callers = byRank.filter(({ kind }) => kind === 'caller');
  const pair = callees.flatMap((callee) =>
    callers.flatMap((caller) => (caller.sender === callee.sender ? [] : [[callee, caller]])),
  )[0];
  const bySpans = pair ?? [...callees, ...callers].slice(0, 1);
  return [...first('breaker'), ...bySpans, ...first('cloudwatch'), ...first('probe')].sort(byKind);
}

function observerOf({ kind, key, sender, lastAtMs, seen, usual }: WitnessView): Observer {
  const slow = usual && usual.meanMs > 0 ? `, ${round(seen.meanMs / usual.meanMs)} times as long as usual` : '';
  return {
    ...{ kind, key, sender, atMs: lastAtMs },
    because: `${percent(seen.errorRatio)} of ${round(seen.requestsPerSecond)} calls a second fail${slow}`,
  };
}

function byKind(left: Observer, right: Observer): number {
  if (left.kind !== right.kind) return left.kind < right.kind ? -1 : 1;
  if (left.key !== right.key) return left.key < right.key ? -1 : 1;
  return (left.sender ?? '') < (right.sender ?? '') ? -1 : 1;
}
