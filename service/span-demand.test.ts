import { describe, expect, it } from 'vitest';
import { msPerSecond } from '../core/time.ts';
import type { FunctionKey } from '../core/series-key.ts';
import type { WindowDelta } from '../core/window.ts';
import { createSpanDemand } from './span-demand.ts';

const key = '123456789012/us-east-1/orders:live' as FunctionKey;
const startMs = Date.UTC(2026, 2, 2, 14);

type About = Partial<WindowDelta> & { readonly second: number };

function delta({ second, ...counts }: About): WindowDelta {
  return {
    ...{ key, secondAtMs: startMs + second * msPerSecond, sender: 'lambda', spanCount: 5, requestCount: 100 },
    ...{ errorCount: 0, throttleCount: 0, coldStartCount: 0, provisionedInitCount: 0, deadLetterCount: 0 },
    ...{ durationMs: [], valueSum: 0, examples: { slowest: [], failed: [] } },
    ...counts,
  };
}

/** Ticks 1 to 30, each with what arrives at it: what is told, as [tick, second, requests]. */
function told(
  arrivals: Readonly<Record<number, readonly About[]>>,
  {
    trusted = ['lambda', 'gateway'],
    disputedFrom = Infinity,
  }: { readonly trusted?: readonly string[]; readonly disputedFrom?: number } = {},
) {
  const demand = createSpanDemand(new Set<string>([key]), trusted);
  return Array.from({ length: 30 }, (_, index) => index + 1).flatMap((tick) => {
    const isDisputed = (about: string, sender: string): boolean =>
      about === key && sender === 'gateway' && tick >= disputedFrom;
    const counts = demand.take(startMs + tick * msPerSecond, (arrivals[tick] ?? []).map(delta), isDisputed);
    return counts.map(({ atMs, requestCount }) => [tick, (atMs - startMs) / msPerSecond, requestCount]);
  });
}

describe('requests a second, as spans count them', () => {
  it('are told ten seconds after the second, of all senders together, late spans among them', () => {
    const arrivals = {
      2: [{ second: 1 }],
      3: [{ second: 1, sender: 'gateway', requestCount: 40 }],
      10: [{ second: 1, requestCount: 7 }],
    };
    expect(told(arrivals)).toEqual([[11, 1, 147]]);
  });

  it('come in the order of time, whatever came first', () => {
    expect(told({ 4: [{ second: 3 }, { second: 2, requestCount: 9 }] })).toEqual([
      [12, 2, 9],
      [13, 3, 100],
    ]);
  });

  it.each<{ readonly name: string; readonly arrived: readonly About[]; readonly trusted?: readonly string[] }>([
    { name: 'by a sender who is not trusted', arrived: [{ second: 1, sender: 'stranger' }] },
    { name: 'by anybody, where nobody is trusted', arrived: [{ second: 1 }], trusted: [] },
    { name: 'of what is no function of ours', arrived: [{ second: 1, key: 'service:web' }] },
    { name: 'of requests that nobody can count', arrived: [{ second: 1, requestCount: undefined as never }] },
    {
      name: 'where one of two cannot be counted',
      arrived: [{ second: 1 }, { second: 1, sender: 'gateway', requestCount: undefined as never }],
    },
    { name: 'of a second before the first tick', arrived: [{ second: 0 }, { second: -1 }] },
  ])('are not told: $name', ({ arrived, trusted }) => {
    expect(told({ 2: arrived }, trusted && { trusted })).toEqual([]);
  });

  it('of a second that was told, what comes still is left out', () => {
    expect(told({ 2: [{ second: 1 }], 12: [{ second: 1 }] })).toEqual([[11, 1, 100]]);
  });

  it('throttled requests are demand, and say that there was more', () => {
    const demand = createSpanDemand(new Set<string>([key]), ['lambda']);
    demand.take(startMs, [delta({ second: 0, throttleCount: 30 })], () => false);
    expect(demand.take(startMs + 10 * msPerSecond, [], () => false)).toMatchObject([
      { requestCount: 130, isSaturated: true },
    ]);
  });

  it.each([
    ['tick on which it is due is not told: it may be made up', 11, []],
    ['tick after that was told', 12, [[11, 1, 1_100]]],
  ])('what a sender says that is disputed from the %s', (_, disputedFrom, expected) => {
    const arrived = [{ second: 1 }, { second: 1, sender: 'gateway', requestCount: 1_000 }];
    expect(told({ 2: arrived }, { disputedFrom })).toEqual(expected);
  });
});
