/**
 * A minute of one key, added up for learning, kept back for one more minute: what was flagged, or was about to be, is not learned.
 */
import type { EpochMs } from '../core/time.ts';
import type { PackedHistogram, WindowDelta } from '../core/window.ts';

/** Four places of the packed histogram to an octave: durations are told apart by a fifth. */
export const bucketsPerCell = 8;
export const cellCount = 256;
export const cellsPerOctave = 4;
export const blocksPerMinute = 6;

/** Counts of ten seconds, of spans as they were received. */
export interface LearningBlock {
  spanCount: number;
  errorCount: number;
  throttleCount: number;
  coldStartCount: number;
  deadLetterCount: number;
  /** Of the spans' places (cells) on the scale of durations. */
  placeCount: number;
  placeSum: number;
}

export interface LearningMinute {
  fromMs: EpochMs;
  /** Detectors of this key that had a doubt in it: a bit each, by their place in the registry among those of its kind. */
  doubters: number;
  readonly blocks: readonly LearningBlock[];
  /** Spans by duration, `cellsPerOctave` to an octave. */
  readonly cells: Float64Array;
  /** Requests of the seconds that were settled in this minute, and of their square. */
  secondCount: number;
  requestSum: number;
  requestSquareSum: number;
  /** Share of requests that were seen as spans; 0 where it is not known. */
  spanSum: number;
  isRateKnown: boolean;
}

export function createLearningMinute(): LearningMinute {
  return {
    fromMs: 0,
    doubters: 0,
    blocks: Array.from({ length: blocksPerMinute }, () => ({
      spanCount: 0,
      errorCount: 0,
      throttleCount: 0,
      coldStartCount: 0,
      deadLetterCount: 0,
      placeCount: 0,
      placeSum: 0,
    })),
    cells: new Float64Array(cellCount),
    secondCount: 0,
    requestSum: 0,
    requestSquareSum: 0,
    spanSum: 0,
    isRateKnown: true,
  };
}

export function clearMinute(minute: LearningMinute, fromMs: EpochMs): void {
  minute.fromMs = fromMs;
  minute.doubters = 0;
  for (const block of minute.blocks) {
    block.spanCount = 0;
    block.errorCount = 0;
    block.throttleCount = 0;
    block.coldStartCount = 0;
    block.deadLetterCount = 0;
    block.placeCount = 0;
    block.placeSum = 0;
  }
  minute.cells.fill(0);
  minute.secondCount = 0;
  minute.requestSum = 0;
  minute.requestSquareSum = 0;
  minute.spanSum = 0;
  minute.isRateKnown = true;
}

/** Adds durations, scaled from requests to spans. */
export function addDurations(
  minute: LearningMinute,
  block: LearningBlock,
  durations: PackedHistogram,
  scale: number,
): void {
  const { cells } = minute;
  for (let index = 0; index < durations.length; index += 2) {
    const cell = durations[index]! >> 3;
    const count = durations[index + 1]! * scale;
    cells[cell]! += count;
    block.placeCount += count;
    block.placeSum += cell * count;
  }
}

/** Spans received for each that they stand for: counts times this are spans again. */
export function spansOfRequest({ spanCount, requestCount }: WindowDelta): number {
  return requestCount === undefined || requestCount <= spanCount ? 1 : spanCount / requestCount;
}
