import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMemoryStore } from './memory.ts';
import { createSpanKeys, lastSpanKeys, loadSpanKeys, noSpanKeys, type WritableSpanKeys } from './span-keys.ts';

const keysOf = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => `service:orders-${from + index}`);

function takeDue(names: WritableSpanKeys): boolean {
  const due = names.due();
  due?.take();
  return due !== undefined;
}

it('numbers what was seen, and a store gives the same numbers back', async () => {
  const store = createMemoryStore();
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.string({ unit: 'binary' }), { minLength: 1 }), async (texts) => {
      const keys = [...new Set(texts.map((text) => `service:${text.toWellFormed()}`))];
      const names = createSpanKeys();
      names.note(keys);
      const due = names.due()!;
      const { version, bytes } = due;
      await store.put('delta-keys', version, bytes);
      due.take();
      const loaded = await loadSpanKeys(store, 'delta-keys', version);
      for (const key of keys) {
        const number = names.current.numberOf(key)!;
        expect([names.current.keyAt(number), loaded.keyAt(number), loaded.numberOf(key)]).toEqual([key, key, number]);
      }
      expect((await lastSpanKeys(store, 'delta-keys')).version).toBe(version);
    }),
  );
});

it('is made anew when names that it lacks have taken as much as it would', () => {
  const names = createSpanKeys();
  expect(names.due()).toBeUndefined();
  names.note(keysOf(100));
  expect(takeDue(names)).toBe(true);
  names.note(keysOf(100));
  expect(takeDue(names)).toBe(false);
  // One key of 101 that is not in it: written out a hundred and one times.
  let secondCount = 0;
  do {
    names.note([...keysOf(100), 'service:orders-x1']);
    secondCount++;
  } while (!takeDue(names));
  expect(secondCount).toBeGreaterThan(70);
  expect(secondCount).toBeLessThan(130);
  names.note([...keysOf(100), 'service:orders-x1']);
  expect(names.due()).toBeUndefined();
});

it('goes on with what an earlier run left, unless that is damaged', async () => {
  const store = createMemoryStore();
  const names = createSpanKeys();
  names.note(keysOf(3));
  const { version, bytes } = names.due()!;
  await store.put('delta-keys', version, bytes);
  const next = createSpanKeys(await lastSpanKeys(store, 'delta-keys'));
  expect(next.current.numberOf('service:orders-1')).toBe(1);
  await store.put('delta-keys', version, bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1));
  expect(await lastSpanKeys(store, 'delta-keys')).toBe(noSpanKeys);
  await expect(loadSpanKeys(store, 'delta-keys', version)).rejects.toThrow('does not hold the delta-keys');
});
