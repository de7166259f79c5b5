import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuditDraft, AuditKind } from '../core/audit.ts';
import type { Store, StreamName } from '../core/ports.ts';
import { msPerDay } from '../core/time.ts';
import { formatCheckpoint, readAnchor } from './anchor.ts';
import { createAuditChain, openAuditChain, readAuditRecord } from './audit-log.ts';
import { verifyAudit } from './audit-verify.ts';
import { createMemoryStore } from './memory.ts';
import { describeCut, pruneStore, type Retention } from './retention.ts';
import { readAll, record } from './store.contract.ts';

const retention: Retention = { deltasHours: 48, minutesDays: 10, ticksDays: 5, decisionsDays: 20, incidentsDays: 40 };

interface Event {
  readonly day: number;
  readonly kind?: AuditKind;
  readonly cause?: number;
  readonly says?: AuditDraft['body'];
}

/** One event on each of the given days. */
async function storeOf(events: readonly Event[]): Promise<Store> {
  const drafts = events.map(({ day, kind = 'plan.decided', cause, says = {} }): AuditDraft => ({
    atMs: day * msPerDay,
    kind,
    actor: 'engine',
    body: says,
    ...(cause !== undefined && { causeSeq: cause }),
  }));
  const store = createMemoryStore();
  await store.append(createAuditChain().extend(drafts).records, 0);
  return store;
}

const days = (count: number): Event[] => Array.from({ length: count }, (_, day) => ({ day }));
const now = 100 * msPerDay;

async function firstSeqOf(store: Store): Promise<number | undefined> {
  const [first] = await readAll(store, 0, 'audit');
  const reading = first && readAuditRecord(first.bytes);
  return reading?.ok ? reading.event.seq : undefined;
}

describe('what is kept of the audit log', () => {
  // A hundred days, one event a day, now is day 100: decisions are kept from day 80 on, incidents from day 60 on.
  it.each<[string, Event[], number]>([
    ['decisions for their time', days(100), 80],
    ['an incident for longer, and what came after it', days(100).with(70, { day: 70, kind: 'incident.opened' }), 70],
    ['an incident no longer than its time', days(100).with(59, { day: 59, kind: 'incident.closed' }), 80],
    ['what is named as the cause of what stays', days(100).with(85, { day: 85, cause: 30 }), 30],
    ['a cause of a cause', days(100).with(85, { day: 85, cause: 50 }).with(60, { day: 60, cause: 20 }), 20],
    ['no cause of what goes', days(100).with(75, { day: 75, cause: 20 }), 80],
    ['the last event, however old', days(10), 9],
    ['the last event and its cause', days(10).with(9, { day: 9, cause: 4 }), 4],
    ['everything while little could go', days(100).slice(79), 0],
    ['everything while it is all new', days(100).slice(90), 0],
  ])('%s', async (_name, events, firstSeq) => {
    const store = await storeOf(events);
    expect(await pruneStore(store, retention, now)).toMatchObject({ eventCount: firstSeq });
    expect(await firstSeqOf(store)).toBe(firstSeq);
    const { verified, eventCount, cut } = await verifyAudit(store);
    expect({ verified, eventCount }).toEqual({ verified: true, eventCount: events.length - firstSeq });
    expect(cut?.seq).toBe(firstSeq === 0 ? undefined : firstSeq - 1);
  });

  it('is whole after any history of pruning: no event that stays names one that went', async () => {
    const event = fc.record({
      gap: fc.nat(8),
      kind: fc.constantFrom<AuditKind>('plan.decided', 'incident.opened', 'service.started'),
      back: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 1, maxLength: 60 }),
        fc.array(fc.nat(300)),
        async (drawn, asked) => {
          let day = 0;
          const store = await storeOf(
            drawn.map(({ gap, kind, back }, seq) => ({
              day: (day += gap),
              kind,
              ...(back !== undefined && back <= seq && { cause: seq - back }),
            })),
          );
          for (const at of asked.sort((a, b) => a - b)) await pruneStore(store, retention, at * msPerDay);
          expect((await verifyAudit(store)).firstFault).toBeNull();
          const kept = (await readAll(store)).map(({ bytes }) => readAuditRecord(bytes));
          const first = (await firstSeqOf(store))!;
          for (const reading of kept) expect(reading.ok && (reading.event.causeSeq ?? first) >= first).toBe(true);
          expect((await openAuditChain(store)).nextSeq).toBe(drawn.length);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('says what went, and vouches for the rest only from there on', async () => {
    const store = await storeOf(days(100));
    await pruneStore(store, retention, now);
    const { cut } = await verifyAudit(store);
    expect(describeCut(cut!)).toBe(
      'events before 80 (the last of 1970-03-21T00:00:00Z) were pruned at 1970-04-11T00:00:00Z: decisions are kept 20 days, incidents 40',
    );
  });

  it('is not vouched for where somebody else cut it, or moved the cut', async () => {
    const store = await storeOf(days(100));
    await pruneStore(store, retention, now);
    const cut = (await store.auditCut())!;
    const lying = (said: Partial<typeof cut>): Store => ({ ...store, auditCut: async () => ({ ...cut, ...said }) });
    const faultOf = async (one: Store) => (await verifyAudit(one)).firstFault?.kind;
    expect(await faultOf(store)).toBeUndefined();
    expect(await faultOf({ ...store, auditCut: async () => undefined })).toBe('sequence');
    expect(await faultOf(lying({ seq: cut.seq - 1 }))).toBe('sequence');
    expect(await faultOf(lying({ hash: 'f'.repeat(64) }))).toBe('link');
    expect(await faultOf({ ...store, read: () => createMemoryStore().read(0) })).toBe('sequence');
  });

  it('agrees with an anchor from before the cut, at it, and after it', async () => {
    const drafts = days(100).map(({ day }): AuditDraft => ({
      atMs: day * msPerDay,
      kind: 'plan.decided',
      actor: 'engine',
      body: {},
    }));
    const anchor = [40, 80, 100].map((count) =>
      formatCheckpoint(createAuditChain().extend(drafts.slice(0, count)).next.head!, 0),
    );
    const checkpoints = readAnchor(anchor.join(''), { name: 'anchor' });
    const store = await storeOf(days(100));
    await pruneStore(store, retention, now);
    expect(await verifyAudit(store, { checkpoints })).toMatchObject({ verified: true, anchor: { coveredSeq: 99 } });
    const forged = checkpoints.map((one) => (one.seq === 79 ? { ...one, hash: 'f'.repeat(64) } : one));
    expect((await verifyAudit(store, { checkpoints: forged })).firstFault).toMatchObject({ kind: 'anchor', seq: 79 });
  });

  it('is not cut behind an event that does not hold', async () => {
    const whole = await readAll(await storeOf(days(100)));
    const store = createMemoryStore();
    const changed = new TextEncoder().encode(new TextDecoder().decode(whole[3]!.bytes).replace('engine', 'nobody'));
    await store.append(whole.with(3, { ...whole[3]!, bytes: changed }), 0);
    await expect(pruneStore(store, retention, now)).rejects.toThrow(
      /^row 3 of the audit log does not hold .* nothing is pruned/,
    );
    expect(await readAll(store)).toHaveLength(100);
  });
});

it('lets ticks go by their own time', async () => {
  const store = await storeOf(days(100));
  await store.append([record('tick', 94 * msPerDay), record('tick', 95 * msPerDay), record('tick', now)], 100);
  expect(await pruneStore(store, retention, now)).toMatchObject({ tickCount: 1 });
  expect((await readAll(store, 0, 'tick')).map(({ atMs }) => atMs / msPerDay)).toEqual([95, 100]);
});

describe('what is kept in the drawer', () => {
  const put = (store: Store, name: string, version: string) => store.put(name, version, new Uint8Array());
  const kept = async (store: Store) => (await store.blobs()).map(({ name, version }) => `${name} ${version}`);

  it('is what a kept event names, what is latest, what the run in force began with, and what was put since', async () => {
    const store = createMemoryStore();
    for (const version of ['unnamed', 'named', 'deep', 'of-an-old-run', 'of-this-run'])
      await put(store, 'config', version);
    await put(store, 'engine', 'latest');
    const drafts = [
      { day: 0, kind: 'service.started', says: { sha256: 'of-an-old-run' } },
      { day: 10, kind: 'service.started', says: { sha256: 'of-this-run' } },
      { day: 70, kind: 'plan.decided', says: { configSha256: 'unnamed' } },
      {
        day: 90,
        kind: 'plan.decided',
        says: { configSha256: 'named', inputs: { list: [{ weightsVersion: 'deep' }] } },
      },
    ] as const;
    const { records } = createAuditChain().extend(
      drafts.map(({ day, kind, says }): AuditDraft => ({ atMs: day * msPerDay, kind, actor: 'engine', body: says })),
    );
    await store.append(records, 0);
    await put(store, 'config', 'new');
    await put(store, 'config', 'newer');
    // What was named since the run began is taken for in use, whichever event named it.
    expect(await pruneStore(store, retention, now)).toMatchObject({ tickCount: 0, eventCount: 3, blobCount: 1 });
    expect(await kept(store)).toEqual([
      'config unnamed',
      'config named',
      'config deep',
      'config of-this-run',
      'config new',
      'config newer',
      'engine latest',
    ]);
  });

  it('is everything while nothing was cut', async () => {
    const store = await storeOf(days(100).slice(90));
    await put(store, 'config', 'a');
    await put(store, 'config', 'b');
    await pruneStore(store, retention, now);
    expect(await kept(store)).toEqual(['config a', 'config b']);
  });
});

describe('what spans showed', () => {
  const hour = msPerDay / 24;
  const hoursOf = (count: number) => Array.from({ length: count }, (_, index) => now - (count - index) * hour);

  it('is kept by the second for its hours, by the minute for its days, and ticks for theirs', async () => {
    const store = createMemoryStore();
    for (const atMs of hoursOf(24 * 12))
      await store.append([record('deltas', atMs), record('minutes', atMs), record('tick', atMs)], await store.head());
    expect(await pruneStore(store, retention, now)).toMatchObject({
      deltasCount: 240,
      minuteCount: 48,
      tickCount: 168,
    });
    const firstAt = async (stream: StreamName) => (await readAll(store, 0, stream))[0]!.atMs;
    expect(await firstAt('deltas')).toBe(now - 48 * hour);
    expect(await firstAt('minutes')).toBe(now - 10 * msPerDay);
    expect(await firstAt('tick')).toBe(now - 5 * msPerDay);
    expect(await pruneStore(store, retention, now)).toMatchObject({ deltasCount: 0, minuteCount: 0, tickCount: 0 });
  });

  // Goal: a dictionary goes with the last row that was written with it, and not before, whatever the audit log keeps.
  it('is kept with the dictionaries that it was written with', async () => {
    const store = createMemoryStore();
    await store.append(createAuditChain().extend([draftAt(0), draftAt(90 * msPerDay)]).records, 0);
    for (const [index, atMs] of hoursOf(72).entries()) {
      if (index % 20 === 0) await store.put('delta-keys', `from ${index}`, new Uint8Array());
      await store.append([record('deltas', atMs), record('tick', atMs)], await store.head());
    }
    const versions = async () => (await store.blobs()).map(({ version }) => version);
    // Rows from hour 24 on are kept, and the first of these was written with what was put at hour 20.
    expect(await pruneStore(store, retention, now)).toMatchObject({ deltasCount: 24, eventCount: 1, blobCount: 1 });
    expect(await versions()).toEqual(['from 20', 'from 40', 'from 60']);
    await pruneStore(store, retention, now + 16 * hour);
    expect(await versions()).toEqual(['from 40', 'from 60']);
    await pruneStore(store, retention, now + 30 * msPerDay);
    expect(await versions()).toEqual(['from 60']);
  });
});

function draftAt(atMs: number): AuditDraft {
  return { atMs, kind: 'plan.decided', actor: 'engine', body: {} };
}
