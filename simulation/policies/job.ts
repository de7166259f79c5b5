/** A simulation as plain values, so that it can be handed to a worker, and its outcome likewise. */
import { createVenue } from '../../calendar/venue.ts';
import { createHistogram } from '../../core/histogram.ts';
import type { EpochMs } from '../../core/time.ts';
import { simulate, type MinuteView, type SimulationOptions } from './simulate.ts';
import type { TallySums } from './tally.ts';

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

/** What a worker hands back: histograms as counts by bucket. */
export interface PartOutcome {
  readonly tallies: readonly { readonly sums: TallySums; readonly buckets: Float64Array }[];
  readonly views: readonly MinuteView[];
}

export function runPart(job: SimulationJob, onSpan: () => void): PartOutcome {
  const { venueName, viewedSpanFromMs, ...rest } = job;
  const viewed = job.spans.find(({ fromMs }) => fromMs === viewedSpanFromMs);
  const views: MinuteView[] = [];
  const tallies = simulate({
    ...rest,
    venue: createVenue(venueName),
    onSpan,
    onMinute: (view) => {
      if (viewed && view.atMs >= viewed.fromMs && view.atMs < viewed.untilMs) views.push(view);
    },
  });
  return { tallies: tallies.map(({ sums, durationMs }) => ({ sums, buckets: durationMs.buckets })), views };
}

export function joinParts(policies: readonly string[], parts: readonly PartOutcome[]): JobOutcome {
  return {
    policies: policies.map((policy, index) => {
      const durationMs = createHistogram();
      const [first, ...others] = parts.map(({ tallies }) => tallies[index]!);
      const sums = { ...first!.sums };
      for (const { sums: more } of others)
        for (const name of Object.keys(sums) as (keyof TallySums)[]) sums[name] += more[name];
      for (const { tallies } of parts) {
        tallies[index]!.buckets.forEach((count, bucket) => {
          if (count > 0) durationMs.add(bucket, count);
        });
      }
      return { policy, sums, durationMsP99: durationMs.quantile(0.99) ?? null };
    }),
    views: parts.flatMap(({ views }) => views),
  };
}
