/** What is answered when somebody asks for a cause: nodes by what they account for, and how far to believe it. */
import type { Verdict } from '../../core/incident.ts';

export interface Cause {
  readonly node: string;
  /** Where in the node: an operation, an edge, or the metric. */
  readonly operation: string;
  /** Share of what is lost in all that the node accounts for by itself, 0…1. */
  readonly score: number;
  readonly evidence: readonly string[];
}

export interface Explanation {
  readonly verdict: Verdict;
  /** Why so sure, or why not. */
  readonly because: string;
  /** Most likely first. Empty: nothing is out of the ordinary, and nobody is named. */
  readonly causes: readonly Cause[];
}

export const causeCountMax = 10;

export function median(values: readonly number[]): number {
  return quantileOf(values, 0.5);
}

/** Nearest rank; NaN of nothing. */
export function quantileOf(values: readonly number[], ratio: number): number {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) * ratio;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}
