/** Faults and forgeries before the engine, a few of what the bench plays. */
import { describe, expect, it } from 'vitest';
import { msPerMinute, msPerSecond } from '../../../core/time.ts';
import { playBreakers } from './breaker-play.ts';
import { forgeries, playForgery } from './forgery.ts';
import { faultScenario } from './scenarios.ts';

/** One of each kind that has two observers, fifty requests a second. */
it.each([16, 17, 19])(
  'fault %i: a breaker opens within a second of its incident, where it is, and closes again',
  (index) => {
    const play = playBreakers(faultScenario(index, 'faults-1'), { harmedRatioMin: 0.2 });
    expect(play.openAfterMs).toBeLessThanOrEqual(msPerSecond);
    expect(play.opened).toHaveLength(1);
    expect(play.strayed).toEqual([]);
    expect(play.moves.length).toBeLessThanOrEqual(3);
    expect(play.isClosedAtEnd).toBe(true);
    expect(play.harmedCount).toBeLessThan(play.harmedWithoutCount / 5);
  },
);

it('throttles that a caller alone has seen open none', () => {
  const play = playBreakers(faultScenario(18, 'faults-1'), { harmedRatioMin: 0.2 });
  expect(play.opened).toEqual([]);
  expect(play.refusals.join()).toContain('caller (gateway) alone confirms it');
});

describe('ten times the calls, all of them made up', () => {
  const options = {
    ...{ seed: 'forged', requestsPerSecond: 20, playbooks: [] },
    ...{ learningMs: 8 * msPerMinute, forgedMs: 4 * msPerMinute },
  };

  it.each(forgeries)('$name: an incident, no breaker, no dollar, and the sender is named', (forgery) => {
    const seen = playForgery(forgery, options);
    expect([seen.breakersOpened, seen.raises]).toEqual([0, 0]);
    expect(seen.incidentCount).toBeGreaterThan(0);
    expect(seen.named?.because).toContain(forgery.sender);
    // Who tells for everybody is contradicted by nobody but AWS, whose count is minutes late.
    const isAlone = forgery.isSharedByAll && forgery.tells === 'both';
    expect(seen.named?.afterMs).toBeLessThan(isAlone ? 4 * msPerMinute : 15 * msPerSecond);
  });
});
