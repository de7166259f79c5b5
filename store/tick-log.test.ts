import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogRecord, Store } from '../core/ports.ts';
import { genesisHash } from './audit-log.ts';
import { createMemoryStore } from './memory.ts';
import { lastTickHash, readTick, sealTick, verifyTicks } from './tick-log.ts';

/** Every third one is long, and packed. */
const factsOf = (index: number) => ({
  facts: Array.from({ length: index % 3 === 2 ? 400 : 1 }, () => `tick ${index}`),
});

function ticksOf(
  count: number,
  prevHash = genesisHash,
): { readonly records: readonly LogRecord[]; readonly hash: string } {
  const records: LogRecord[] = [];
  let hash = prevHash;
  for (let index = 0; index < count; index++) {
    const sealed = sealTick(JSON.stringify(factsOf(index)), { prevHash: hash, atMs: 1_000 * index });
    records.push(sealed.record);
    ({ hash } = sealed);
  }
  return { records, hash };
}

async function storeOf(records: readonly LogRecord[]): Promise<Store> {
  const store = createMemoryStore();
  if (records.length > 0) await store.append(records, 0);
  return store;
}

const { records, hash } = ticksOf(12);

describe('the chain of ticks', () => {
  it('holds when nobody touched it, from the first that is still there', async () => {
    expect(await verifyTicks(await storeOf(records))).toEqual({ verified: true, tickCount: 12, firstFault: null });
    expect(await verifyTicks(await storeOf(records.slice(5)))).toMatchObject({ verified: true, tickCount: 7 });
    expect(await verifyTicks(await storeOf([]))).toMatchObject({ verified: true, tickCount: 0 });
  });

  it('gives back what was sealed, and goes on where it was left', async () => {
    expect(readTick(records[3]!)).toMatchObject({ ok: true, text: '{"facts":["tick 3"]}' });
    expect(readTick(records[2]!)).toMatchObject({
      ok: true,
      text: JSON.stringify(factsOf(2)),
    });
    expect(records[2]!.bytes.length).toBeLessThan(250);
    expect(await lastTickHash(await storeOf(records))).toBe(hash);
    expect(await lastTickHash(await storeOf([]))).toBe(genesisHash);
    const { records: later } = ticksOf(3, hash);
    expect(await verifyTicks(await storeOf([...records, ...later]))).toMatchObject({ verified: true, tickCount: 15 });
  });

  it('shows any flipped bit at its row, but for the few bits of a packed one on which nothing that it says depends', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(11), fc.nat(), fc.nat(7), async (row, at, bit) => {
        const bytes = Uint8Array.from(records[row]!.bytes);
        bytes[at % bytes.length]! ^= 1 << bit;
        const { verified, firstFault } = await verifyTicks(
          await storeOf(records.with(row, { ...records[row]!, bytes })),
        );
        if (verified && row % 3 === 2)
          expect(readTick({ ...records[row]!, bytes })).toMatchObject({ text: JSON.stringify(factsOf(row)) });
        else expect({ verified, position: firstFault?.position }).toEqual({ verified: false, position: row });
      }),
    );
  });

  it("shows a row's time that was changed", async () => {
    const { firstFault } = await verifyTicks(await storeOf(records.with(4, { ...records[4]!, atMs: 1 })));
    expect(firstFault).toMatchObject({ position: 4, message: expect.stringContaining('changed') as string });
  });

  it.each([
    ['removed', [...records.slice(0, 6), ...records.slice(7)], 6],
    ['doubled', [...records.slice(0, 7), records[6]!, ...records.slice(7)], 7],
    ['exchanged', records.with(6, records[7]!).with(7, records[6]!), 6],
  ] as const)('shows a row that was %s', async (_how, changed, position) => {
    expect(await verifyTicks(await storeOf(changed))).toMatchObject({ verified: false, firstFault: { position } });
  });
});
