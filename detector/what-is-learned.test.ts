/** What is flagged is not learned, nor is anything else kept from being learned by it; and what comes late speaks of its own time. */
import { describe, expect, it } from 'vitest';
import type { Finding } from '../core/finding.ts';
import { msPerSecond } from '../core/time.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';
import { createDetection, type Detection, type DetectionContext } from './detection.ts';
import { deltaOf } from './detector.contract.ts';

const startMs = Date.UTC(2026, 2, 2, 14);
const key: WindowKey = 'service:orders';
/** A fifth of what comes: a surge from the first second on, that never ends. */
const expectedTooLow: DetectionContext = {
  expectedOf: () => ({ levels: [0.025, 0.5, 0.975], requestsPerSecond: [18, 20, 22] }),
};

type Second = Partial<WindowDelta> & { spanCount: number; times?: number };

/** One second: its deltas are about itself, unless they say otherwise. */
function tick(detection: Detection, second: number, seconds: readonly Second[], context = {}): readonly Finding[] {
  const nowMs = startMs + second * msPerSecond;
  const deltas = seconds.map((counts) => deltaOf(key, counts.secondAtMs ?? nowMs - msPerSecond, counts));
  return detection.tick(nowMs, deltas, context);
}

const errorRatio = (findings: readonly Finding[]) => findings.find(({ detector }) => detector === 'error-ratio');
const usualAtMost = (findings: readonly Finding[]): number => Number(errorRatio(findings)?.evidence['usualAtMost']);
const usual: Second = { spanCount: 100 };
const faulty: Second = { spanCount: 100, errorCount: 30 };

describe('a surge that stands from the first second on', () => {
  const detection = createDetection();
  for (let second = 1; second <= 600; second++) tick(detection, second, [usual], expectedTooLow);
  const first = tick(detection, 601, [faulty], expectedTooLow);
  let last = first;
  for (let second = 602; second <= 900; second++) last = tick(detection, second, [faulty], expectedTooLow);

  it('is no reason not to learn that calls do not fail', () => {
    expect(usualAtMost(first)).toBeLessThan(0.005);
  });

  it('and none to learn five minutes of failing calls as usual', () => {
    expect(usualAtMost(last)).toBe(usualAtMost(first));
  });
});

describe('late spans of a fault that is over', () => {
  it.each<[string, Second[]]>([
    ['alone', [{ ...faulty, secondAtMs: startMs + 100_000 }]],
    ['beside more that are on time', [{ spanCount: 300 }, { ...faulty, secondAtMs: startMs + 100_000 }]],
    [
      'beside one of now that failed',
      [
        { spanCount: 300, errorCount: 1 },
        { ...faulty, secondAtMs: startMs + 100_000 },
      ],
    ],
  ])('speak of then: %s', (_, arrived) => {
    const detection = createDetection();
    for (let second = 1; second <= 500; second++) tick(detection, second, [usual]);
    expect(errorRatio(tick(detection, 501, arrived))?.startsAtMs).toBe(startMs + 100_000);
  });

  it('slow ones too', () => {
    const detection = createDetection();
    for (let second = 1; second <= 500; second++) tick(detection, second, [usual]);
    const findings = tick(detection, 501, [
      { spanCount: 150 },
      { spanCount: 100, times: 6, secondAtMs: startMs + 100_000 },
    ]);
    expect(findings.map(({ detector, startsAtMs }) => [detector, startsAtMs])).toEqual([
      ['latency-shift', startMs + 100_000],
    ]);
  });
});
