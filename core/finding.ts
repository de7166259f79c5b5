/** One detector's opinion about one key: what is not as it should be, since when, and how it is known. */
import type { Json } from './json.ts';
import type { EpochMs } from './time.ts';
import type { WindowKey } from './window.ts';

export interface Finding {
  /** Name in the registry: `error-ratio`, `latency-shift`. */
  readonly detector: string;
  readonly key: WindowKey;
  /** The first second that speaks for it. */
  readonly startsAtMs: EpochMs;
  /** The second up to which it was judged. */
  readonly atMs: EpochMs;
  /** Evidence over the threshold that the alert budget sets: 1 is just enough. */
  readonly score: number;
  /** `notice`: worth knowing, harms nobody (a surge that is served). `trouble`: requests are harmed, or will be. */
  readonly weight: 'notice' | 'trouble';
  /** Share of the key's requests that are harmed since `startsAtMs`: failed, throttled, or slower than four times the median of its baseline. */
  readonly harmedRatio: number;
  /** Requests a second over the same time, as far as they are known. */
  readonly requestsPerSecond?: number;
  /** One sentence with its numbers, for people. */
  readonly because: string;
  /** The numbers of that sentence, for programs. */
  readonly evidence: Readonly<Record<string, Json>>;
  /** Trace ids worth opening. */
  readonly traceIds: readonly string[];
}
