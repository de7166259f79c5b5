/**
 * What each sender says of each key, now and usually: who could confirm a trouble, and who would have to be wrong if another is right.
 *
 * Mental model: a view is one sender's word on one key. Of a function two kinds of views are kept: its own SERVER spans (*callee*), and the CLIENT spans of those who call
 * it (*caller*, by the edge). "Now" fades by half in three seconds, by arrival; "usual" is a mean of minutes in which nothing was wrong with the function.
 * Beside them stand the counts that AWS itself took, minutes late.
 */
import type { Json } from '../core/json.ts';
import { endsOfEdge, isEdgeKey, isSignalKey } from '../core/incident.ts';
import { msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';

const halfLifeSeconds = 3;
const keptPerSecond = 2 ** (-1 / halfLifeSeconds);
/** Half of what is usual is younger than some 40 minutes. */
const usualGainMin = 1 / 60;
const forgottenAfterMs = msPerHour;
const countedMinutesMax = 60;
const sendersOfKeyMax = 8;
/** Of some kilobyte each: twice the keys that are judged, of two senders. No sender has more than half: what one makes up leaves room for the others. */
const viewsMaxDefault = 80_000;

/** What was seen of late, faded; shares are of spans that are not throttled ones of others. */
export interface Seen {
  /** Spans, as they were received; faded: at a steady rate those of five seconds. */
  readonly spanCount: number;
  readonly errorCount: number;
  readonly throttleCount: number;
  readonly requestCount: number;
  readonly requestsPerSecond: number;
  readonly errorRatio: number;
  readonly meanMs: number;
}

export interface Usual {
  readonly minuteCount: number;
  readonly requestsPerSecond: number;
  readonly errorRatio: number;
  readonly meanMs: number;
}

export interface WitnessView {
  readonly kind: 'callee' | 'caller';
  readonly key: WindowKey;
  readonly sender: string;
  readonly lastAtMs: EpochMs;
  readonly seen: Seen;
  /** Undefined before the first whole minute. */
  readonly usual: Usual | undefined;
}

/** Requests that AWS counted in a span of time that is final. */
export interface Counted {
  readonly fromMs: EpochMs;
  readonly lengthMs: number;
  readonly requestCount: number;
  /** Absent: not asked for. */
  readonly errorCount?: number;
  /** Something of it was throttled: spans show no more than some callers saw of that. */
  readonly isSaturated?: boolean;
}

/** The same span by spans: each sender's requests. */
export interface SpanCount {
  readonly sender: string;
  readonly requestCount: number;
  readonly spanCount: number;
  /** False: nobody knows how this sender samples, and nothing follows from its counts. */
  readonly isRateKnown: boolean;
}

export interface WitnessBook {
  /** What arrived; `troubled`: functions that anything is wrong with now, by `subjectOf`, so that it is not learned as usual. */
  observe(nowMs: EpochMs, deltas: readonly WindowDelta[], troubled: ReadonlySet<string>): void;
  hear(key: WindowKey, counted: Counted): void;
  /** Every sender's word on a function, its callers' among them, by kind, key and sender. */
  viewsOf(key: string, nowMs: EpochMs): readonly WitnessView[];
  /** AWS's counts of the last hour, in time order. */
  countedOf(key: string): readonly Counted[];
  /** Undefined where spans of the whole time are not known (any more). */
  spansIn(key: string, fromMs: EpochMs, lengthMs: number): readonly SpanCount[] | undefined;
  /** Since when it is watched without a gap. */
  readonly sinceMs: EpochMs | undefined;
  /** Nobody was there until then: minutes before it are not whole. */
  passOver(untilMs: EpochMs): void;
  snapshot(): Json;
}

interface Sums {
  spanCount: number;
  requestCount: number;
  errorCount: number;
  throttleCount: number;
  valueSum: number;
}

interface View {
  readonly key: WindowKey;
  readonly sender: string;
  fadedAtMs: EpochMs;
  readonly faded: Sums;
  readonly minute: Sums;
  usual: Usual | null;
  /** Requests and spans by the minute in which they ended; of functions alone. */
  counts: (readonly [minuteAtMs: EpochMs, requestCount: number, spanCount: number])[];
  isRateKnown: boolean;
}

interface Kept {
  readonly sinceMs: EpochMs | null;
  readonly minuteAtMs: EpochMs;
  readonly troubled: readonly string[];
  readonly views: readonly View[];
  readonly counted: readonly (readonly [string, readonly Counted[]])[];
}

export function createWitnessBook(snapshot?: Json, viewsMax = viewsMaxDefault): WitnessBook {
  const kept = snapshot as unknown as Kept | undefined;
  const byKey = new Map<WindowKey, View[]>();
  const edgesInto = new Map<string, WindowKey[]>();
  const countedBy = new Map<string, readonly Counted[]>(kept?.counted);
  const troubledInMinute = new Set<string>(kept?.troubled);
  let viewCount = 0;
  const viewCountBy = new Map<string, number>();
  let sinceMs = kept?.sinceMs ?? undefined;
  let minuteAtMs = kept?.minuteAtMs ?? 0;

  const tally = ({ sender }: View, step: 1 | -1): void => {
    viewCount += step;
    viewCountBy.set(sender, (viewCountBy.get(sender) ?? 0) + step);
  };

  const add = (view: View): View => {
    const known = byKey.get(view.key);
    if (known) known.push(view);
    else byKey.set(view.key, [view]);
    tally(view, 1);
    if (!known && isEdgeKey(view.key)) {
      const { callee } = endsOfEdge(view.key);
      edgesInto.set(callee, [...(edgesInto.get(callee) ?? []), view.key]);
    }
    return view;
  };
  for (const view of structuredClone(kept?.views ?? [])) add(view);

  const viewFor = ({ key, sender }: WindowDelta, nowMs: EpochMs): View | undefined => {
    const known = byKey.get(key);
    if (known) for (const view of known) if (view.sender === sender) return view;
    if (viewCount >= viewsMax || (known?.length ?? 0) >= sendersOfKeyMax) return undefined;
    if ((viewCountBy.get(sender) ?? 0) >= viewsMax / 2) return undefined;
    return add(createView(key, sender, nowMs));
  };

  const turnMinute = (nowMs: EpochMs, nextMinuteAtMs: EpochMs): void => {
    const isWhole = nextMinuteAtMs === minuteAtMs + msPerMinute && (sinceMs ?? Infinity) <= minuteAtMs;
    minuteAtMs = nextMinuteAtMs;
    for (const [key, views] of byKey) {
      const isLearned = isWhole && !troubledInMinute.has(subjectOf(key));
      for (const view of views) {
        if (isLearned) learn(view);
        clear(view.minute);
      }
      const left = views.filter((view) => nowMs - view.fadedAtMs < forgottenAfterMs);
      if (left.length === views.length) continue;
      for (const view of views) if (!left.includes(view)) tally(view, -1);
      if (left.length > 0) byKey.set(key, left);
      else forget(key);
    }
    troubledInMinute.clear();
    for (const [key, all] of countedBy) {
      const left = all.filter(({ fromMs }) => nowMs - fromMs < forgottenAfterMs);
      if (left.length > 0) countedBy.set(key, left);
      else countedBy.delete(key);
    }
  };

  const forget = (key: WindowKey): void => {
    byKey.delete(key);
    if (!isEdgeKey(key)) return;
    const { callee } = endsOfEdge(key);
    const left = (edgesInto.get(callee) ?? []).filter((edge) => edge !== key);
    if (left.length > 0) edgesInto.set(callee, left);
    else edgesInto.delete(callee);
  };

  return {
    get sinceMs() {
      return sinceMs;
    },
    observe(nowMs, deltas, troubled) {
      sinceMs ??= nowMs;
      const now = Math.floor((nowMs - msPerSecond) / msPerMinute) * msPerMinute;
      if (now > minuteAtMs) turnMinute(nowMs, now);
      for (const key of troubled) troubledInMinute.add(key);
      for (const delta of deltas) {
        if (isSignalKey(delta.key)) continue;
        const view = viewFor(delta, nowMs);
        if (view) fold(view, delta, nowMs);
      }
    },
    hear(key, counted) {
      countedBy.set(key, [...(countedBy.get(key) ?? []), counted].slice(-countedMinutesMax));
    },
    viewsOf(key, nowMs) {
      const edges = edgesInto.get(key) ?? [];
      return [
        ...(byKey.get(key as WindowKey) ?? []).map((view) => shown('callee', view, nowMs)),
        ...edges.flatMap((edge) => (byKey.get(edge) ?? []).map((view) => shown('caller', view, nowMs))),
      ].sort(byName);
    },
    countedOf: (key) => countedBy.get(key) ?? [],
    spansIn(key, fromMs, lengthMs) {
      if (sinceMs === undefined || fromMs < sinceMs) return undefined;
      return (byKey.get(key as WindowKey) ?? []).map(({ sender, counts, isRateKnown }) => {
        const inside = counts.filter(([atMs]) => atMs >= fromMs && atMs < fromMs + lengthMs);
        return {
          sender,
          isRateKnown,
          requestCount: inside.reduce((sum, [, requestCount]) => sum + requestCount, 0),
          spanCount: inside.reduce((sum, [, , spanCount]) => sum + spanCount, 0),
        };
      });
    },
    passOver: (untilMs) => void (sinceMs = untilMs),
    snapshot: () =>
      ({
        sinceMs: sinceMs ?? null,
        minuteAtMs,
        troubled: [...troubledInMinute],
        views: structuredClone([...byKey.values()].flat()),
        counted: [...countedBy],
      }) as unknown as Json,
  };
}

/** Whose trouble a key shows: of an edge its callee, else the key itself. */
export function subjectOf(key: WindowKey): string {
  return isEdgeKey(key) ? endsOfEdge(key).callee : key;
}

function createView(key: WindowKey, sender: string, nowMs: EpochMs): View {
  const none = { spanCount: 0, requestCount: 0, errorCount: 0, throttleCount: 0, valueSum: 0 };
  return {
    ...{ key, sender, fadedAtMs: nowMs, faded: { ...none }, minute: { ...none } },
    ...{ usual: null, counts: [], isRateKnown: true },
  };
}

function fold(view: View, delta: WindowDelta, nowMs: EpochMs): void {
  const { faded, minute } = view;
  if (nowMs > view.fadedAtMs) {
    const left = leftOf(view, nowMs);
    faded.spanCount *= left;
    faded.requestCount *= left;
    faded.errorCount *= left;
    faded.throttleCount *= left;
    faded.valueSum *= left;
    view.fadedAtMs = nowMs;
  }
  addTo(faded, delta);
  addTo(minute, delta);
  if (delta.requestCount === undefined && delta.spanCount > 0) view.isRateKnown = false;
  if (!isEdgeKey(delta.key)) count(view, delta);
}

function addTo(sums: Sums, { spanCount, requestCount, errorCount, throttleCount, valueSum }: WindowDelta): void {
  sums.spanCount += spanCount;
  sums.requestCount += requestCount ?? spanCount;
  sums.errorCount += errorCount;
  sums.throttleCount += throttleCount;
  sums.valueSum += valueSum;
}

function count({ counts }: View, { secondAtMs, requestCount = 0, spanCount }: WindowDelta): void {
  const atMs = Math.floor(secondAtMs / msPerMinute) * msPerMinute;
  const at = counts.findLastIndex(([minuteAtMs]) => minuteAtMs === atMs);
  if (at >= 0) counts[at] = [atMs, counts[at]![1] + requestCount, counts[at]![2] + spanCount];
  else counts.push([atMs, requestCount, spanCount]);
  if (counts.length > countedMinutesMax) counts.shift();
}

function learn(view: View): void {
  const { minute, usual } = view;
  const minuteCount = (usual?.minuteCount ?? 0) + 1;
  const gain = Math.max(usualGainMin, 1 / minuteCount);
  const move = (from: number, to: number): number => from + gain * (to - from);
  const { requestCount, errorCount, valueSum } = minute;
  // A minute without spans says how often, and not how they were.
  const now = requestCount > 0 ? { errorRatio: errorCount / requestCount, meanMs: valueSum / requestCount } : usual;
  view.usual = {
    minuteCount,
    requestsPerSecond: move(usual?.requestsPerSecond ?? 0, (requestCount * msPerSecond) / msPerMinute),
    errorRatio: move(usual?.errorRatio ?? 0, now?.errorRatio ?? 0),
    meanMs: move(usual?.meanMs ?? 0, now?.meanMs ?? 0),
  };
}

function clear(sums: Sums): void {
  sums.spanCount = 0;
  sums.requestCount = 0;
  sums.errorCount = 0;
  sums.throttleCount = 0;
  sums.valueSum = 0;
}

function shown(kind: WitnessView['kind'], view: View, nowMs: EpochMs): WitnessView {
  const left = leftOf(view, nowMs);
  const { spanCount, requestCount, errorCount, throttleCount, valueSum } = view.faded;
  return {
    kind,
    key: view.key,
    sender: view.sender,
    lastAtMs: view.fadedAtMs,
    usual: view.usual ?? undefined,
    seen: {
      spanCount: spanCount * left,
      requestCount: requestCount * left,
      errorCount: errorCount * left,
      throttleCount: throttleCount * left,
      requestsPerSecond: requestCount * left * (1 - keptPerSecond),
      errorRatio: requestCount > 0 ? Math.min(1, errorCount / requestCount) : 0,
      meanMs: requestCount > 0 ? valueSum / requestCount : 0,
    },
  };
}

function leftOf({ fadedAtMs }: View, nowMs: EpochMs): number {
  return keptPerSecond ** ((nowMs - fadedAtMs) / msPerSecond);
}

function byName(left: WitnessView, right: WitnessView): number {
  if (left.kind !== right.kind) return left.kind < right.kind ? -1 : 1;
  if (left.key !== right.key) return left.key < right.key ? -1 : 1;
  return left.sender < right.sender ? -1 : 1;
}
