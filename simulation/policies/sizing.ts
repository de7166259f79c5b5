/** From a rate of requests to provisioned concurrency, as every policy that plans in requests does it, and the blocks in which it is paid. */
import type { FunctionSpec } from '../../core/function-spec.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import { serversFor } from '../../forecaster/erlang.ts';
import { requestsPerSecondPerEnvironment } from '../../forecaster/spill-curves.ts';
import { meanRunMs } from '../../forecaster/run-distribution.ts';

/** Lambda bills whole periods of this length, so whoever plans ahead plans on their grid. */
export const blockMs = 5 * msPerMinute;

/** Spilled requests of a steady rate that is met exactly. */
const spilloverRatioMax = 0.001;

/** Requests that run at once on average. */
export function offeredLoadOf(requestsPerSecond: number, run: FunctionSpec['runDurationMs']): number {
  return (requestsPerSecond * meanRunMs(run)) / msPerSecond;
}

/**
 * Little's law with the mean of the durations, tail included, what Erlang's formula adds so that one request in a thousand spills, and a tenth
 * of the rate at least.
 */
export function levelForRate(requestsPerSecond: number, run: FunctionSpec['runDurationMs']): number {
  const servers = serversFor({
    offeredLoad: offeredLoadOf(requestsPerSecond, run),
    blockingRatioMax: spilloverRatioMax,
  });
  return Math.max(servers, Math.ceil(requestsPerSecond / requestsPerSecondPerEnvironment));
}

/** Where utilisation is held at a target: so many environments for a load, or for what one of the load's measures says. */
export function levelAtTarget(load: number, target: number): number {
  // 20 × 0.98 / 0.7 is 28, and a few units in the last place.
  return Math.ceil(load / target - 1e-9);
}

export interface BlockNeed {
  readonly fromMs: EpochMs;
  readonly concurrency: number;
}

/**
 * What to ask for at an instant so that every block finds its need READY: the need of the block itself and of the one after it, because to
 * allocate takes two minutes and more. Blocks are five minutes long, and follow each other.
 */
export function levelOfBlocks(blocks: readonly BlockNeed[], nowMs: EpochMs): number {
  let level = 0;
  for (const { fromMs, concurrency } of blocks) {
    if (fromMs - blockMs <= nowMs && nowMs < fromMs + blockMs) level = Math.max(level, concurrency);
  }
  return level;
}
