/**
 * How large 24 hours of pre-warming are for 2,000 functions: a virtual day written through the store itself, and the file measured.
 *
 * The volume of every function each minute, looks as fast as the call budget lets them through all day long, a plan an hour that names every function, and four Puts a function with
 * their outcomes. What spans showed is measured by store-spans.ts.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditDraft } from '../core/audit.ts';
import type { Json } from '../core/json.ts';
import type { LogRecord } from '../core/ports.ts';
import { createRandom } from '../core/random.ts';
import { msPerDay, msPerMinute, msPerSecond } from '../core/time.ts';
import { createAuditChain, genesisHash } from '../store/audit-log.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import { sealTick } from '../store/tick-log.ts';

const functionCount = 2_000;
const dayAtMs = Date.UTC(2026, 10, 20);

/** What the file may take; docs/benchmarks.md states it. */
const mebibyte = 1_048_576;
const boundBytes = 128 * mebibyte;

export async function measureDay(seed: number, print: (line: string) => void): Promise<void> {
  const { fileBytes, rowCount, contentBytes } = await writeDay(factsOfDay(seed));
  const verdict = fileBytes <= boundBytes ? 'within' : 'ABOVE';
  print(
    `day    ${functionCount} functions, facts and audit of pre-warming, 24 h, seed ${seed}: ${rowCount} rows, ${inMebibytes(contentBytes)} as they were sealed, ${inMebibytes(fileBytes)} on disk, ${verdict} the bound of ${inMebibytes(boundBytes)}`,
  );
  if (fileBytes > boundBytes) process.exitCode = 1;
}

interface Batch {
  readonly records: readonly LogRecord[];
  /** Of the content before it was packed. */
  readonly contentBytes: number;
}

async function writeDay(
  batches: Iterable<Batch>,
): Promise<{ fileBytes: number; rowCount: number; contentBytes: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'foreshock-bench-'));
  try {
    const path = join(folder, 'store.db');
    const store = await openEmbeddedStore(path);
    let head = 0;
    let contentBytes = 0;
    for (const batch of batches) {
      head = await store.append(batch.records, head);
      contentBytes += batch.contentBytes;
    }
    // Closing folds the write-ahead log back: the file is all there is.
    await store.close();
    return { fileBytes: statSync(path).size, rowCount: head, contentBytes };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const keyOf = (index: number): string => `123456789012/us-east-1/service-${index % 40}-function-${index}:live`;

/** Two looks and a half a second: what five calls a second let through. */
const looksPerSecond = 2.5;

function* factsOfDay(seed: number): Generator<Batch> {
  const random = createRandom(`${seed}/facts`);
  let chain = createAuditChain();
  let prevHash = genesisHash;
  let looked = 0;
  const putsPerSecond = (4 * functionCount) / (msPerDay / msPerSecond);
  for (let atMs = dayAtMs; atMs < dayAtMs + msPerDay; atMs += msPerSecond) {
    const facts: Json[] = [];
    const pursuits: Record<string, Json> = {};
    if (atMs % msPerMinute === 0) {
      for (let index = 0; index < functionCount; index++) {
        const requestCount = random.poisson(60 * (1 + (index % 50)));
        facts.push({ kind: 'volume', key: keyOf(index), bucketAtMs: atMs - msPerMinute, requestCount });
      }
    }
    const lookCount = Math.floor(looksPerSecond + random.next());
    for (let look = 0; look < lookCount; look++) {
      const key = keyOf(looked++ % functionCount);
      const observed = observedOf(key, atMs);
      facts.push({ kind: 'observed', observed });
      pursuits[key] = pursuitOf(observed, atMs);
    }
    const text = JSON.stringify({ atMs, facts, pursuits, opened: {} });
    const tick = sealTick(text, { prevHash, atMs });
    prevHash = tick.hash;
    const drafts = Array.from({ length: Math.floor(putsPerSecond + random.next()) }, () =>
      actionDrafts(keyOf(Math.floor(functionCount * random.next())), atMs),
    ).flat();
    if (atMs % (60 * msPerMinute) === 0) drafts.push(planDraft(atMs));
    const { records, next } = chain.extend(drafts);
    chain = next;
    const contentBytes = text.length + records.reduce((sum, { bytes }) => sum + bytes.length, 0);
    yield { records: [tick.record, ...records], contentBytes };
  }
}

function observedOf(key: string, atMs: number): Json {
  const provisioned = { requested: 40, allocated: 40, available: 40, status: 'READY' };
  return { key, atMs: atMs - 137, version: '42', hasRoutingWeights: false, provisioned };
}

function pursuitOf(observed: Json, atMs: number): Json {
  const levels = {
    wantedConcurrency: 40,
    concurrency: 40,
    baselineConcurrency: 0,
    askedConcurrency: 40,
    oursConcurrencyMax: 40,
  };
  const times = { sinceMs: atMs - 600_000, askedAtMs: atMs - 700_000, readyAtMs: atMs - 600_000 };
  const lastOutcome = { kind: 'accepted', atMs: atMs - 700_000 };
  return { state: 'ready', ...levels, ...times, attemptCount: 0, lookFailedCount: 0, lastOutcome, observed };
}

const because = 'nfp at 13:30Z: the 0.95 quantile of the peak minute needs 40 warm, ceiling 200, 0.42 USD an hour';

function actionDrafts(key: string, atMs: number): AuditDraft[] {
  const asked = {
    kind: 'hold-provisioned-concurrency',
    key,
    concurrency: 40,
    untilMs: atMs,
    deadlineMs: atMs,
    because,
  };
  return [
    { atMs, kind: 'action.intended', actor: 'engine', body: { ...asked, attempt: 1 } },
    {
      atMs,
      kind: 'action.outcome',
      actor: 'engine',
      body: { function: key, concurrency: 40, outcome: { kind: 'accepted', atMs } },
    },
  ];
}

function planDraft(atMs: number): AuditDraft {
  const keys = Array.from({ length: functionCount }, (_, index) => keyOf(index));
  const levels = {
    concurrency: 40,
    concurrencyWanted: 40,
    bindingLimit: 'concurrency',
    usd: 0.42,
    eventAtMs: atMs,
    because,
  };
  const steps = keys.map((key) => ({
    function: key,
    fromMs: atMs,
    untilMs: atMs,
    readyByMs: atMs,
    ...levels,
    eventId: 'nfp@2026-11-20T13:30:00Z',
  }));
  const forecasts = keys.map((key) => ({
    function: key,
    model: 'session-event/1',
    issuedAtMs: atMs,
    sha256: hashOf(`${key} ${atMs}`),
  }));
  return {
    atMs,
    kind: 'plan.decided',
    actor: 'engine',
    body: { because: `${functionCount} steps`, steps, inputs: { forecasts } },
  };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function inMebibytes(bytes: number): string {
  return `${(bytes / mebibyte).toFixed(0)} MiB`;
}
