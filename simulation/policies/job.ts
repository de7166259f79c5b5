/** A simulation as plain values, so that it can be handed to a worker, and its outcome likewise. */
import { createVenue } from '../../calendar/venue.ts';
import { createHistogram } from '../../core/histogram.ts';
import type { EpochMs } from '../../core/time.ts';
import { simulate, type MinuteView, type SimulationOptions } from './simulate.ts';
import { createTally, type TallySums } from './tally.ts';

export interface SimulationJob extends Omit<SimulationOptions, 'venue' | 'onSpan' | 'onMinute'> {
  readonly venueName: string;
  /** The span whose minutes are to be told, by its start. */
  readonly viewedSpanFromMs?: EpochMs;
}

/** One policy over all windows. */
export interface PolicyOutcome {
  readonly policy: string;
  readonly sums: TallySums;
  readonly durationMsP99: number | null;
}

export interface JobOutcome {
  readonly policies: readonly PolicyOutcome[];
  /** Of the viewed span, policy by policy within each minute. */
  readonly views: readonly MinuteView[];
}

/** What a worker hands back. */
export interface PartOutcome {
  /** Span by span, policy by policy: added up in their order, dollars do not depend on how many workers there are. */
  readonly sums: readonly (readonly TallySums[])[];
  /** Of each policy, the counts of its histogram of durations. */
  readonly buckets: readonly Float64Array[];
  readonly views: readonly MinuteView[];
}

export function runPart(job: SimulationJob, onSpan: () => void): PartOutcome {
  const { venueName, viewedSpanFromMs, ...rest } = job;
  const viewed = job.spans.find(({ fromMs }) => fromMs === viewedSpanFromMs);
  const sums: TallySums[][] = [];
  const views: MinuteView[] = [];
  const totals = simulate({
    ...rest,
    venue: createVenue(venueName),
    onSpan: ({ tallies }) => {
      sums.push(tallies.map((tally) => ({ ...tally.sums })));
      onSpan();
    },
    onMinute: (view) => {
      if (viewed && view.atMs >= viewed.fromMs && view.atMs < viewed.untilMs) views.push(view);
    },
  });
  return { sums, buckets: totals.map(({ durationMs }) => durationMs.buckets), views };
}

export function joinParts(policies: readonly string[], parts: readonly PartOutcome[]): JobOutcome {
  return {
    policies: policies.map((policy, index) => {
      const total = createTally();
      for (const { sums, buckets } of parts) {
        for (const bySpan of sums) total.add({ sums: bySpan[index]!, durationMs: createHistogram() });
        buckets[index]!.forEach((count, bucket) => {
          if (count > 0) total.durationMs.add(bucket, count);
        });
      }
      return { policy, sums: total.sums, durationMsP99: total.durationMs.quantile(0.99) ?? null };
    }),
    views: parts.flatMap(({ views }) => views),
  };
}
