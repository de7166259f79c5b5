/** What every store keeps to, whatever it is made of. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { LogRecord, Store, Stored, StreamName } from '../core/ports.ts';

export const record = (stream: StreamName, atMs: number, text = `${stream} at ${atMs}`): LogRecord => ({
  stream,
  atMs,
  bytes: new TextEncoder().encode(text),
});

export async function readAll(store: Store, from = 0, stream?: StreamName): Promise<Stored[]> {
  const all: Stored[] = [];
  for await (const stored of store.read(from, stream)) all.push(stored);
  return all;
}

const textOf = ({ bytes }: { readonly bytes: Uint8Array }): string => new TextDecoder().decode(bytes);

export function storeContract(name: string, createEmpty: () => Promise<Store>): void {
  const open = async (): Promise<Store> => {
    const store = await createEmpty();
    onTestFinished(() => store.close());
    return store;
  };

  describe(`${name} keeps the contract of a store`, () => {
    it('gives back what was appended, in order, each record with its position', async () => {
      const store = await open();
      expect(await store.head()).toBe(0);
      expect(await store.append([record('tick', 5), record('audit', 5, ''), record('audit', 5)], 0)).toBe(3);
      expect(await store.append([record('tick', 4)], 3)).toBe(4);
      expect(await store.append([], 4)).toBe(4);
      const stored = await readAll(store);
      expect(stored.map(({ position, stream, atMs }) => [position, stream, atMs])).toEqual([
        [0, 'tick', 5],
        [1, 'audit', 5],
        [2, 'audit', 5],
        [3, 'tick', 4],
      ]);
      expect(stored.map(textOf)).toEqual(['tick at 5', '', 'audit at 5', 'tick at 4']);
      expect(await store.head()).toBe(4);
    });

    it.each([
      { from: 0, stream: 'tick', positions: [0, 3] },
      { from: 0, stream: 'audit', positions: [1, 2] },
      { from: 2, stream: undefined, positions: [2, 3] },
      { from: 1, stream: 'tick', positions: [3] },
      { from: 3, stream: 'audit', positions: [] },
      { from: 4, stream: undefined, positions: [] },
    ] as const)('reads from $from on, of $stream', async ({ from, stream, positions }) => {
      const store = await open();
      await store.append([record('tick', 1), record('audit', 2), record('audit', 3), record('tick', 4)], 0);
      expect((await readAll(store, from, stream)).map(({ position }) => position)).toEqual(positions);
    });

    it.each([{ after: 0 }, { after: 2 }, { after: -1 }])(
      'refuses to append after $after when the head is 1',
      async ({ after }) => {
        const store = await open();
        await store.append([record('tick', 1)], 0);
        await expect(store.append([record('tick', 2)], after)).rejects.toMatchObject({
          code: 'store-head-moved',
          retryable: false,
        });
        expect(await readAll(store)).toHaveLength(1);
      },
    );

    it('writes a batch whole or not at all', async () => {
      const store = await open();
      await expect(store.append([record('tick', 1), record('audit', Number.NaN)], 0)).rejects.toThrow(
        'whole millisecond',
      );
      await expect(store.append([record('tick', 1), record('audit', 1.5)], 0)).rejects.toThrow('whole millisecond');
      expect(await store.head()).toBe(0);
      expect(await readAll(store)).toEqual([]);
    });

    it('keeps its own copy of what it was given and of what it gives', async () => {
      const store = await open();
      const mine = record('tick', 1, 'abc');
      await store.append([mine], 0);
      mine.bytes.fill(0);
      (await readAll(store))[0]!.bytes.fill(0);
      expect((await readAll(store)).map(textOf)).toEqual(['abc']);
    });

    it('reads a long log without a gap, and what was appended meanwhile', async () => {
      const store = await open();
      const many = Array.from({ length: 1_000 }, (_, index) => record(index % 3 === 0 ? 'audit' : 'tick', index));
      await store.append(many, 0);
      const positions: number[] = [];
      for await (const { position } of store.read(0)) {
        positions.push(position);
        if (position === 500) await store.append([record('tick', 1_000)], 1_000);
      }
      expect(positions).toEqual(Array.from({ length: 1_001 }, (_, index) => index));
    });

    it('keeps the drawer by name and version; the latest is the one last put', async () => {
      const store = await open();
      const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
      expect(await store.get('weights')).toBeUndefined();
      await store.put('weights', 'b', bytesOf('1'));
      await store.put('weights', 'a', bytesOf('2'));
      await store.put('other', 'z', bytesOf('3'));
      expect(await store.get('weights')).toEqual({ version: 'a', bytes: bytesOf('2') });
      expect(await store.get('weights', 'b')).toEqual({ version: 'b', bytes: bytesOf('1') });
      expect(await store.get('weights', 'z')).toBeUndefined();
      await store.put('weights', 'b', bytesOf('4'));
      expect(await store.get('weights')).toEqual({ version: 'b', bytes: bytesOf('4') });
      expect(await store.get('weights', 'a')).toEqual({ version: 'a', bytes: bytesOf('2') });
    });

    it('prunes ticks from before an instant; audit records and positions stay', async () => {
      const store = await open();
      await store.append(
        [record('tick', 1), record('audit', 1), record('tick', 2), record('tick', 3), record('audit', 4)],
        0,
      );
      expect(await store.prune({ factsBeforeMs: { tick: 3 } })).toEqual({ removedCount: 2 });
      expect((await readAll(store)).map(({ position }) => position)).toEqual([1, 3, 4]);
      expect(await store.prune({ factsBeforeMs: { tick: 3 } })).toEqual({ removedCount: 0 });
      expect(await store.prune({ factsBeforeMs: { tick: 9 } })).toEqual({ removedCount: 1 });
      expect(await store.append([record('tick', 5)], 5)).toBe(6);
    });

    it('prunes each stream of facts by its own age', async () => {
      const store = await open();
      const second = (atMs: number): LogRecord[] => [
        record('deltas', atMs),
        record('minutes', atMs),
        record('tick', atMs),
      ];
      await store.append([...second(1), ...second(2), ...second(3), record('audit', 3)], 0);
      expect(await store.prune({ factsBeforeMs: { deltas: 3, minutes: 2 } })).toEqual({ removedCount: 3 });
      const kept = await readAll(store);
      expect(kept.map(({ stream, atMs }) => `${stream} ${atMs}`)).toEqual([
        ...['tick 1', 'minutes 2', 'tick 2', 'deltas 3', 'minutes 3', 'tick 3', 'audit 3'],
      ]);
      expect((await readAll(store, 4, 'deltas')).map(({ position }) => position)).toEqual([6]);
      expect((await readAll(store, 0, 'minutes')).map(({ position }) => position)).toEqual([4, 7]);
    });

    it('reads records of many megabytes without a gap', async () => {
      const store = await open();
      const large = (atMs: number): LogRecord => ({ stream: 'deltas', atMs, bytes: new Uint8Array(3 * 1024 ** 2) });
      await store.append([large(1), record('tick', 1), large(2), large(3), record('tick', 3), large(4)], 0);
      expect((await readAll(store)).map(({ position }) => position)).toEqual([0, 1, 2, 3, 4, 5]);
    });

    it('never prunes the last record: the head would move back', async () => {
      const store = await open();
      await store.append([record('audit', 1), record('tick', 2), record('tick', 3)], 0);
      expect(await store.prune({ factsBeforeMs: { tick: 9 } })).toEqual({ removedCount: 1 });
      expect(await store.head()).toBe(3);
      expect((await readAll(store)).map(({ position }) => position)).toEqual([0, 2]);
    });

    it('cuts the audit log where it is told to, and records the cut', async () => {
      const store = await open();
      await store.append([record('audit', 1), record('tick', 1), record('audit', 2), record('audit', 3)], 0);
      expect(await store.auditCut()).toBeUndefined();
      const cut = { seq: 1, hash: 'h', atMs: 2, position: 2, inUse: ['v'], cutAtMs: 9, policy: 'p' };
      expect(await store.prune({ audit: cut })).toEqual({ removedCount: 2 });
      expect((await readAll(store)).map(({ position }) => position)).toEqual([1, 3]);
      expect(await store.auditCut()).toEqual(cut);
      await expect(store.prune({ audit: cut })).rejects.toThrow('only moves forward');
      await expect(store.prune({ audit: { ...cut, seq: 2, position: 3 } })).rejects.toThrow('last audit event');
      expect(await store.auditCut()).toEqual(cut);
      expect(await store.append([record('audit', 4)], 4)).toBe(5);
    });

    it('removes the blobs that are named, and knows where the log was when each was put', async () => {
      const store = await open();
      await store.put('calendar', 'a', new Uint8Array());
      await store.append([record('tick', 1)], 0);
      await store.put('calendar', 'b', new Uint8Array());
      expect(await store.blobs()).toEqual([
        { name: 'calendar', version: 'a', putAt: 0 },
        { name: 'calendar', version: 'b', putAt: 1 },
      ]);
      const blobs = [
        { name: 'calendar', version: 'a' },
        { name: 'calendar', version: 'z' },
      ];
      expect(await store.prune({ blobs })).toEqual({ removedCount: 1 });
      expect(await store.get('calendar', 'a')).toBeUndefined();
      expect(await store.get('calendar')).toMatchObject({ version: 'b' });
    });

    it('refuses everything once closed, and a second close is harmless', async () => {
      const store = await open();
      await store.close();
      await store.close();
      await expect(store.head()).rejects.toThrow('closed');
      await expect(store.append([record('tick', 1)], 0)).rejects.toThrow('closed');
      await expect(readAll(store)).rejects.toThrow('closed');
      await expect(store.put('a', '1', new Uint8Array())).rejects.toThrow('closed');
      await expect(store.get('a')).rejects.toThrow('closed');
      await expect(store.prune({ factsBeforeMs: { tick: 1 } })).rejects.toThrow('closed');
      await expect(store.blobs()).rejects.toThrow('closed');
      await expect(store.auditCut()).rejects.toThrow('closed');
    });
  });
}
