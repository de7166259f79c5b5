/**
 * Is it worth asking for more when an event has begun? A raise under load is no free call: Lambda goes back to IN_PROGRESS for two to three minutes, and whether the
 * environments that stand serve meanwhile is not documented. One in four is set on their not serving at all. A raise that is not worth that is left to on
 * demand, which starts what it needs within seconds.
 *
 * So the plan that stands is compared with the one that would replace it, by what each lets happen over the next hour under what is believed now
 * (block-worth.ts): kept, whatever exceeds it spills; raised, the same until it is READY, or everything, and afterwards what exceeds the new level. Counts of requests
 * decide nothing by themselves.
 */
import type { FunctionSpec, Prices, SpillTarget } from '../core/function-spec.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';
import type { BlockWorth } from './block-worth.ts';
import { billingPeriodMs, usdOfHolding } from './cost.ts';

/** Further ahead, little is left of what is seen now. */
export const revisionMs = 60 * msPerMinute;
/** For a quarter more, no alias is put back to IN_PROGRESS. */
export const revisionRatioMin = 1.25;

/**
 * The chance that what stands serves nobody while a raise is prepared. Recorded answers of AWS show an environment available while its alias was IN_PROGRESS, which is
 * evidence for the contrary, of one function, and not of a raise.
 */
const idleRatio = 0.25;

export interface RevisionQuestion {
  readonly nowMs: EpochMs;
  /** From asking to READY. */
  readonly leadMs: number;
  readonly heldConcurrency: number;
  /** No more may be asked for than that. */
  readonly concurrencyMax: number;
  /** Of what is believed now: blocks without a gap from the one of `nowMs` on. */
  readonly worth: readonly BlockWorth[];
  /** The same of the blocks of preparation alone: what starts in them is warm on demand when the raise is READY, and saves nobody a cold start any more. */
  readonly startedBefore: readonly BlockWorth[];
  readonly spec: Pick<FunctionSpec, 'spillTarget' | 'memoryMb' | 'architecture'>;
  readonly prices: Prices;
}

export interface RevisionAnswer {
  readonly isWorthIt: boolean;
  /** The level that was compared with the one held. */
  readonly concurrency: number;
  /** With the numbers that decided. */
  readonly because: string;
}

export function judgeRevision(question: RevisionQuestion): RevisionAnswer {
  const { heldConcurrency, concurrencyMax, spec } = question;
  const spans = spansOf(question);
  const wanted = Math.min(
    concurrencyMax,
    spec.spillTarget.kind === 'spilloverRatioMax'
      ? byRatio(spans, spec.spillTarget.ratio)
      : byUsd(spans, question, pricesOf(spec.spillTarget)),
  );
  if (wanted <= heldConcurrency * revisionRatioMin) {
    const because = `${wanted} would do, and ${heldConcurrency} are held: no more than a quarter is missing`;
    return { isWorthIt: false, concurrency: wanted, because };
  }
  return spec.spillTarget.kind === 'spilloverRatioMax'
    ? judgeByRatio(spans, question, { wanted, ratioMax: spec.spillTarget.ratio })
    : judgeByUsd(spans, question, { wanted, prices: pricesOf(spec.spillTarget) });
}

/** One block, and which parts of it lie in the time of preparation and after it. */
interface Span {
  readonly worth: BlockWorth;
  readonly before: number;
  readonly after: number;
}

function spansOf({ nowMs, leadMs, worth }: RevisionQuestion): Span[] {
  const readyAtMs = nowMs + leadMs;
  return worth.map((block) => {
    const endMs = Math.min(block.blockAtMs + billingPeriodMs, nowMs + revisionMs);
    const shareOf = (fromMs: EpochMs, untilMs: EpochMs): number => Math.max(0, untilMs - fromMs) / billingPeriodMs;
    return {
      worth: block,
      before: shareOf(Math.max(block.blockAtMs, nowMs), Math.min(endMs, readyAtMs)),
      after: shareOf(Math.max(block.blockAtMs, readyAtMs), endMs),
    };
  });
}

/** What the environments from the `from`-th on would keep from happening. */
function beyond(avoided: Float64Array, from: number, until = avoided.length): number {
  let sum = 0;
  for (let at = Math.min(avoided.length, until) - 1; at >= from; at--) sum += avoided[at]!;
  return sum;
}

function total(spans: readonly Span[], of: (span: Span) => number): number {
  return spans.reduce((sum, span) => sum + of(span), 0);
}

/** The least level that keeps to the share once it is READY. */
function byRatio(spans: readonly Span[], ratioMax: number): number {
  const requests = total(spans, ({ worth, after }) => after * worth.requestCount);
  let spilled = requests;
  const longest = Math.max(0, ...spans.map(({ worth }) => worth.spillAvoided.length));
  let concurrency = 0;
  for (; concurrency < longest && spilled > ratioMax * requests; concurrency++)
    spilled -= total(spans, ({ worth, after }) => after * (worth.spillAvoided[concurrency] ?? 0));
  return concurrency;
}

interface StatedPrices {
  readonly usdPerColdStart: number;
  readonly usdPerSpill: number;
}

function pricesOf(target: Exclude<SpillTarget, { readonly kind: 'spilloverRatioMax' }>): StatedPrices {
  return {
    usdPerColdStart: target.kind === 'usdPerColdStart' ? target.usd : 0,
    usdPerSpill: target.kind === 'usdPerSpill' ? target.usd : 0,
  };
}

/** As many as are each worth their price once they are READY. */
function byUsd(spans: readonly Span[], question: RevisionQuestion, stated: StatedPrices): number {
  const longest = Math.max(0, ...spans.map(({ worth }) => worth.spillAvoided.length));
  let concurrency = 0;
  while (concurrency < longest && usdSaved(spans, question, { from: concurrency, until: concurrency + 1, stated }) > 0)
    concurrency++;
  return concurrency;
}

/** What some environments save once they are READY, less what holding them costs for the hour. */
function usdSaved(
  spans: readonly Span[],
  { spec, prices, startedBefore }: RevisionQuestion,
  { from, until, stated }: { readonly from: number; readonly until: number; readonly stated: StatedPrices },
): number {
  const { onDemand, provisionedDuration } = prices.usdPerGbSecond[spec.architecture];
  const usdPerBusySecond = (onDemand - provisionedDuration) * (spec.memoryMb / 1_024);
  let coldStarts = 0;
  for (let at = from; at < until; at++) {
    const started = startedBefore.reduce((sum, { coldStartsAvoided }) => sum + (coldStartsAvoided[at] ?? 0), 0);
    coldStarts += Math.max(0, total(spans, ({ worth }) => worth.coldStartsAvoided[at] ?? 0) - started);
  }
  const busySeconds = total(spans, ({ worth, after }) => after * beyond(worth.busySeconds, from, until));
  const held = usdOfHolding(spec, prices, { concurrency: until - from, fromMs: 0, untilMs: revisionMs });
  const spilled = total(spans, ({ worth, after }) => after * beyond(worth.spillAvoided, from, until));
  return coldStarts * stated.usdPerColdStart + spilled * stated.usdPerSpill + busySeconds * usdPerBusySecond - held;
}

function judgeByRatio(
  spans: readonly Span[],
  { heldConcurrency: held, leadMs }: RevisionQuestion,
  { wanted, ratioMax }: { readonly wanted: number; readonly ratioMax: number },
): RevisionAnswer {
  const requests = total(spans, ({ worth, before, after }) => (before + after) * worth.requestCount);
  const kept = total(spans, ({ worth, before, after }) => (before + after) * beyond(worth.spillAvoided, held));
  const atLeast = total(
    spans,
    ({ worth, before, after }) =>
      before * beyond(worth.spillAvoided, held) + after * beyond(worth.spillAvoided, wanted),
  );
  const atMost = atLeast + total(spans, ({ worth, before }) => before * beyond(worth.spillAvoided, 0, held));
  const raised = (1 - idleRatio) * atLeast + idleRatio * atMost;
  const isWorthIt = kept > ratioMax * requests && raised < kept;
  const because = [
    `with ${held} held, ${percent(kept / requests)} of ${Math.round(requests)} requests expected within the hour would spill (${percent(ratioMax)} may);`,
    `with ${wanted}, ${percent(atLeast / requests)}, or ${percent(atMost / requests)} if nothing served for the ${(leadMs / msPerMinute).toFixed(1)} min until they are READY`,
  ].join(' ');
  return { isWorthIt, concurrency: wanted, because };
}

function judgeByUsd(
  spans: readonly Span[],
  question: RevisionQuestion,
  { wanted, prices }: { readonly wanted: number; readonly prices: StatedPrices },
): RevisionAnswer {
  const { heldConcurrency: held } = question;
  const saved = usdSaved(spans, question, { from: held, until: wanted, stated: prices });
  // What stands would have to start anew on demand, and nothing that it would have served is served warm until then.
  const spilled = total(spans, ({ worth, before }) => before * beyond(worth.spillAvoided, 0, held));
  const lost = idleRatio * (held * prices.usdPerColdStart + spilled * prices.usdPerSpill);
  const because = `${wanted} instead of ${held} would save ${saved.toFixed(2)} dollars within the hour once they are READY, and lose ${lost.toFixed(2)} to the chance that nothing serves until then`;
  return { isWorthIt: saved > lost, concurrency: wanted, because };
}

function percent(ratio: number): string {
  return `${Number((100 * ratio).toPrecision(2))} %`;
}

/** From asking to READY, the margin for a second attempt left out. */
export function preparationMsOf(
  concurrency: number,
  {
    lead,
    initDurationMs,
  }: {
    readonly lead: { readonly prepMs: number; readonly allocationPerMinute: number; readonly queueMs: number };
    readonly initDurationMs: number;
  },
): number {
  return lead.prepMs + (concurrency / lead.allocationPerMinute) * msPerMinute + initDurationMs + lead.queueMs;
}
