/** A detector: one opinion about one key. Pure but for its own memory, which can be written down: restored from it, it answers as before. */
import type { Finding } from '../core/finding.ts';
import type { Json } from '../core/json.ts';
import type { WindowKey } from '../core/window.ts';
import type { Moment } from './moment.ts';

export interface Detector {
  /** What it finds now: the same finding, renewed, for as long as it stands. Scores first, then learns from `moment.clean`, if there is one. */
  inspect(moment: Moment): readonly Finding[];
  /** Evidence over the threshold, from 0; what is in doubt is not learned, long before it is an alert. */
  readonly doubt: number;
  /** Nothing is gathered: until something bad arrives, or a minute is to be learned, inspecting again would change nothing. Left out: never so. */
  readonly isAsleep?: boolean;
  snapshot(): Json;
}

export interface DetectorOptions {
  readonly key: WindowKey;
  /** log(1/alpha), from the alert budget. */
  readonly logThreshold: number;
  /** How a business signal adds up; undefined for all that is none. */
  readonly signal?: SignalAggregation;
}

/**
 * How the spans of a business signal add up. `ratio`: the share of which its condition holds; `quantile`: how its values are distributed (both are trouble
 * when they rise). `count` and `sum`: how many, and how much, a second (trouble when they leave what is usual, either way).
 */
export type SignalAggregation = 'count' | 'sum' | 'ratio' | 'quantile';

export type KeyKind = 'edge' | 'node' | 'signal';

export interface DetectorEntry {
  /** What it can have an opinion about. */
  readonly judges: readonly KeyKind[];
  /** `rate`: how many calls there are, or what they cost; its doubt keeps nothing else from being learned. Left out: how they look. */
  readonly about?: 'rate';
  create(options: DetectorOptions, snapshot?: Json): Detector;
}

export const nothingFound: readonly Finding[] = [];

export function kindOf(key: WindowKey): KeyKind {
  return key.startsWith('edge:') ? 'edge' : key.startsWith('signal:') ? 'signal' : 'node';
}
