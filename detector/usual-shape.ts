/**
 * How long calls usually take: the whole distribution, and how likely what came is under it, against stories of it having become slower.
 *
 * Mental model: a histogram of four cells to an octave, fading over days, moved along the scale by how this hour of the day differs. "Nothing is wrong" is not one
 * distribution but a family: this one, moved by -1 to +2 cells (0.84 to 1.41 times), with up to 3 % of slow strangers in it (cold starts, garbage
 * collection). A story is the same distribution of which all, or a fifth, became 1.7 to 2.8, 2.8 to 8, or 8 to 128 times slower. The e-value is the story's
 * likelihood over the *largest* in the family: its mean is at most 1 under every member.
 *
 * - Wasserman, Ramdas & Balakrishnan, Universal inference, PNAS 117 (2020), for the maximum in the denominator.
 */
import { middleOf } from '../core/histogram.ts';
import type { Json } from '../core/json.ts';
import { msPerDay, msPerHour, type EpochMs } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import { bucketsPerCell, cellCount, cellsPerOctave, spansOfRequest, type LearningMinute } from './learning-minute.ts';

const hourCount = 24;
const keepPerHour = 2 ** (-1 / 24);
/** Busy hours do not drown the others: a minute weighs at most this many spans. */
const minuteSpansMax = 2_000;
const spansToReady = 300;
const strangerRatio = 0.03;
/** Strangers lie anywhere in the six octaves above the median. */
const strangerCells = 6 * cellsPerOctave;
const rareRatio = 1e-7;
const nullMoves = [-1, 0, 1, 2] as const;
const storyMoves = [
  { from: 3, until: 6 },
  { from: 6, until: 12 },
  { from: 12, until: 28 },
] as const;
const storyShares = [1, 0.2] as const;
export const shapeStoryCount = storyMoves.length * storyShares.length;
const rowCount = nullMoves.length + shapeStoryCount;
const hourGain = 0.02;
const dependenceGain = 1 / 480;
const dependenceMin = 1.5;
const dependenceMax = 40;
const dependenceMargin = 1.2;

export interface UsualShape {
  /** Undefined before 300 spans were learned. */
  readonly medianMs: number | undefined;
  /** The bucket of the packed histogram from which a duration is over four times the median; Infinity before the median is known. */
  readonly slowFromBucket: number;
  /** From where on a duration speaks for a story, so that a cold start may explain it: less than twice the median. */
  readonly slowerFromBucket: number;
  /**
   * Writes the logarithm of each story's e-value of what arrived, as spans that were received. False where nothing is known yet.
   */
  weigh(arrival: ShapeArrival, logE: Float64Array): boolean;
  learn(minute: LearningMinute): void;
  snapshot(): Json;
}

export interface ShapeArrival {
  readonly deltas: readonly WindowDelta[];
  readonly atMs: EpochMs;
  /** So many of the slow spans have an explanation, and are left out. */
  readonly explainedCount: number;
}

interface Kept {
  readonly cells: readonly (readonly [cell: number, weight: number])[];
  readonly hours: readonly number[];
  readonly dependence: number;
  readonly minuteCount: number;
}

export function createUsualShape(snapshot?: Json): UsualShape {
  const kept = snapshot as unknown as Kept | undefined;
  const cells = new Float64Array(cellCount);
  for (const [cell, weight] of kept?.cells ?? []) cells[cell] = weight;
  const hours = Float64Array.from(kept?.hours ?? new Array<number>(hourCount).fill(0));
  let dependence = kept?.dependence ?? 3;
  let minuteCount = kept?.minuteCount ?? 0;
  let slowFromBucket = Infinity;
  let slowerFromBucket = Infinity;
  let medianMs: number | undefined;
  /**
   * By cell, `rowCount` together, since they are read together: the family of nothing wrong, then the stories; undefined until asked for after something was
   * learned.
   */
  let tables: Float32Array | undefined;
  let tablesHour = -1;
  const sums = new Float64Array(rowCount);

  const measure = (): void => {
    const median = medianCell(cells);
    if (median === undefined) return;
    medianMs = middleOf(median * bucketsPerCell + bucketsPerCell / 2);
    slowFromBucket = (median + 2 * cellsPerOctave) * bucketsPerCell + bucketsPerCell / 2;
    slowerFromBucket = (median + storyMoves[0].from) * bucketsPerCell;
  };
  measure();
  return {
    get medianMs() {
      return medianMs;
    },
    get slowFromBucket() {
      return slowFromBucket;
    },
    get slowerFromBucket() {
      return slowerFromBucket;
    },
    weigh({ deltas, atMs, explainedCount }, logE) {
      if (medianMs === undefined) return false;
      const hour = hourOf(atMs);
      if (!tables || hour !== tablesHour) {
        tables = tablesOf(cells, Math.round(hours[hour]!));
        tablesHour = hour;
      }
      sums.fill(0);
      let left = explainedCount;
      for (const delta of deltas) left = addLikelihoods(delta, left);
      let kindest = -Infinity;
      for (let row = 0; row < nullMoves.length; row++) kindest = Math.max(kindest, sums[row]!);
      const divisor = Math.min(dependenceMax, Math.max(dependenceMin, dependenceMargin * dependence));
      for (let story = 0; story < shapeStoryCount; story++)
        logE[story] = (sums[nullMoves.length + story]! - kindest) / divisor;
      return true;
    },
    learn(minute) {
      let count = 0;
      for (let cell = 0; cell < cellCount; cell++) count += minute.cells[cell]!;
      if (count === 0) return;
      const weight = Math.min(1, minuteSpansMax / count);
      const move = Math.round(hours[hourOf(minute.fromMs)]!);
      learnHour(minute, count);
      learnDependence(minute);
      if (minuteCount % 60 === 59) for (let cell = 0; cell < cellCount; cell++) cells[cell]! *= keepPerHour;
      for (let cell = 0; cell < cellCount; cell++) {
        const seen = minute.cells[cell]!;
        if (seen > 0) cells[Math.max(0, Math.min(cellCount - 1, cell - move))]! += seen * weight;
      }
      minuteCount++;
      // Early on each minute tells much; later the tables are renewed four times an hour.
      if (minuteCount < 60 || minuteCount % 15 === 0) {
        tables = undefined;
        measure();
      }
    },
    snapshot: () => ({
      cells: [...cells.entries()].filter(([, weight]) => weight > 0),
      hours: [...hours],
      dependence,
      minuteCount,
    }),
  };

  /** From the slowest down; answers how many are left to be explained. */
  function addLikelihoods(delta: WindowDelta, explained: number): number {
    const { durationMs } = delta;
    const scale = spansOfRequest(delta);
    let left = explained;
    for (let index = durationMs.length - 2; index >= 0; index -= 2) {
      const bucket = durationMs[index]!;
      let count = durationMs[index + 1]! * scale;
      if (left > 0 && bucket >= slowerFromBucket) {
        const taken = Math.min(left, count);
        left -= taken;
        count -= taken;
      }
      const start = (bucket >> 3) * rowCount;
      for (let row = 0; row < rowCount; row++) sums[row]! += count * tables![start + row]!;
    }
    return left;
  }

  /** How far this hour's mean place lies from that of all hours. */
  function learnHour(minute: LearningMinute, count: number): void {
    const overall = meanPlace(cells);
    if (overall === undefined || minuteCount < 60) return;
    const hour = hourOf(minute.fromMs);
    const here = (meanPlace(minute.cells) ?? overall) - overall;
    hours[hour]! += hourGain * Math.min(1, count / 50) * (Math.max(-8, Math.min(8, here)) - hours[hour]!);
  }

  /** Variance of ten seconds' mean place over what independent calls would give: calls that are slow together are not so many witnesses. */
  function learnDependence(minute: LearningMinute): void {
    const variance = placeVariance(minute.cells);
    let count = 0;
    let sum = 0;
    let blockCount = 0;
    for (const block of minute.blocks) {
      if (block.placeCount === 0) continue;
      count += block.placeCount;
      sum += block.placeSum;
      blockCount++;
    }
    if (blockCount < 3 || variance <= 0) return;
    const mean = sum / count;
    let spread = 0;
    for (const { placeCount, placeSum } of minute.blocks)
      if (placeCount > 0) spread += placeCount * (placeSum / placeCount - mean) ** 2;
    const seen = spread / (blockCount - 1) / variance;
    dependence += dependenceGain * (Math.min(seen, 4 * dependence) - dependence);
  }
}

function tablesOf(cells: Float64Array, hourMove: number): Float32Array {
  const usual = smoothed(moved(cells, hourMove, hourMove + 1));
  const median = (medianCell(cells) ?? 0) + hourMove;
  const strangers = new Float64Array(cellCount);
  for (let cell = median; cell < Math.min(cellCount, median + strangerCells); cell++)
    strangers[cell] = 1 / strangerCells;
  const rows = nullMoves.map((move) => moved(usual, move, move + 1));
  for (const { from, until } of storyMoves)
    for (const share of storyShares) {
      const slower = moved(usual, from, until);
      rows.push(slower.map((ratio, cell) => share * ratio + (1 - share) * usual[cell]!));
    }
  const tables = new Float32Array(cellCount * rowCount);
  for (const [row, ratios] of rows.entries())
    for (const [cell, ratio] of ratios.entries())
      tables[cell * rowCount + row] = Math.log(
        (1 - strangerRatio) * ratio + strangerRatio * strangers[cell]! + rareRatio,
      );
  return tables;
}

/** The mean of a distribution moved up by each of [from, until) cells; what leaves the scale stays at its end. */
function moved(cells: Float64Array, from: number, until: number): Float64Array {
  const result = new Float64Array(cellCount);
  for (let cell = 0; cell < cellCount; cell++) {
    const ratio = cells[cell]! / (until - from);
    if (ratio === 0) continue;
    for (let move = from; move < until; move++) result[Math.max(0, Math.min(cellCount - 1, cell + move))]! += ratio;
  }
  return result;
}

/** Shares of one, with a quarter of each cell lent to either neighbour: a histogram of few spans has gaps that mean nothing. */
function smoothed(cells: Float64Array): Float64Array {
  const total = cells.reduce((sum, weight) => sum + weight, 0);
  return cells.map(
    (weight, cell) => (0.5 * weight + 0.25 * (cells[cell - 1] ?? 0) + 0.25 * (cells[cell + 1] ?? 0)) / total,
  );
}

function medianCell(cells: Float64Array): number | undefined {
  const total = cells.reduce((sum, weight) => sum + weight, 0);
  if (total < spansToReady) return undefined;
  let seen = 0;
  for (let cell = 0; cell < cellCount; cell++) {
    seen += cells[cell]!;
    if (seen >= total / 2) return cell;
  }
  return undefined;
}

function meanPlace(cells: Float64Array): number | undefined {
  let count = 0;
  let sum = 0;
  for (let cell = 0; cell < cellCount; cell++) {
    count += cells[cell]!;
    sum += cell * cells[cell]!;
  }
  return count > 0 ? sum / count : undefined;
}

function placeVariance(cells: Float64Array): number {
  const mean = meanPlace(cells) ?? 0;
  let count = 0;
  let sum = 0;
  for (let cell = 0; cell < cellCount; cell++) {
    count += cells[cell]!;
    sum += cells[cell]! * (cell - mean) ** 2;
  }
  return count > 0 ? sum / count : 0;
}

function hourOf(atMs: EpochMs): number {
  return Math.floor((atMs % msPerDay) / msPerHour);
}
