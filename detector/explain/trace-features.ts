/**
 * What traces say of each node, apart from what it waits for: time of its own by operation, time between the two ends of a call by edge, and the calls that an
 * operation usually makes.
 *
 * A span's own time is its length less what its children cover. A span whose only child runs elsewhere is a call as its caller sees it: its own time is the way
 * there and back, and belongs to the edge.
 */
import type { Trace, TraceSpan } from '../../core/trace.ts';

/** Samples of one kind of span. */
export interface Samples {
  readonly node: string;
  /** The other end, of what is between two nodes. */
  readonly callee?: string;
  readonly operation: string;
  readonly valuesMs: number[];
}

/** What an operation did: how often it ran, and how often each child was under it. */
export interface Calls {
  readonly node: string;
  readonly operation: string;
  runCount: number;
  /** Runs by trace, squared and added up. */
  runSquareSum: number;
  /** Failed, and nothing under it did. */
  failedCount: number;
  readonly children: Map<string, ChildCalls>;
  /** Runs in which nothing was called. */
  childlessCount: number;
}

export interface ChildCalls {
  readonly node: string;
  readonly operation: string;
  count: number;
  /** By trace, its count squared, and times the runs of its parent: added up, they tell how much traces differ by themselves. */
  squareSum: number;
  crossSum: number;
  /** Times that nothing came after it in its parent. */
  lastCount: number;
}

export interface TraceFeatures {
  readonly traceCount: number;
  readonly rootMsSum: number;
  readonly own: ReadonlyMap<string, Samples>;
  readonly between: ReadonlyMap<string, Samples>;
  readonly calls: ReadonlyMap<string, Calls>;
}

export function featuresOf(traces: readonly Trace[]): TraceFeatures {
  const own = new Map<string, Samples>();
  const between = new Map<string, Samples>();
  const calls = new Map<string, Calls>();
  let rootMsSum = 0;
  for (const { spans } of traces) {
    const runs: Place['runs'] = new Map();
    const counted: Place['counted'] = new Map();
    const children: number[][] = spans.map(() => []);
    spans.forEach(({ parent }, index) => {
      if (parent >= 0) children[parent]!.push(index);
    });
    spans.forEach((span, index) => {
      if (span.parent < 0) rootMsSum += span.durationMs;
      const below = children[index]!.map((child) => spans[child]!);
      const server = remoteEnd(span, below);
      const beside = span.parent < 0 ? [] : callsBeside(spans, children, index);
      const ownMs = ownMsOf(span, beside.length > 0 ? [...below, ...beside] : below);
      if (server) sample(between, { node: span.node, callee: server.node, operation: server.operation }, ownMs);
      else {
        sample(own, { node: span.node, operation: span.operation }, ownMs);
      }
      countCalls(calls, span, {
        spans,
        children,
        below: children[index]!,
        isCall: server !== undefined,
        runs,
        counted,
      });
    });
    closeTrace(runs, counted);
  }
  return { traceCount: traces.length, rootMsSum, own, between, calls };
}

function remoteEnd(span: TraceSpan, below: readonly TraceSpan[]): TraceSpan | undefined {
  return below.length === 1 && below[0]!.node !== span.node ? below[0] : undefined;
}

/** Calls that a sibling makes from the same node: an asynchronous handler stays open until they return, and waits as its parent does. */
function callsBeside(
  spans: readonly TraceSpan[],
  children: readonly (readonly number[])[],
  index: number,
): readonly TraceSpan[] {
  const { parent, node } = spans[index]!;
  const siblings = children[parent]!;
  if (siblings.length === 1 || spans[parent]!.node !== node || children[index]!.length > 0) return [];
  return siblings
    .filter((other) => other !== index && spans[other]!.node === node)
    .filter((other) =>
      remoteEnd(
        spans[other]!,
        children[other]!.map((next) => spans[next]!),
      ),
    )
    .map((other) => spans[other]!);
}

/** Children may overlap each other, and outlast their parent. */
function ownMsOf(span: TraceSpan, below: readonly TraceSpan[]): number {
  const untilMs = span.startsAtMs + span.durationMs;
  let coveredMs = 0;
  let fromMs = span.startsAtMs;
  for (const child of below.length > 1 ? [...below].sort((a, b) => a.startsAtMs - b.startsAtMs) : below) {
    const childFromMs = Math.max(fromMs, child.startsAtMs);
    const childUntilMs = Math.min(untilMs, child.startsAtMs + child.durationMs);
    if (childUntilMs <= childFromMs) continue;
    coveredMs += childUntilMs - childFromMs;
    fromMs = childUntilMs;
  }
  return Math.max(0, span.durationMs - coveredMs);
}

function sample(into: Map<string, Samples>, key: Omit<Samples, 'valuesMs'>, valueMs: number): void {
  const name = `${key.node}\n${key.callee ?? ''}\n${key.operation}`;
  const known = into.get(name);
  if (known) known.valuesMs.push(valueMs);
  else into.set(name, { ...key, valuesMs: [valueMs] });
}

interface Place {
  readonly spans: readonly TraceSpan[];
  readonly children: readonly (readonly number[])[];
  readonly below: readonly number[];
  /** It is the caller's end of a call. */
  readonly isCall: boolean;
  /** In this trace so far. */
  readonly runs: Map<Calls, number>;
  readonly counted: Map<ChildCalls, { readonly of: Calls; readonly count: number }>;
}

/** A call is counted by what it reaches: the callee's operation where the callee was seen. The caller's end of one is counted apart, for its failures. */
function countCalls(
  into: Map<string, Calls>,
  span: TraceSpan,
  { spans, children, below, isCall, runs, counted }: Place,
): void {
  const name = `${span.node}\n${span.operation}${isCall ? '\ncall' : ''}`;
  let calls = into.get(name);
  if (!calls) {
    const { node, operation } = span;
    calls = { node, operation, runCount: 0, runSquareSum: 0, failedCount: 0, childlessCount: 0, children: new Map() };
    into.set(name, calls);
  }
  calls.runCount++;
  if (span.isFailed && !below.some((child) => spans[child]!.isFailed)) calls.failedCount++;
  if (isCall) return;
  runs.set(calls, (runs.get(calls) ?? 0) + 1);
  if (below.length === 0) calls.childlessCount++;
  let last: ChildCalls | undefined;
  let lastUntilMs = -Infinity;
  for (const index of below) {
    const child = spans[index]!;
    const end =
      remoteEnd(
        child,
        children[index]!.map((next) => spans[next]!),
      ) ?? child;
    const known = childOf(calls, end);
    known.count++;
    counted.set(known, { of: calls, count: (counted.get(known)?.count ?? 0) + 1 });
    if (child.startsAtMs + child.durationMs < lastUntilMs) continue;
    last = known;
    lastUntilMs = child.startsAtMs + child.durationMs;
  }
  if (last) last.lastCount++;
}

/** What one trace adds to the spread between traces. */
function closeTrace(runs: ReadonlyMap<Calls, number>, counted: Place['counted']): void {
  for (const [calls, count] of runs) calls.runSquareSum += count ** 2;
  for (const [child, { of, count }] of counted) {
    child.squareSum += count ** 2;
    child.crossSum += count * runs.get(of)!;
  }
}

function childOf({ children }: Calls, { node, operation }: TraceSpan): ChildCalls {
  const key = `${node}\n${operation}`;
  let known = children.get(key);
  if (!known) children.set(key, (known = { node, operation, count: 0, squareSum: 0, crossSum: 0, lastCount: 0 }));
  return known;
}
