/**
 * What is said between the world and a system that lives in a process of its own. The world gives it time; it tells the world when it is about to act, and
 * what it has made durable.
 */
import type { FunctionKey } from '../../core/series-key.ts';
import type { EpochMs } from '../../core/time.ts';
import type { SimulatedDay } from './market.ts';

/** What the process is started with: the demo's cast, on a store in a file. */
export interface LoneStart {
  readonly day: SimulatedDay;
  readonly seed: string;
  /** The span's start, where it is not the day's own. */
  readonly fromMs?: EpochMs | undefined;
  /** The instant at which this process begins: later than the span's start after a restart. */
  readonly nowMs: EpochMs;
  readonly storeFile: string;
  readonly endpointUrl: string;
}

/** Told once its minute is over. */
export interface VolumeTold {
  readonly key: FunctionKey;
  readonly bucketAtMs: EpochMs;
  readonly requestCount: number;
}

export type LoneOrder =
  /** Second by second until `untilMs`. */
  | { readonly kind: 'play'; readonly untilMs: EpochMs; readonly volumes: readonly VolumeTold[] }
  | { readonly kind: 'stop'; readonly because: string }
  /** Answers a question. */
  | { readonly kind: 'go'; readonly id: number };

/** The last event of an append. */
export interface Durable {
  readonly seq: number;
  readonly hash: string;
}

export type LoneReport =
  | { readonly kind: 'began' | 'stopped' }
  | { readonly kind: 'played'; readonly atMs: EpochMs }
  /** A second begins: its calls come from now on, and its tick at its end. */
  | { readonly kind: 'second'; readonly atMs: EpochMs }
  /** An append begins. `isOfAction`: an intent or an outcome is in it. */
  | { readonly kind: 'appending'; readonly isOfAction: boolean }
  /** It is on the disk. Nothing follows from it before the `go`. */
  | { readonly kind: 'appended'; readonly isOfAction: boolean; readonly last?: Durable; readonly id: number }
  /** A call is about to go out, and waits for the `go`. */
  | { readonly kind: 'calling'; readonly atMs: EpochMs; readonly id: number };
