/** Metrics of many nodes in rows of equal length, as a monitoring system exports them. */
import type { EpochMs } from './time.ts';

export interface MetricTable {
  /** Starts of the rows, ascending. */
  readonly rowsAtMs: readonly EpochMs[];
  readonly rowMs: number;
  /** By node, then by metric (`latency`, `availability`, `requests`): a value a row, undefined where nothing was measured. */
  readonly series: ReadonlyMap<string, ReadonlyMap<string, readonly (number | undefined)[]>>;
}
