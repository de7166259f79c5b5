import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditDraft } from '../core/audit.ts';
import type { LogRecord, Store } from '../core/ports.ts';
import { createAuditChain, genesisHash } from './audit-log.ts';
import { verifyAudit, type AuditVerification } from './audit-verify.ts';
import { openEmbeddedStore } from './embedded.ts';
import { createMemoryStore } from './memory.ts';
import { readAll, record } from './store.contract.ts';

const eventCount = 30;
const drafts = Array.from({ length: eventCount }, (_, seq): AuditDraft => ({
  atMs: 1_000_000 + 1_000 * seq,
  kind: seq % 2 === 0 ? 'action.intended' : 'action.outcome',
  actor: 'engine',
  ...(seq % 2 === 1 && { causeSeq: seq - 1 }),
  body: { because: `events ${seq} need 40 warm until 10:15`, concurrency: 40 + seq },
}));
const {
  records: events,
  next: { head },
} = createAuditChain().extend(drafts);
// Two ticks before each event: the row of event n is 3 n + 2.
const rowOf = (seq: number): number => 3 * seq + 2;
const rows = events.flatMap((event) => [record('tick', event.atMs), record('tick', event.atMs), event]);

let folder: string;
let wholePath: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foreshock-audit-'));
  wholePath = join(folder, 'whole.db');
  const store = await openEmbeddedStore(wholePath);
  await store.append(rows, 0);
  await store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function verifyFile(path: string): Promise<AuditVerification> {
  const store = await openEmbeddedStore(path, { readOnly: true });
  try {
    return await verifyAudit(store);
  } finally {
    await store.close();
  }
}

/** Verifies a copy of the whole store after SQL was run on it, as an intruder with a shell would. */
async function verifyAfter(tamper: (database: DatabaseSync) => void): Promise<AuditVerification> {
  const path = join(folder, 'copy.db');
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
  copyFileSync(wholePath, path);
  const database = new DatabaseSync(path);
  tamper(database);
  database.close();
  return verifyFile(path);
}

const seqNumber = fc.nat(eventCount - 1);

describe('a chain in a file', () => {
  it('holds when nobody touched it, and says what a chain alone cannot prove', async () => {
    expect(await verifyFile(wholePath)).toEqual({
      verified: true,
      eventCount,
      head: { ...head, atMs: drafts.at(-1)!.atMs },
      firstFault: null,
      clockStepBackCount: 0,
      anchor: null,
      cut: null,
    });
  });

  it('shows any flipped bit of a row, at that row', async () => {
    await fc.assert(
      fc.asyncProperty(seqNumber, fc.nat(), fc.nat(7), async (seq, at, bit) => {
        const bytes = Buffer.from(events[seq]!.bytes);
        bytes[at % bytes.length]! ^= 1 << bit;
        const { verified, firstFault } = await verifyAfter((database) => {
          database.prepare('UPDATE audit SET bytes = ? WHERE position = ?').run(bytes, rowOf(seq));
        });
        expect({ verified, position: firstFault?.position }).toEqual({ verified: false, position: rowOf(seq) });
      }),
      { numRuns: 40 },
    );
  });

  it("shows any flipped bit of a row's time, at that row", async () => {
    await fc.assert(
      fc.asyncProperty(seqNumber, fc.nat(40), async (seq, bit) => {
        const { firstFault } = await verifyAfter((database) => {
          const atMs =
            drafts[seq]!.atMs + (Math.floor(drafts[seq]!.atMs / 2 ** bit) % 2 === 0 ? 2 ** bit : -(2 ** bit));
          database.prepare('UPDATE audit SET at_ms = ? WHERE position = ?').run(atMs, rowOf(seq));
        });
        expect(firstFault).toMatchObject({ kind: 'time', position: rowOf(seq), seq });
      }),
      { numRuns: 20 },
    );
  });

  it('says after which row a store cannot be read on', async () => {
    const { firstFault } = await verifyAfter((database) => {
      database.prepare('UPDATE audit SET at_ms = ? WHERE position = ?').run(2n ** 60n, rowOf(9));
    });
    expect(firstFault).toMatchObject({ kind: 'unreadable', position: null });
    expect(firstFault?.message).toContain(`cannot be read after row ${rowOf(8)}: `);
  });

  it('shows removed rows at the first row after them, and names what is missing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: eventCount - 2 }),
        fc.integer({ min: 1, max: 5 }),
        async (first, count) => {
          const after = Math.min(first + count, eventCount - 1);
          const { verified, firstFault } = await verifyAfter((database) => {
            database.prepare('DELETE FROM audit WHERE position BETWEEN ? AND ?').run(rowOf(first), rowOf(after - 1));
          });
          expect(verified).toBe(false);
          expect(firstFault).toMatchObject({ kind: 'sequence', position: rowOf(after), seq: after });
          const missing = after - first === 1 ? `event ${first} is` : `events ${first} to ${after - 1} are`;
          expect(firstFault?.message).toContain(`${missing} missing`);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('shows exchanged rows at the first of them', async () => {
    const two = fc.uniqueArray(seqNumber, { minLength: 2, maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(two, async (seqs) => {
        const [low, high] = seqs.sort((a, b) => a - b) as [number, number];
        const { firstFault } = await verifyAfter((database) => {
          const move = database.prepare('UPDATE audit SET position = ? WHERE position = ?');
          move.run(-1, rowOf(low));
          move.run(rowOf(low), rowOf(high));
          move.run(rowOf(high), -1);
        });
        expect(firstFault).toMatchObject({ kind: 'sequence', position: rowOf(low), seq: high });
      }),
      { numRuns: 20 },
    );
  });

  // Goal: no flipped bit anywhere in the file makes verify vouch for something that was not written.
  // A damaged page may hide the last rows: that is a cut tail, which a chain alone cannot show.
  it('never vouches for what was not written, whatever bit of the file is flipped', async () => {
    const whole = readFileSync(wholePath);
    const path = join(folder, 'flipped.db');
    let refusedCount = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length * 8 - 1), async (at) => {
        const flipped = Buffer.from(whole);
        flipped[at >> 3]! ^= 1 << (at & 7);
        for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
        writeFileSync(path, flipped);
        let store: Store | undefined;
        try {
          store = await openEmbeddedStore(path, { readOnly: true });
          const { verified } = await verifyAudit(store);
          if (!verified) refusedCount++;
          else
            expect(
              (await readAll(store, 0, 'audit')).every(({ bytes }, seq) =>
                events[seq]!.bytes.every((byte, index) => byte === bytes[index]),
              ),
            ).toBe(true);
        } catch (error) {
          // The file does not open as a store any more: one clear line.
          if (store || !(error instanceof Error && ['InputError', 'WorldError'].includes(error.name))) throw error;
        } finally {
          await store?.close();
        }
      }),
      { numRuns: 100 },
    );
    expect(refusedCount).toBeGreaterThan(0);
  });
});

describe('an intruder who computes hashes anew', () => {
  const textOf = ({ bytes }: LogRecord): string => new TextDecoder().decode(bytes);
  const verifyRecords = async (records: readonly LogRecord[]): Promise<AuditVerification> => {
    const store = createMemoryStore();
    await store.append(records, 0);
    return verifyAudit(store);
  };
  const forged = (seq: number): LogRecord => {
    const changed = drafts.map((draft, index) => (index === seq ? { ...draft, body: { because: 'forged' } } : draft));
    return createAuditChain().extend(changed).records[seq]!;
  };

  it('is shown by the row after the forged one', async () => {
    const { firstFault, eventCount: heldCount } = await verifyRecords(events.with(7, forged(7)));
    expect(textOf(forged(7))).toContain('forged');
    expect(firstFault).toMatchObject({
      kind: 'link',
      position: 8,
      seq: 8,
      message: 'event 7, in the row before, is not the one that this event was chained to',
    });
    expect(heldCount).toBe(8);
  });

  it('is not shown in the last row, nor is a cut tail: the answer says that no anchor was compared', async () => {
    const last = eventCount - 1;
    expect(await verifyRecords(events.with(last, forged(last)))).toMatchObject({ verified: true, anchor: null });
    expect(await verifyRecords(events.slice(0, 10))).toMatchObject({ verified: true, eventCount: 10, anchor: null });
  });

  it('is shown by a cause that comes later, which no chain of ours holds', async () => {
    const unsealed = `{"actor":"engine","atMs":1,"body":{},"causeSeq":3,"kind":"plan.decided","prevHash":"${genesisHash}","schemaVersion":1,"seq":0}`;
    const hash = createHash('sha256').update(unsealed).digest('hex');
    const text = unsealed.replace('"kind"', `"hash":"${hash}","kind"`);
    const { firstFault } = await verifyRecords([{ stream: 'audit', atMs: 1, bytes: new TextEncoder().encode(text) }]);
    expect(firstFault).toMatchObject({ kind: 'cause', position: 0, seq: 0, atMs: 1 });
  });

  it('is shown by an event added twice', async () => {
    const { firstFault } = await verifyRecords([...events.slice(0, 4), events[3]!, ...events.slice(4)]);
    expect(firstFault).toMatchObject({ kind: 'sequence', position: 4, seq: 3 });
    expect(firstFault?.message).toContain('event 3 stands where event 4 belongs');
  });
});

it('counts a clock that was set back, and does not call it a fault', async () => {
  const store = createMemoryStore();
  const back = drafts
    .slice(0, 3)
    .map(({ kind, actor, body }, index) => ({ kind, actor, body, atMs: [5, 3, 4][index]! }));
  await store.append(createAuditChain().extend(back).records, 0);
  expect(await verifyAudit(store)).toMatchObject({ verified: true, clockStepBackCount: 1 });
});

it('holds for an empty log, with nothing to show for it', async () => {
  expect(await verifyAudit(createMemoryStore())).toMatchObject({ verified: true, eventCount: 0, head: null });
});
