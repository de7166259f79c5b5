/** What every registered detector is held to. */
import { describe, expect, it } from 'vitest';
import type { Json } from '../core/json.ts';
import { createRandom } from '../core/random.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';
import { createDesk } from './desk.ts';
import type { DetectorEntry, KeyKind } from './detector.ts';
import { bucketOf } from '../core/histogram.ts';

const startMs = Date.UTC(2026, 2, 2, 14);
const keyOf: Readonly<Record<KeyKind, WindowKey>> = {
  edge: 'edge:service:gateway>dynamodb/orders',
  node: 'service:orders',
  signal: 'signal:reject-ratio/algo-7',
};

/** A second of a key: so many spans, so many of them bad, all of them `times` as long as usual. */
export function deltaOf(
  key: WindowKey,
  secondAtMs: number,
  { spanCount, ...counts }: Partial<WindowDelta> & { spanCount: number; times?: number; seed?: string },
): WindowDelta {
  const random = createRandom(`${counts.seed ?? 'contract'}/${String(secondAtMs)}`);
  const places = new Map<number, number>();
  let valueSum = 0;
  for (let span = 0; span < spanCount; span++) {
    const durationMs = 50 * Math.exp(0.4 * random.normal()) * (counts.times ?? 1);
    valueSum += durationMs;
    const place = bucketOf(durationMs);
    places.set(place, (places.get(place) ?? 0) + 1);
  }
  return {
    key,
    secondAtMs,
    sender: 'test',
    spanCount,
    requestCount: spanCount,
    errorCount: 0,
    throttleCount: 0,
    coldStartCount: 0,
    provisionedInitCount: 0,
    deadLetterCount: 0,
    durationMs: [...places].sort(([left], [right]) => left - right).flat(),
    valueSum,
    examples: { slowest: [], failed: [] },
    ...counts,
  };
}

export function describeDetector(name: string, entry: DetectorEntry): void {
  describe(`${name}: the contract of a detector`, () => {
    it.each(entry.judges)('restored from its snapshot, answers as before (%s)', (kind) => {
      const key = keyOf[kind];
      const options = { key, logThreshold: 19, signal: 'ratio' as const };
      const play = (desk: ReturnType<typeof createDesk>, from: number, until: number): unknown[] =>
        Array.from({ length: until - from }, (_, index) => {
          const second = from + index;
          const nowMs = startMs + 1_000 * (second + 1);
          const isBad = second >= 220;
          if (second % 7 !== 3)
            desk.receive(
              deltaOf(key, nowMs - 1_000, {
                spanCount: 20,
                errorCount: isBad ? 8 : 0,
                coldStartCount: second % 5 === 0 ? 1 : 0,
                times: isBad ? 6 : 1,
              }),
            );
          return desk.judge(nowMs, {}, 0);
        });
      const whole = createDesk(options);
      play(whole, 0, 205);
      const restored = createDesk(options, JSON.parse(JSON.stringify(whole.snapshot())) as Json);
      const expected = play(whole, 205, 260);
      expect(play(restored, 205, 260)).toEqual(expected);
      expect(restored.snapshot()).toEqual(whole.snapshot());
      expect(expected.flat().length).toBeGreaterThan(0);
    });

    it.each(entry.judges)('finds nothing in twenty minutes without a fault (%s)', (kind) => {
      const key = keyOf[kind];
      const desk = createDesk({ key, logThreshold: 19, signal: 'quantile' });
      const findings: unknown[] = [];
      for (let second = 0; second < 1_200; second++) {
        const nowMs = startMs + 1_000 * (second + 1);
        desk.receive(
          deltaOf(key, nowMs - 1_000, { spanCount: 5 + (second % 11), errorCount: second % 400 === 0 ? 1 : 0 }),
        );
        findings.push(...desk.judge(nowMs, {}, 0));
      }
      expect(findings).toEqual([]);
    });
  });
}
