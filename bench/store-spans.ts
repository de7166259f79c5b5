/**
 * How much room what spans show takes: seconds and minutes of a drawn fleet (fleet-spans.ts), written as the service writes them, into a store of their own, and the file measured.
 *
 * An hour of the day is drawn by one second and one minute of each of its 24: a day is 3,600 times the 24 seconds and 60 times the 24 minutes. Names stand in a dictionary, as they
 * do from the second tick on. What both streams come to when nothing of them grows any more is the bound.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogRecord } from '../core/ports.ts';
import { msPerHour, msPerMinute, msPerSecond } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import { sealDeltas } from '../store/delta-log.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import { sealMinute } from '../store/minute-log.ts';
import { thinDeltas } from '../store/packed-deltas.ts';
import { createSpanKeys, type SpanKeys } from '../store/span-keys.ts';
import { createFleetSpans, type FleetSpans } from './fleet-spans.ts';

const dayAtMs = Date.UTC(2026, 10, 20);
const hourCount = 24;
/** The defaults of `retention`. */
const keptHours = 48;
const keptDays = 400;
const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;
/** So many copies of each row are written, that the pages of the file are filled as they would be. */
const copyCount = 4;

/** What it may come to, of 2,000 functions; ten times as much of 20,000. docs/benchmarks.md states it. */
const boundBytesOf = (functionCount: number): number => functionCount * 26 * mebibyte;

export async function measureSpans(seed: number, print: (line: string) => void): Promise<void> {
  for (const functionCount of [2_000, 20_000]) {
    const fleet = createFleetSpans(functionCount, `${seed}/spans`);
    const keys = dictionaryOf(fleet);
    const seconds = await measure((atMs) => {
      const deltas = thinDeltas(fleet.draw(atMs, msPerSecond));
      return { record: sealDeltas(deltas, { keys, atMs }).record, rowCount: deltas.length };
    });
    const minutes = await measure((atMs) => {
      const sums = thinDeltas(fleet.draw(atMs, msPerMinute).map(withoutSender));
      return { record: sealMinute({ atMs, sums }, keys), rowCount: sums.length };
    });
    const dayOfSeconds = (seconds.bytes * msPerHour) / msPerSecond;
    const dayOfMinutes = (minutes.bytes * msPerHour) / msPerMinute;
    const all = dayOfSeconds * (keptHours / hourCount) + dayOfMinutes * keptDays;
    print(`spans  ${functionCount} functions, ${fleet.keyCount} keys, seed ${seed}`);
    print(`  by the second  ${describe(seconds)}, ${(dayOfSeconds / gibibyte).toFixed(2)} GiB a day`);
    print(`  by the minute  ${describe(minutes)}, ${(dayOfMinutes / mebibyte).toFixed(0)} MiB a day`);
    const bound = boundBytesOf(functionCount);
    print(
      `  ${keptHours} h and ${keptDays} d: ${(all / gibibyte).toFixed(1)} GiB, ${all <= bound ? 'within' : 'ABOVE'} the bound of ${(bound / gibibyte).toFixed(0)} GiB`,
    );
    if (all > bound) process.exitCode = 1;
  }
}

interface Measured {
  /** Of the file, for one row of each hour. */
  readonly bytes: number;
  readonly rowCount: number;
}

async function measure(seal: (atMs: number) => { record: LogRecord; rowCount: number }): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'foreshock-bench-'));
  try {
    const path = join(folder, 'store.db');
    const store = await openEmbeddedStore(path);
    const emptyBytes = await foldedBytes(path, store);
    const writing = await openEmbeddedStore(path);
    let rowCount = 0;
    for (let hour = 0; hour < hourCount; hour++) {
      const sealed = seal(dayAtMs + hour * msPerHour);
      rowCount += sealed.rowCount;
      await writing.append(new Array<LogRecord>(copyCount).fill(sealed.record), hour * copyCount);
    }
    const bytes = (await foldedBytes(path, writing)) - emptyBytes;
    return { bytes: bytes / copyCount, rowCount };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Closing folds the write-ahead log back: the file is all there is. */
async function foldedBytes(path: string, store: { close(): Promise<void> }): Promise<number> {
  await store.close();
  return statSync(path).size;
}

/** Ten minutes at noon name nearly all there are. */
function dictionaryOf(fleet: FleetSpans): SpanKeys {
  const names = createSpanKeys();
  names.note(fleet.draw(dayAtMs + 12 * msPerHour, 10 * msPerMinute).map(({ key }) => key));
  names.due()?.take();
  return names.current;
}

function withoutSender({ versions: _versions, selfMsSum: _selfMsSum, ...delta }: WindowDelta): WindowDelta {
  return { ...delta, sender: '', examples: { slowest: [], failed: [] } };
}

function describe({ bytes, rowCount }: Measured): string {
  return `${Math.round(bytes / hourCount / 1024)} KiB of ${Math.round(rowCount / hourCount)} keys (${(bytes / rowCount).toFixed(1)} bytes each)`;
}
