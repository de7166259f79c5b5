/**
 * Rows a second from a packed CSV history to a series, beside the reader that one would write first: node:readline, split and Date.parse.
 * Both read the same file in the same run, in turn; the answer is the median of five.
 */
import { createReadStream } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { createGunzip } from 'node:zlib';
import { readVolumeCsv } from '../collectors/volume-csv.ts';
import { assert } from '../core/assert.ts';

const runCount = 5;

/** `--data DIR`: a folder of the form of `../shared/data`. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { data: { type: 'string', default: '../shared/data' } } });
  const path = join(values.data, 'market', 'XAGUSD-1m.csv.gz');
  const ours: number[] = [];
  const peer: number[] = [];
  let sha256 = '';
  for (let round = 0; round < runCount; round++) {
    const own = await timed(() => readVolumeCsv(path));
    const other = await timed(() => readWithReadline(path));
    assert(own.result.rowCount === other.result.size, 'both readers see the same rows');
    sha256 = own.result.sha256;
    ours.push(own.result.rowCount / own.seconds);
    peer.push(other.result.size / other.seconds);
  }
  const say = (name: string, value: string): void => void process.stdout.write(`${name.padEnd(18)}${value}\n`);
  const millions = (rates: readonly number[]): string =>
    `${(median(rates) / 1e6).toFixed(2)} M rows/s (${rates.map((rate) => (rate / 1e6).toFixed(2)).join(', ')})`;
  say('data', `${path}, sha256 of the CSV ${sha256.slice(0, 16)}`);
  say(
    'machine',
    `Node ${process.version}, ${String(cpus().length)} × ${cpus()[0]?.model ?? 'unknown'}; no seed: nothing is random`,
  );
  say('foreshock', millions(ours));
  say('readline + split', millions(peer));
  say('ratio', (median(ours) / median(peer)).toFixed(1));
}

async function timed<Result>(work: () => Promise<Result>): Promise<{ result: Result; seconds: number }> {
  const startMs = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - startMs) / 1_000 };
}

/** No checks, no counts, no grid: the least that a reader can do. */
async function readWithReadline(path: string): Promise<Map<number, number>> {
  const rows = new Map<number, number>();
  const lines = createInterface({ input: createReadStream(path).pipe(createGunzip()), crlfDelay: Infinity });
  for await (const line of lines) {
    const [ts, volume] = line.split(',');
    const atMs = Date.parse(ts ?? '');
    if (!Number.isNaN(atMs)) rows.set(atMs, Number(volume));
  }
  return rows;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
