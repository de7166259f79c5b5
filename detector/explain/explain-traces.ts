/**
 * A cause from traces: what each node loses by itself after an instant, against before it. Four ways to lose, in one unit, a usual request:
 *
 * - time of its own, apart from what it waits for;
 * - time between the two ends of calls, on one side of a node as a whole: a slow network at a node shows on all edges into it or out of it, and in no
 *   span of its own; an edge alone is shared by both its ends, and each gets it in proportion to how many of its calls that side sees late;
 * - failures with nothing failed under them;
 * - calls that are no longer made: an operation that ends early. Blamed on the operation, or on the callee after which it now ends more often.
 *
 * Only differences beyond chance count: two standard errors of a mean (the baseline's spread), three of a count.
 */
import { InputError } from '../../core/errors.ts';
import { formatInstant, type EpochMs } from '../../core/time.ts';
import type { Trace } from '../../core/trace.ts';
import { verdictOf } from '../verdict.ts';
import { causeCountMax, quantileOf, type Cause, type Explanation } from './explanation.ts';
import { featuresOf, type Calls, type Samples, type TraceFeatures } from './trace-features.ts';

export interface TracesQuestion {
  readonly traces: readonly Trace[];
  readonly atMs: EpochMs;
  /** Traces without trouble, beside those before `atMs`. */
  readonly baseline: readonly Trace[];
}

/** Traces that were under way at the instant are neither before nor after it. */
const underWayMs = 2_000;
const traceCountMin = 10;
const sampleCountMin = 3;
const runCountMin = 5;
const standardErrorsOfMean = 2;
const standardErrorsOfCount = 3;
/** An operation that calls a little less may simply have less to do. */
const vanishedRatioMin = 0.5;
/** A mean that differs by less than this share and this much is the same, whatever its spread. */
const sameRatio = 0.02;
const sameMs = 0.05;
/** A node that loses less than this share of a usual request is not believed to be the cause of anything. */
const lossMin = 0.08;

interface Part {
  readonly operation: string;
  /** In usual requests a request. */
  readonly loss: number;
  readonly because: string;
  /** Spans that say so. */
  readonly count: number;
}

/** @throws InputError where there are too few traces before or after the instant to say anything. */
export function explainTraces({ traces, atMs, baseline }: TracesQuestion): Explanation {
  const usual = featuresOf([...traces.filter(({ startsAtMs }) => startsAtMs < atMs - underWayMs), ...baseline]);
  const now = featuresOf(traces.filter(({ startsAtMs }) => startsAtMs >= atMs));
  for (const [name, { traceCount }] of [
    ['before', usual],
    ['after', now],
  ] as const)
    if (traceCount < traceCountMin)
      throw new InputError(
        'explain-traces',
        `--at ${formatInstant(atMs)}: ${traceCount} traces ${name} it, at least ${traceCountMin} are needed${name === 'before' ? '; give more by --baseline' : ''}`,
      );
  const parts = new Map<string, Part[]>();
  const add = (node: string, part: Part): void => {
    const known = parts.get(node);
    if (known) known.push(part);
    else parts.set(node, [part]);
  };
  compareOwn(usual, now, add);
  compareBetween(usual, now, add);
  compareCalls(usual, now, add);
  return conclude(parts, usual, now);
}

type Add = (node: string, part: Part) => void;

function compareOwn(usual: TraceFeatures, now: TraceFeatures, add: Add): void {
  for (const [key, { node, operation, valuesMs }] of now.own) {
    const rise = riseOf(usual.own.get(key), valuesMs);
    if (rise)
      add(node, {
        operation,
        loss: lossOf(rise.ms, valuesMs, usual, now),
        because: `${operation}: own time ${rise.text}`,
        count: valuesMs.length,
      });
  }
}

interface Side {
  lossSum: number;
  lateCount: number;
  callCount: number;
  readonly reasons: { readonly loss: number; readonly text: string }[];
}

function compareBetween(usual: TraceFeatures, now: TraceFeatures, add: Add): void {
  const sides = new Map<string, Side>();
  for (const [key, { node, callee, operation, valuesMs }] of now.between) {
    const before = usual.between.get(key);
    if (!before || before.valuesMs.length < sampleCountMin) continue;
    const rise = riseOf(before, valuesMs);
    const loss = rise ? lossOf(rise.ms, valuesMs, usual, now) : 0;
    // Half a millisecond above what nineteen of twenty calls took: late.
    const lateMs = quantileOf(before.valuesMs, 0.95) + 0.5;
    const lateCount = valuesMs.filter((valueMs) => valueMs > lateMs).length;
    for (const side of [`${callee!}\nin`, `${node}\nout`]) {
      const known = sides.get(side) ?? { lossSum: 0, lateCount: 0, callCount: 0, reasons: [] };
      sides.set(side, known);
      known.lossSum += loss;
      known.lateCount += lateCount;
      known.callCount += valuesMs.length;
      if (rise)
        known.reasons.push({ loss, text: `${node} > ${callee!} ${operation}: between the two ends ${rise.text}` });
    }
  }
  for (const [side, { lossSum, lateCount, callCount, reasons }] of sides) {
    const [node, direction] = side.split('\n') as [string, string];
    const [worst] = reasons.sort((a, b) => b.loss - a.loss);
    if (!worst) continue;
    const percent = Math.round((100 * lateCount) / callCount);
    const operation = direction === 'in' ? 'calls into it' : 'calls out of it';
    add(node, {
      operation,
      loss: (lossSum * lateCount) / callCount,
      because: `${percent} % of ${operation} are late; ${worst.text}`,
      count: callCount,
    });
  }
}

function compareCalls(usual: TraceFeatures, now: TraceFeatures, add: Add): void {
  for (const [key, run] of now.calls) {
    const before = usual.calls.get(key);
    const failedBefore = before ? before.failedCount / before.runCount : 0;
    const failed = run.failedCount - failedBefore * run.runCount;
    if (failed > standardErrorsOfCount * Math.sqrt(failedBefore * run.runCount + 1))
      add(run.node, {
        operation: run.operation,
        loss: failed / now.traceCount,
        because: `${run.operation}: ${run.failedCount} of ${run.runCount} fail with nothing failed under them`,
        count: run.failedCount,
      });
    if (before && before.runCount >= runCountMin) compareChildren(before, run, now.traceCount, add);
  }
}

function compareChildren(before: Calls, run: Calls, traceCount: number, add: Add): void {
  let vanished = 0;
  let worst = { count: 0, text: '' };
  for (const [key, child] of before.children) {
    const perRun = child.count / before.runCount;
    const expected = perRun * run.runCount;
    const seen = run.children.get(key)?.count ?? 0;
    const count = expected - seen;
    // Traces differ by themselves (one call a product on the page), before as now: the spread of a ratio between them.
    const spread = child.squareSum - 2 * perRun * child.crossSum + perRun ** 2 * before.runSquareSum;
    const scale = run.runCount / before.runCount;
    const standardError = Math.sqrt(spread * (scale + scale ** 2) + 1);
    if (count <= standardErrorsOfCount * standardError || count < vanishedRatioMin * expected) continue;
    vanished += count;
    const text = `${run.operation}: calls of ${child.node} ${child.operation} fell from ${perRun.toFixed(2)} to ${(seen / run.runCount).toFixed(2)} a run`;
    if (count > worst.count) worst = { count, text };
  }
  if (vanished === 0) return;
  const ends = endsMoreOftenAfter(before, run);
  const total = [...ends.values()].reduce((sum, count) => sum + count, 0);
  if (total === 0) ends.set(run.node, 1);
  for (const [node, count] of ends) {
    const loss = (vanished / traceCount) * (count / (total || 1));
    const after = node === run.node ? '' : `, and it now ends after ${node}`;
    if (loss > 0)
      add(node, { operation: run.operation, loss, because: `${worst.text}${after}`, count: Math.round(vanished) });
  }
}

/** By node: runs more than usual in which the last call was to it; to the runner itself where nothing, or something of its own, came last. */
function endsMoreOftenAfter(before: Calls, run: Calls): Map<string, number> {
  const scale = run.runCount / before.runCount;
  const ends = new Map<string, number>([[run.node, Math.max(0, run.childlessCount - before.childlessCount * scale)]]);
  for (const [key, child] of run.children) {
    const more = Math.max(0, child.lastCount - (before.children.get(key)?.lastCount ?? 0) * scale);
    ends.set(child.node, (ends.get(child.node) ?? 0) + more);
  }
  return ends;
}

/** By how much the mean rose, if beyond chance. */
function riseOf(
  before: Samples | undefined,
  valuesMs: readonly number[],
): { readonly ms: number; readonly text: string } | undefined {
  if (!before || before.valuesMs.length < sampleCountMin) return undefined;
  const usualMs = mean(before.valuesMs);
  const nowMs = mean(valuesMs);
  const variance =
    before.valuesMs.reduce((sum, valueMs) => sum + (valueMs - usualMs) ** 2, 0) / (before.valuesMs.length - 1);
  const standardError = Math.sqrt(variance * (1 / valuesMs.length + 1 / before.valuesMs.length));
  if (nowMs - usualMs <= standardErrorsOfMean * (standardError + sameRatio * usualMs + sameMs)) return undefined;
  return { ms: nowMs - usualMs, text: `${usualMs.toFixed(1)} to ${nowMs.toFixed(1)} ms (${valuesMs.length} times)` };
}

/** Milliseconds to usual requests a request. */
function lossOf(riseMs: number, { length }: readonly number[], usual: TraceFeatures, now: TraceFeatures): number {
  const usualRequestMs = Math.max(usual.rootMsSum / usual.traceCount, sameMs);
  return (riseMs * length) / now.traceCount / usualRequestMs;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function conclude(parts: ReadonlyMap<string, readonly Part[]>, usual: TraceFeatures, now: TraceFeatures): Explanation {
  const losses = [...parts]
    .map(([node, all]) => ({
      node,
      loss: all.reduce((sum, { loss }) => sum + loss, 0),
      parts: [...all].sort((a, b) => b.loss - a.loss || (a.because < b.because ? -1 : 1)),
    }))
    .filter(({ loss }) => loss > 0)
    .sort((a, b) => b.loss - a.loss || (a.node < b.node ? -1 : 1));
  const total = losses.reduce((sum, { loss }) => sum + loss, 0);
  const causes = losses.slice(0, causeCountMax).map(({ node, loss, parts: [first, ...others] }): Cause => ({
    node,
    operation: first!.operation,
    score: loss / total,
    evidence: [first!, ...others.slice(0, 2)].map(({ because }) => because),
  }));
  const [top, next] = losses;
  if (!top) return { verdict: 'INCONCLUSIVE', because: 'nothing differs from before by more than chance', causes };
  const share = `${top.node} loses ${(100 * top.loss).toFixed(0)} % of a usual request by itself, ${Math.round((100 * top.loss) / total)} % of what all lose`;
  if (top.loss < lossMin) return { verdict: 'INCONCLUSIVE', because: `${share}: too little to be felt`, causes };
  const verdict = verdictOf({
    explainedRatio: top.loss / total,
    nextRatio: (next?.loss ?? 0) / total,
    requestCount: top.parts[0]!.count,
    hasSecondWitness: isFeltAbove(top.parts, usual, now),
  });
  return { verdict, because: share, causes };
}

/** The roots of the traces show it too: they are slower by half of what the node loses, or what it loses is no time. */
function isFeltAbove(parts: readonly Part[], usual: TraceFeatures, now: TraceFeatures): boolean {
  const isTime = parts[0]!.because.includes(' ms (');
  const usualMs = usual.rootMsSum / usual.traceCount;
  return !isTime || now.rootMsSum / now.traceCount / usualMs - 1 >= parts[0]!.loss / 2;
}
