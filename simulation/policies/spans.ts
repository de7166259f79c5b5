/**
 * Which stretches of time are simulated around the half hours that are judged. Half hours that lie close together share one stretch: what is
 * held for the first of them stands in the second, and must not be paid for twice.
 */
import { msPerMinute, type EpochMs } from '../../core/time.ts';

/** What is judged of a window. */
export const windowMs = 30 * msPerMinute;
/** Simulated before a window: the fifteen minutes that a scale-in looks back over, and their delay, twice. */
export const leadMs = 30 * msPerMinute;
/** Simulated after it: what a policy still holds is paid for, and told apart. */
export const afterMs = 30 * msPerMinute;

export interface Span {
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  /** The starts of its windows, ascending, each once. */
  readonly windowsAtMs: readonly EpochMs[];
}

export type Phase = 'lead' | 'window' | 'after';

export function spansOf(startsAtMs: readonly EpochMs[]): Span[] {
  const spans: Span[] = [];
  for (const atMs of [...new Set(startsAtMs)].sort((a, b) => a - b)) {
    const last = spans.at(-1);
    const untilMs = atMs + windowMs + afterMs;
    if (last && atMs - leadMs < last.untilMs)
      spans[spans.length - 1] = { ...last, untilMs, windowsAtMs: [...last.windowsAtMs, atMs] };
    else spans.push({ fromMs: atMs - leadMs, untilMs, windowsAtMs: [atMs] });
  }
  return spans;
}

/** A minute of two windows counts once; one that is after a window and before the next is paid for by the next. */
export function phaseOf({ windowsAtMs }: Span, atMs: EpochMs): Phase {
  if (windowsAtMs.some((startMs) => startMs <= atMs && atMs < startMs + windowMs)) return 'window';
  return windowsAtMs.some((startMs) => startMs - leadMs <= atMs && atMs < startMs) ? 'lead' : 'after';
}
