/**
 * What being durable costs: appends a second as the service makes them (one tick row and two audit events, one commit), and rows a second
 * in bulk; how large a day is (store-day.ts), and what spans showed (store-spans.ts); how long a start takes (store-recovery.ts). The peer, in the same run, writes the same bytes to a plain file and calls fsync after each batch: nobody is durable for less.
 */
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { AuditDraft } from '../core/audit.ts';
import type { LogRecord } from '../core/ports.ts';
import { createRandom } from '../core/random.ts';
import { createAuditChain } from '../store/audit-log.ts';
import { verifyAudit } from '../store/audit-verify.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import { measureDay } from './store-day.ts';
import { measureRecovery } from './store-recovery.ts';
import { measureSpans } from './store-spans.ts';

const seed = 20_240_917;
const tickByteCount = 400;
const bulkRowCount = 600;
const bulkByteCount = 200;

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { appends: { type: 'string', default: '2000' } } });
  const appendCount = Number(values.appends);
  const folder = mkdtempSync(join(tmpdir(), 'foreshock-bench-'));
  print(
    `store: seed ${seed}, Node ${process.version}, SQLite ${process.versions['sqlite'] ?? '?'}, ${cpus().length} cores, ${folder}`,
  );
  try {
    const ticks = tickBatches(appendCount);
    const bulk = bulkBatches(Math.ceil(appendCount / 10));
    for (const round of [1, 2, 3]) {
      const store = await timeStore(join(folder, `ticks-${round}.db`), ticks);
      const file = timeFile(join(folder, `ticks-${round}.log`), ticks);
      print(
        `round ${round}  ticks  store ${perSecond(ticks.length, store)} appends/s  file ${perSecond(ticks.length, file)}  ${ratio(file, store)}`,
      );
      const storeBulk = await timeStore(join(folder, `bulk-${round}.db`), bulk);
      const fileBulk = timeFile(join(folder, `bulk-${round}.log`), bulk);
      const rowCount = bulk.length * bulkRowCount;
      print(
        `round ${round}  bulk   store ${perSecond(rowCount, storeBulk)} rows/s     file ${perSecond(rowCount, fileBulk)}  ${ratio(fileBulk, storeBulk)}`,
      );
    }
    await timeReading(join(folder, 'ticks-1.db'));
    await measureDay(seed, print);
    await measureSpans(seed, print);
    await measureRecovery(seed, print);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function tickBatches(batchCount: number): LogRecord[][] {
  const random = createRandom(seed);
  let chain = createAuditChain();
  return Array.from({ length: batchCount }, (_, index) => {
    const atMs = 1_700_000_000_000 + 1_000 * index;
    const { records, next } = chain.extend([draftOf(atMs, 'action.intended'), draftOf(atMs, 'action.outcome')]);
    chain = next;
    return [{ stream: 'tick', atMs, bytes: randomBytes(tickByteCount) }, ...records];
  });

  function randomBytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => Math.floor(256 * random.next()));
  }
}

function draftOf(atMs: number, kind: AuditDraft['kind']): AuditDraft {
  const because = 'payrolls at 12:30Z: 0.95 quantile of the peak minute needs 40 warm, ceiling 200, 0.42 USD an hour';
  return {
    atMs,
    kind,
    actor: 'engine',
    body: { because, key: '123456789012/us-east-1/orders-validate:live', concurrency: 40 },
  };
}

function bulkBatches(batchCount: number): LogRecord[][] {
  const bytes = new Uint8Array(bulkByteCount).map((_, index) => (index * 151) & 255);
  return Array.from({ length: batchCount }, (_, index) =>
    Array.from({ length: bulkRowCount }, () => ({ stream: 'tick' as const, atMs: index, bytes })),
  );
}

async function timeStore(path: string, batches: readonly LogRecord[][]): Promise<number> {
  const store = await openEmbeddedStore(path);
  const beganAtMs = performance.now();
  let head = 0;
  for (const batch of batches) head = await store.append(batch, head);
  const tookMs = performance.now() - beganAtMs;
  await store.close();
  return tookMs;
}

function timeFile(path: string, batches: readonly LogRecord[][]): number {
  const file = openSync(path, 'w');
  const beganAtMs = performance.now();
  for (const batch of batches) {
    writeSync(file, Buffer.concat(batch.map(({ bytes }) => bytes)));
    fsyncSync(file);
  }
  const tookMs = performance.now() - beganAtMs;
  closeSync(file);
  return tookMs;
}

async function timeReading(path: string): Promise<void> {
  const store = await openEmbeddedStore(path, { readOnly: true });
  let rowCount = 0;
  const readAtMs = performance.now();
  for await (const { position } of store.read(0)) rowCount = position + 1;
  const verifyAtMs = performance.now();
  const { verified, eventCount } = await verifyAudit(store);
  const endedAtMs = performance.now();
  await store.close();
  print(
    `read ${perSecond(rowCount, verifyAtMs - readAtMs)} rows/s; verify ${perSecond(eventCount, endedAtMs - verifyAtMs)} events/s (verified: ${verified})`,
  );
}

function perSecond(count: number, tookMs: number): string {
  return Math.round((1_000 * count) / tookMs).toString();
}

function ratio(peerMs: number, oursMs: number): string {
  return `ratio ${(peerMs / oursMs).toFixed(2)}`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
