import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';
import { readMinute, sealMinute } from '../store/minute-log.ts';
import { thinDeltas } from '../store/packed-deltas.ts';
import { noSpanKeys } from '../store/span-keys.ts';
import { createSpanMinutes } from './span-minutes.ts';

const fromMs: EpochMs = Date.UTC(2026, 10, 20, 12);

function deltaOf(secondAtMs: EpochMs, said: Partial<WindowDelta> = {}): WindowDelta {
  return {
    ...{ key: 'service:orders', secondAtMs, sender: 'local', spanCount: 5, requestCount: 5, errorCount: 1 },
    ...{ throttleCount: 0, coldStartCount: 0, provisionedInitCount: 0, deadLetterCount: 0 },
    ...{ durationMs: [802, 3, 842, 2], valueSum: 330, examples: { slowest: ['a'], failed: ['b'] }, ...said },
  };
}

describe('minutes of spans', () => {
  it('add up over seconds and senders, and are taken once, five minutes after their end', () => {
    const minutes = createSpanMinutes();
    for (let second = 0; second < 120; second++)
      minutes.add(
        thinDeltas([
          deltaOf(fromMs + second * msPerSecond),
          deltaOf(fromMs + second * msPerSecond, { sender: 'web', durationMs: [822, 5] }),
        ]),
      );
    const endMs = fromMs + msPerMinute;
    expect(minutes.take(endMs + 5 * msPerMinute - 1)).toEqual([]);
    // Late by almost five minutes: still in it.
    minutes.add(thinDeltas([deltaOf(fromMs, { durationMs: [902, 1], spanCount: 1, requestCount: 1, errorCount: 0 })]));
    const [minute, ...others] = minutes.take(endMs + 5 * msPerMinute);
    expect(others).toEqual([]);
    expect(minute).toMatchObject({
      atMs: fromMs,
      sums: [{ sender: '', spanCount: 601, requestCount: 601, errorCount: 120, examples: { slowest: [], failed: [] } }],
    });
    expect(minute!.sums[0]!.durationMs).toEqual([802, 180, 822, 300, 842, 120, 902, 1]);
    minutes.add([deltaOf(fromMs)]);
    expect(minutes.take(endMs + 6 * msPerMinute).map(({ atMs }) => atMs)).toEqual([endMs]);
    expect(minutes.open()).toEqual([]);
  });

  it('know requests only where every sender does', () => {
    const { requestCount: _, ...unknown } = deltaOf(fromMs + msPerSecond);
    const minutes = createSpanMinutes();
    minutes.add([deltaOf(fromMs), unknown, deltaOf(fromMs, { key: 'service:prices' })]);
    const sums = minutes.open()[0]!.sums;
    expect(sums.map(({ key, requestCount, spanCount }) => [key, requestCount, spanCount])).toEqual([
      ['service:orders', undefined, 10],
      ['service:prices', 5, 5],
    ]);
  });

  it('are not written again where an earlier run wrote them', () => {
    const minutes = createSpanMinutes();
    for (const minute of [0, 1, 2]) minutes.add([deltaOf(fromMs + minute * msPerMinute)]);
    minutes.passOver(fromMs + msPerMinute);
    minutes.add([deltaOf(fromMs)]);
    expect(minutes.open().map(({ atMs }) => atMs)).toEqual([fromMs + 2 * msPerMinute]);
  });

  // Goal: adding up in any order, over a restart in the middle and through the store, is adding up.
  it('come to the same whatever the order, and whenever they were saved', async () => {
    const place = fc.nat(200).map((at) => 4 * at + 2);
    const delta = fc
      .record({
        key: fc.constantFrom<WindowKey>('service:a', 'service:b', 'edge:service:a>x', 'signal:s/1'),
        secondAtMs: fc.nat(150).map((second) => fromMs + second * msPerSecond),
        places: fc.dictionary(place.map(String), fc.integer({ min: 1, max: 99 })),
      })
      .map(({ key, secondAtMs, places }) => {
        const durationMs = Object.entries(places).flatMap(([at, count]) => [Number(at), count]);
        return thinDeltas([deltaOf(secondAtMs, { key, durationMs, valueSum: durationMs.length })])[0]!;
      });
    await fc.assert(
      fc.asyncProperty(fc.array(delta, { maxLength: 30 }), fc.nat(30), async (deltas, savedAfter) => {
        const whole = createSpanMinutes();
        whole.add(deltas);
        const first = createSpanMinutes();
        first.add(deltas.slice(0, savedAfter).reverse());
        const second = createSpanMinutes();
        for (const minute of first.open()) {
          const read = await readMinute(sealMinute(minute, noSpanKeys), async () => noSpanKeys);
          expect(read).toEqual(minute);
          second.add(read!.sums);
        }
        second.add(deltas.slice(savedAfter));
        expect(second.open()).toEqual(whole.open());
      }),
    );
  });

  it('that were changed in the store are not read', async () => {
    const minutes = createSpanMinutes();
    minutes.add([deltaOf(fromMs)]);
    const record = sealMinute(minutes.open()[0]!, noSpanKeys);
    for (const place of [0, 40, record.bytes.length - 1]) {
      const bytes = record.bytes.with(place, record.bytes[place]! ^ 1);
      expect(await readMinute({ ...record, bytes }, async () => noSpanKeys)).toBeUndefined();
    }
  });
});
