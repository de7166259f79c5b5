/**
 * How much a named cause may be believed. A confident wrong cause is worse than none, so each rule asks for what would be hard to fake:
 *
 * - CONFIRMED: the cause explains at least 0.8 of what is lost, at least 30 requests say so, nothing else explains a quarter, and a second witness agrees
 *   (the other side of the same call, or a change at the cause just before).
 * - LIKELY: it explains at least half, at least 10 requests say so, and it leads the next by a half.
 * - INCONCLUSIVE: all else; also where what is usual is not known, so that the graph alone chose.
 */
import type { Verdict } from '../core/incident.ts';

export interface Grounds {
  /** Share of the loss that the cause explains, 0…1; undefined where it is not known. */
  readonly explainedRatio: number | undefined;
  /** The same of the best other cause. */
  readonly nextRatio: number;
  /** Requests that show the deviation. */
  readonly requestCount: number;
  readonly hasSecondWitness: boolean;
}

export function verdictOf({ explainedRatio, nextRatio, requestCount, hasSecondWitness }: Grounds): Verdict {
  if (explainedRatio === undefined) return 'INCONCLUSIVE';
  if (explainedRatio >= 0.8 && nextRatio <= 0.25 && requestCount >= 30 && hasSecondWitness) return 'CONFIRMED';
  if (explainedRatio >= 0.5 && explainedRatio >= 1.5 * nextRatio && requestCount >= 10) return 'LIKELY';
  return 'INCONCLUSIVE';
}
