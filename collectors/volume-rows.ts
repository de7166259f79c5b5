/**
 * Where the rows of a history go once they are read: held back until the bucket length is known, then onto the grid, with every row that
 * does not fit counted and the first ones named.
 */
import { assert } from '../core/assert.ts';
import { InputError } from '../core/errors.ts';
import { formatInstant, msPerDay, msPerSecond, type EpochMs } from '../core/time.ts';
import type { VolumeSeries } from '../core/volume-series.ts';
import { showText } from './csv-fields.ts';
import { bucketCountMax, createVolumeGrid, inferStepMs, type VolumeGrid } from './volume-grid.ts';

export interface VolumeRowsOptions {
  /** How messages call the source: the path as the user gave it. */
  readonly name: string;
  /** Length of a bucket; without it, what the first rows say. */
  readonly stepMs?: number;
}

export interface BadRow {
  readonly line: number;
  readonly text: string;
  readonly reason: string;
}

export interface VolumeHistory {
  readonly series: VolumeSeries;
  /** Rows kept, double ones included. */
  readonly rowCount: number;
  /** Rows outside [fromMs, untilMs). */
  readonly droppedRowCount: number;
  readonly badRows: { readonly count: number; readonly first: readonly BadRow[] };
  readonly duplicateRowCount: number;
  readonly unorderedRowCount: number;
  /** Start of the first and of the last bucket that a row was kept for. */
  readonly firstAtMs: EpochMs;
  readonly lastAtMs: EpochMs;
  /** Of all CSV bytes after decompression (what `zcat F | sha256sum` prints), rows outside the bounds included. */
  readonly sha256: string;
}

const badRowsListedMax = 10;
const badRowRatioMax = 0.01;
/** Lines that are no rows, once they outnumber the rows: the file is something else, and perhaps made to keep us busy. */
const wasteLineCountMax = 1_000_000;
/** Rows that decide the bucket length before any is put on the grid. */
const stepRowCount = 1_024;
const stepMsMin = msPerSecond;
const stepMsMax = msPerDay;

export interface VolumeRows {
  add(atMs: EpochMs, volume: number, line: number): void;
  drop(): void;
  /** A blank line. */
  skip(line: number): void;
  reject(line: number, text: string, reason: string): void;
  finish(): Omit<VolumeHistory, 'sha256'>;
}

export function createVolumeRows({ name, stepMs: stepMsGiven }: VolumeRowsOptions): VolumeRows {
  assert(
    stepMsGiven === undefined || (stepMsGiven >= stepMsMin && stepMsGiven <= stepMsMax),
    'a bucket is 1 s to 1 day long',
  );
  let grid: VolumeGrid | undefined = stepMsGiven === undefined ? undefined : createVolumeGrid(stepMsGiven);
  let stepMs = stepMsGiven ?? NaN;
  let waiting: { atMs: EpochMs; volume: number; line: number }[] = [];
  let badRowCount = 0;
  let droppedRowCount = 0;
  let blankLineCount = 0;
  const badRows: BadRow[] = [];

  const checkWaste = (line: number): void => {
    const wasteLineCount = badRowCount + blankLineCount;
    const rowCount = (grid?.rowCount ?? waiting.length) + droppedRowCount;
    if (wasteLineCount <= wasteLineCountMax || wasteLineCount <= rowCount) return;
    throw new InputError(
      'history-bad-rows',
      `${name}:${line}: ${badRowCount} bad rows and ${blankLineCount} blank lines so far beside ${rowCount} rows; is this a history?`,
    );
  };

  const reject = (line: number, text: string, reason: string): void => {
    badRowCount++;
    checkWaste(line);
    if (badRows.length < badRowsListedMax) badRows.push({ line, text: showText(text), reason });
  };

  const put = (to: VolumeGrid, atMs: EpochMs, volume: number, line: number): void => {
    const answer = to.put(atMs, volume);
    if (answer === 'kept') return;
    const text = `${formatInstant(atMs)},${volume}`;
    if (answer === 'off-grid') {
      reject(line, text, `ts is not the start of a bucket of ${stepMs / 1_000} s`);
      return;
    }
    throw new InputError(
      'history-span',
      `${name}:${line}: ${formatInstant(atMs)} stretches the history beyond ${bucketCountMax} buckets of ${stepMs / 1_000} s; ` +
        'mend the date, or read a part of the file',
    );
  };

  const start = (): VolumeGrid => {
    stepMs = inferStepMs(waiting.map((row) => row.atMs)) ?? NaN;
    if (Number.isNaN(stepMs)) throw tooFew();
    if (stepMs < stepMsMin || stepMs > stepMsMax) {
      throw new InputError(
        'history-step',
        `${name}: the first rows lie ${stepMs / 1_000} s apart; a history has buckets of 1 s to 1 day, most rows in order`,
      );
    }
    const started = createVolumeGrid(stepMs);
    for (const row of waiting) put(started, row.atMs, row.volume, row.line);
    waiting = [];
    return started;
  };

  const tooFew = (): InputError => {
    const [bad] = badRows;
    const why = bad === undefined ? '' : `; line ${bad.line} is ${bad.text}: ${bad.reason}`;
    const dropped = droppedRowCount === 0 ? '' : `, ${droppedRowCount} outside the bounds asked for`;
    const kept = grid?.rowCount ?? waiting.length;
    return new InputError('history-rows', `${name}: too few rows (${kept} usable, ${badRowCount} bad${dropped})${why}`);
  };

  return {
    add(atMs, volume, line) {
      if (grid !== undefined) put(grid, atMs, volume, line);
      else if (waiting.push({ atMs, volume, line }) === stepRowCount) grid = start();
    },
    drop() {
      droppedRowCount++;
    },
    skip(line) {
      blankLineCount++;
      checkWaste(line);
    },
    reject,
    finish() {
      grid ??= start();
      const { rowCount, duplicateRowCount, unorderedRowCount } = grid;
      const isRotten = badRowCount > badRowsListedMax && badRowCount > badRowRatioMax * (rowCount + badRowCount);
      const series = grid.finish();
      if (series === undefined) throw tooFew();
      if (isRotten) {
        const [bad] = badRows;
        throw new InputError(
          'history-bad-rows',
          `${name}: ${badRowCount} of ${rowCount + badRowCount} rows are bad (at most 1 % may be); ` +
            `the first is line ${bad!.line}, ${bad!.text}: ${bad!.reason}`,
        );
      }
      return {
        series,
        rowCount,
        droppedRowCount,
        badRows: { count: badRowCount, first: badRows.sort((a, b) => a.line - b.line) },
        duplicateRowCount,
        unorderedRowCount,
        firstAtMs: series.fromMs,
        lastAtMs: series.fromMs + (series.values.length - 1) * series.stepMs,
      };
    },
  };
}
