/** How calls over a breaker's edges went, read off live windows: by time, so that a quiet hour leaves nothing of what was before it. */
import { msPerSecond, type EpochMs } from '../../core/time.ts';
import type { LiveRing } from '../live-windows.ts';

export interface EdgeCounts {
  readonly callCount: number;
  /** Failed, throttled, or slower than four times the median of what is usual: each call once at least, at most half of them missed. */
  readonly harmedCount: number;
  readonly throttleCount: number;
  /** Spans that were received of them: where callers sample, one stands for many calls, and tells no more than one. Absent: as many as calls. */
  readonly spanCount?: number;
}

/** Of all edges together, over the whole seconds in [fromMs, untilMs). */
export function countEdges(rings: readonly LiveRing[], fromMs: EpochMs, untilMs: EpochMs): EdgeCounts {
  const from = Math.ceil(fromMs / msPerSecond) * msPerSecond;
  let callCount = 0;
  let harmedCount = 0;
  let throttleCount = 0;
  let spanCount = 0;
  for (const ring of rings) {
    const calls = ring.sum('requestCount', from, untilMs);
    const throttled = ring.sum('throttleCount', from, untilMs);
    // Throttled ones may be among the failed, and failed ones among the slow (timeouts): the larger count is certain, the sum is not.
    const harmed = Math.max(ring.sum('errorCount', from, untilMs), throttled, ring.sum('slowCount', from, untilMs));
    callCount += calls;
    harmedCount += Math.min(calls, harmed);
    throttleCount += Math.min(calls, throttled);
    spanCount += ring.sum('spanCount', from, untilMs);
  }
  return { callCount, harmedCount, throttleCount, spanCount };
}
