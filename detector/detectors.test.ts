import { describe, expect, it } from 'vitest';
import type { Finding } from '../core/finding.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';
import { logThresholdOf } from './budget.ts';
import { createDetection, type DetectionContext } from './detection.ts';
import { deltaOf, describeDetector } from './detector.contract.ts';
import { createDesk } from './desk.ts';
import { createEvidence } from './evidence.ts';
import { detectors } from './index.ts';

for (const [name, entry] of Object.entries(detectors)) describeDetector(name, entry);

const startMs = Date.UTC(2026, 2, 2, 14);
const node: WindowKey = 'service:orders';
const learnedSeconds = 360;

type Second = Partial<WindowDelta> & { spanCount: number; times?: number };

/** Six usual minutes, then `fault` for a minute: what stands at each second of that. */
function play(
  fault: (second: number) => Second | undefined,
  {
    key = node,
    usual = { spanCount: 100 },
    context = {},
  }: { key?: WindowKey; usual?: Second; context?: DetectionContext } = {},
): readonly (readonly Finding[])[] {
  const detection = createDetection({ signals: { 'reject-ratio': 'ratio', 'price-deviation': 'quantile' } });
  const standing: (readonly Finding[])[] = [];
  for (let second = 0; second < learnedSeconds + 60; second++) {
    const nowMs = startMs + 1_000 * (second + 1);
    const counts = second < learnedSeconds ? usual : fault(second - learnedSeconds);
    const findings = detection.tick(nowMs, counts ? [deltaOf(key, nowMs - 1_000, counts)] : [], context);
    if (second >= learnedSeconds) standing.push(findings);
    else expect(findings).toEqual([]);
  }
  return standing;
}

/** After how many seconds, from 1, a detector first speaks; undefined: not in the minute. */
function secondsUntil(detector: string, standing: readonly (readonly Finding[])[]): number | undefined {
  const first = standing.findIndex((findings) => findings.some((finding) => finding.detector === detector));
  return first === -1 ? undefined : first + 1;
}

describe('what is seen, and how soon', () => {
  it.each<[string, string, Second, number]>([
    ['a fifth of a hundred failing', 'error-ratio', { spanCount: 100, errorCount: 20 }, 1],
    ['one in thirty failing', 'error-ratio', { spanCount: 100, errorCount: 3 }, 15],
    ['all of five calls failing', 'error-ratio', { spanCount: 5, errorCount: 5 }, 2],
    ['a fifth throttled', 'throttle-surge', { spanCount: 100, errorCount: 20, throttleCount: 20 }, 1],
    ['five times as slow', 'latency-shift', { spanCount: 100, times: 5 }, 1],
    ['twice as slow', 'latency-shift', { spanCount: 100, times: 2 }, 5],
    ['one message in a hundred given up', 'dead-letters', { spanCount: 100, deadLetterCount: 1 }, 25],
    ['half of all calls cold, without growth', 'cold-start-storm', { spanCount: 100, coldStartCount: 50 }, 6],
  ])('%s: %s', (_, detector, fault, seconds) => {
    expect(
      secondsUntil(
        detector,
        play(() => fault),
      ),
    ).toBeLessThanOrEqual(seconds);
  });

  it.each<[string, Second]>([
    ['a tenth slower', { spanCount: 100, times: 1.1 }],
    ['twice as many calls, as well served', { spanCount: 200 }],
    ['provisioned environments initialised by the hundred', { spanCount: 100, provisionedInitCount: 300 }],
  ])('nothing is said of %s', (_, fault) => {
    expect(play(() => fault).flat()).toEqual([]);
  });

  // Of a key with steady single failures, whose calls were never seen to bunch.
  it.each([
    ['five calls that fail together are nothing', 5, undefined],
    ['six are', 6, 1],
  ])('%s', (_, spanCount, seconds) => {
    const usual = { spanCount: 4_000, errorCount: 1 };
    const standing = play((second) => (second === 0 ? { spanCount, errorCount: spanCount } : usual), { usual });
    expect(secondsUntil('error-ratio', standing)).toBe(seconds);
  });

  // A fifth of calls two and a half times as slow: less than what counts as harm, and more than nothing.
  it.each([
    ['cold starts at the end of an edge explain its slow calls', 60, []],
    ['without cold starts they are trouble', 0, ['latency-shift']],
  ])('%s', (_, calleeColdCount, found) => {
    const key: WindowKey = 'edge:service:gateway>service:orders';
    const desk = createDesk({ key, logThreshold: 19 });
    const seen = Array.from({ length: learnedSeconds + 20 }, (__, second) => {
      const nowMs = startMs + 1_000 * (second + 1);
      const isCold = second >= learnedSeconds;
      desk.receive(deltaOf(key, nowMs - 1_000, { spanCount: 240 }));
      if (isCold) desk.receive(deltaOf(key, nowMs - 1_000, { spanCount: 60, times: 2.5, seed: 'cold' }));
      return desk.judge(nowMs, {}, isCold ? calleeColdCount : 0);
    });
    expect([...new Set(seen.flat().map(({ detector }) => detector))]).toEqual(found);
  });

  it('a throttle is no failure of the code', () => {
    const standing = play(() => ({ spanCount: 100, errorCount: 20, throttleCount: 20 }));
    expect(secondsUntil('error-ratio', standing)).toBeUndefined();
  });

  it('tells when it began, how many are harmed, and of which traces', () => {
    const standing = play((second) =>
      second < 10
        ? { spanCount: 100 }
        : { spanCount: 100, errorCount: 25, examples: { slowest: [], failed: [`t${String(second)}`] } },
    );
    expect(standing[12]).toMatchObject([
      {
        detector: 'error-ratio',
        weight: 'trouble',
        startsAtMs: startMs + 1_000 * (learnedSeconds + 10),
        harmedRatio: 0.25,
        requestsPerSecond: 100,
      },
    ]);
    expect(standing[12]![0]!.traceIds).toEqual(['t12', 't11', 't10']);
  });

  it('ends soon after the fault does', () => {
    const standing = play((second) => ({ spanCount: 100, errorCount: second < 30 ? 30 : 0 }));
    expect(standing[29]).not.toEqual([]);
    expect(standing[40]).toEqual([]);
  });

  it('a signal is watched as it adds up: rejects by algorithm, price deviation by feed', () => {
    const rejects = play(() => ({ spanCount: 50, errorCount: 20 }), {
      key: 'signal:reject-ratio/algo-7',
      usual: { spanCount: 50, errorCount: 1 },
    });
    expect(secondsUntil('signal', rejects)).toBeLessThanOrEqual(3);
    const deviation = play(() => ({ spanCount: 50, times: 6 }), { key: 'signal:price-deviation/feed-a' });
    expect(secondsUntil('signal', deviation)).toBe(1);
  });
});

describe('against the forecast', () => {
  const expectedAtRate = (rate: number): DetectionContext => ({
    expectedOf: () => ({ levels: [0.025, 0.5, 0.975], requestsPerSecond: [0.8 * rate, rate, 1.25 * rate] }),
  });
  const usual = { spanCount: 100 };

  it.each<[string, Second | undefined, string | undefined]>([
    ['a surge is a notice', { spanCount: 800 }, 'notice'],
    ['a drop is trouble', { spanCount: 8 }, 'trouble'],
    ['half as much again is within the bounds', { spanCount: 150 }, undefined],
  ])('%s', (_, fault, weight) => {
    const found = play(() => fault, { usual, context: expectedAtRate(100) })
      .flat()
      .filter(({ detector }) => detector === 'throughput');
    expect(found[0]?.weight).toBe(weight);
  });

  it('silence is lost telemetry, and no drop of calls', () => {
    const standing = play(() => undefined, { usual, context: expectedAtRate(100) });
    expect(secondsUntil('telemetry-lost', standing)).toBeLessThanOrEqual(25);
    expect(secondsUntil('throughput', standing)).toBeUndefined();
  });

  it.each([
    ['four minutes before', 4, undefined],
    ['two minutes before', 2, 'capacity-not-ready'],
  ])('capacity that is missing is told %s the event', (_, minutes, detector) => {
    const nowMs = startMs + 1_000 * (learnedSeconds + 60);
    const context: DetectionContext = {
      capacityOf: () => ({
        concurrencyWanted: 40,
        concurrencyReady: 30,
        isFailed: false,
        eventId: 'nfp',
        eventAtMs: nowMs + minutes * 60_000,
        seenAtMs: nowMs,
      }),
    };
    const detection = createDetection();
    const findings = detection.tick(nowMs, [deltaOf(node, nowMs - 1_000, usual)], context);
    expect(findings[0]?.detector).toBe(detector);
  });
});

describe('the alert budget', () => {
  // The arithmetic of docs/decisions/0014-detectors.md.
  it('half an incident a month, forty-one watchers, one tick a second: e^19.2', () => {
    expect(logThresholdOf({ incidentsPerFunctionMonth: 0.5 }, 41)).toBeCloseTo(Math.log((2_592_000 * 41) / 0.5), 9);
    expect(logThresholdOf({ incidentsPerFunctionMonth: 0.5 }, 41)).toBeCloseTo(19.17, 2);
  });

  // Coins that land as they should, betted on by two stories at a threshold of 100 ticks.
  it('runs at least as long to a false alarm as the threshold says', () => {
    const runs = 300;
    let ticks = 0;
    let state = 1;
    const next = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    for (let run = 0; run < runs; run++) {
      const evidence = createEvidence(2, Math.log(100));
      while (!evidence.isStanding) {
        const isBad = next() < 0.1;
        evidence.add(
          [0.2, 0.5].map((story) => (isBad ? Math.log(story / 0.1) : Math.log((1 - story) / 0.9))),
          ticks,
        );
        ticks++;
      }
    }
    expect(ticks / runs).toBeGreaterThan(100);
  });
});

describe('keys', () => {
  it('are bounded, and what is refused is counted', () => {
    const detection = createDetection({ keysMax: 2 });
    detection.tick(
      startMs,
      ['service:a', 'service:b', 'service:c'].map((key) =>
        deltaOf(key as WindowKey, startMs - 1_000, { spanCount: 1 }),
      ),
    );
    expect([...detection.keys()]).toEqual(['service:a', 'service:b']);
    expect(detection.refusedCount).toBe(1);
  });
});
