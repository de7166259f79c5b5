/** Many made-up episodes, judged as a whole: what no single case shows. */
import { expect, it } from 'vitest';
import { createRandom, type Random } from '../../core/random.ts';
import type { EdgeCounts } from './edge-counts.ts';
import { closedSince, next, standingOf } from './machine.ts';
import { noCalls, quietMoment, sampleIncident, sampleSpec } from './sample.ts';

interface Episode {
  /** In seconds. */
  readonly length: number;
  readonly foundAfter: number;
  readonly callsPerSecond: number;
  readonly harmedRatio: number;
  readonly usualRatio: number;
  /** How long clients take to hear of a standing, in seconds. */
  readonly lag: number;
}

const faultAt = 30;

function drawEpisode(random: Random): Episode {
  const between = (from: number, to: number): number => from + (to - from) * random.next();
  return {
    length: Math.exp(between(Math.log(20), Math.log(900))),
    foundAfter: between(3, 15),
    callsPerSecond: Math.exp(between(0, Math.log(100))),
    harmedRatio: between(0.6, 1),
    usualRatio: between(0, 0.03),
    lag: Math.round(between(0, 5)),
  };
}

/** The states it goes to, and how long after the end of the fault it closes for good. */
function live(episode: Episode, random: Random): { readonly moves: readonly string[]; readonly closedAfter: number } {
  const { length, foundAfter, callsPerSecond, harmedRatio, usualRatio, lag } = episode;
  const endsAt = faultAt + length;
  let state = closedSince(0);
  const admitted: number[] = [];
  const seconds: EdgeCounts[] = [];
  const moves: string[] = [];
  let closedAfter = 0;
  const count = (fromMs: number, untilMs: number): EdgeCounts => {
    let [callCount, harmedCount] = [0, 0];
    for (let at = Math.ceil(fromMs / 1_000); at < untilMs / 1_000; at++) {
      callCount += seconds[at]?.callCount ?? 0;
      harmedCount += seconds[at]?.harmedCount ?? 0;
    }
    return { ...noCalls, callCount, harmedCount };
  };
  for (let at = 0; at < endsAt + 900; at++) {
    admitted.push(standingOf(sampleSpec, state, at * 1_000).admitRatio);
    const callCount = random.poisson(callsPerSecond * admitted[Math.max(0, at - lag)]!);
    const ratio = at >= faultAt && at < endsAt ? harmedRatio : usualRatio;
    let harmedCount = 0;
    for (let call = 0; call < callCount; call++) if (random.next() < ratio) harmedCount++;
    seconds.push({ ...noCalls, callCount, harmedCount });
    const isKnown = at >= faultAt + foundAfter && at < endsAt + 30;
    const incidents = isKnown ? [{ ...sampleIncident, startsAtMs: faultAt * 1_000 }] : [];
    const step = next(sampleSpec, state, quietMoment(at * 1_000, { incidents, count }));
    if (step.state.state !== state.state) {
      moves.push(step.state.state);
      closedAfter = at - endsAt;
    }
    state = step.state;
  }
  return { moves, closedAfter };
}

// Faults of 20 s to 15 minutes that harm 60 to 100 % of 1 to 100 calls a second, found after 3 to 15 s, told to clients within 5 s.
it('at most three transitions in 95 of 100 episodes, each closed within ten minutes of the end', () => {
  const random = createRandom('breaker-episodes');
  const lived = Array.from({ length: 300 }, () => live(drawEpisode(random), random));
  const calm = lived.filter(({ moves }) => moves.length <= 3);
  expect(calm.length).toBeGreaterThanOrEqual(0.95 * lived.length);
  expect(lived.every(({ moves }) => moves[0] === 'open' && moves.at(-1) === 'closed')).toBe(true);
  expect(Math.max(...lived.map(({ closedAfter }) => closedAfter))).toBeLessThan(600);
  const after = lived.map(({ closedAfter }) => closedAfter).sort((a, b) => a - b);
  expect(after[150]).toBeLessThan(150);
});
