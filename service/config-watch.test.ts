import { expect, it } from 'vitest';
import { msPerSecond } from '../core/time.ts';
import { createVirtualClock } from '../core/virtual-clock.ts';
import { watchConfig } from './config-watch.ts';

/** A file as it is at each look, a second apart; the first is the look at the start. `told` are the looks after which it was read. */
async function watchThrough(looks: readonly (string | undefined)[], stopsAfter = Infinity): Promise<number[]> {
  const clock = createVirtualClock(0);
  const told: number[] = [];
  let index = 0;
  const stop = watchConfig({
    path: 'foreshock.yaml',
    timers: clock,
    eyes: { signatureOf: async () => looks[index], watchFolder: () => () => undefined },
    onEdited: async () => void told.push(index),
  });
  for (;;) {
    await new Promise(setImmediate);
    if (index === stopsAfter) stop();
    if (index === looks.length - 1) return told;
    // Not a moment before its time.
    clock.advanceTo(clock.nowMs() + msPerSecond - 1);
    await new Promise(setImmediate);
    index++;
    clock.advanceTo(clock.nowMs() + 1);
  }
}

it.each<{ name: string; looks: (string | undefined)[]; told: number[] }>([
  { name: 'nothing while it stays as it was read', looks: ['1', '1', '1'], told: [] },
  { name: 'an edit that has stood still between two looks', looks: ['1', '2', '2', '2'], told: [2] },
  { name: 'a file that is still being written once it is done', looks: ['1', '2', '3', '4', '4'], told: [4] },
  { name: 'each of two edits', looks: ['1', '2', '2', '3', '3'], told: [2, 4] },
  { name: 'nothing of an edit that was taken back at once', looks: ['1', '2', '1', '1'], told: [] },
  { name: 'an edit and its reverse, when both stood still', looks: ['1', '2', '2', '1', '1'], told: [2, 4] },
  { name: 'a file that was gone for one look by its new version alone', looks: ['1', undefined, '2', '2'], told: [3] },
  { name: 'a file that is gone, once', looks: ['1', undefined, undefined, undefined], told: [2] },
  { name: 'a file that came back as it was', looks: ['1', undefined, undefined, '1', '1'], told: [2, 4] },
])('tells $name', async ({ looks, told }) => {
  expect(await watchThrough(looks)).toEqual(told);
});

it('tells nothing after its stop', async () => {
  expect(await watchThrough(['1', '2', '2', '3', '3'], 2)).toEqual([2]);
  expect(await watchThrough(['1', '2', '2'], 1)).toEqual([]);
});

it('does not look while an edit is being read, and goes on after it', async () => {
  const clock = createVirtualClock(0);
  let signature = 1;
  let looks = 0;
  const reading = Promise.withResolvers<undefined>();
  const stop = watchConfig({
    path: 'foreshock.yaml',
    timers: clock,
    eyes: { signatureOf: async () => String((looks++, signature)), watchFolder: () => () => undefined },
    onEdited: () => reading.promise.then(() => undefined),
  });
  const pass = async (): Promise<void> => {
    clock.advanceTo(clock.nowMs() + msPerSecond);
    await new Promise(setImmediate);
  };
  await pass();
  signature = 2;
  await pass();
  await pass();
  const before = looks;
  await pass();
  await pass();
  expect(looks).toBe(before);
  reading.resolve(undefined);
  await new Promise(setImmediate);
  await pass();
  expect(looks).toBe(before + 1);
  stop();
});
