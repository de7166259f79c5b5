import { describe, expect, it } from 'vitest';
import { msPerMinute, msPerSecond } from '../core/time.ts';
import { documentedLead } from '../forecaster/event-window.ts';
import { createControlPlaneHealth } from './control-plane-health.ts';

const nowMs = 100 * msPerMinute;

/** A call a second until now: `x` failed, `.` did not. */
function healthOf(calls: string, endedAgoMs = 0) {
  const health = createControlPlaneHealth();
  Array.from(calls).forEach((call, index) => {
    const agoMs = endedAgoMs + (calls.length - 1 - index) * msPerSecond;
    health.heard({ atMs: nowMs - agoMs, hasFailed: call === 'x' });
  });
  return health;
}

describe('the share of calls that fail', () => {
  it.each<[string, string, number, number]>([
    ['is nothing without calls', '', 0, 0],
    ['is nothing after two failures, however few the calls', 'xx', 0, 0],
    ['is all of three', 'xxx', 0, 1],
    ['is counted over all calls', 'xxx' + '.'.repeat(57), 0, 0.05],
    ['still counts a call of a second less than ten minutes ago', 'xxx', 10 * msPerMinute - 3 * msPerSecond, 1],
    ['forgets one of ten minutes ago', 'xxx', 10 * msPerMinute - 2 * msPerSecond, 0],
  ])('%s', (_, calls, endedAgoMs, ratio) => {
    expect(healthOf(calls, endedAgoMs).errorRatio(nowMs)).toBe(ratio);
  });
});

describe('the lead that these days call for', () => {
  const marginMinutes = (calls: string): number =>
    (healthOf(calls).leadOf(documentedLead, nowMs).marginMs - documentedLead.marginMs) / msPerMinute;
  it.each<[string, string, number]>([
    ['as documented on a good day', '.'.repeat(20), 0],
    ['as documented at one failure in twenty', 'xxx' + '.'.repeat(57), 0],
    ['room for three attempts just above it', 'xxx' + '.'.repeat(56), 2],
    // ln 0.001 / ln 0.5 = 10 attempts of 40 s.
    ['room for ten where every other call fails', 'xxx...', 7],
    ['twenty minutes and no more where all fail', 'xxx', 20],
  ])('is %s', (_, calls, minutes) => {
    expect(marginMinutes(calls)).toBe(minutes);
  });

  const prepMsAfter = (count: number, tookMs: number): number => {
    const health = createControlPlaneHealth();
    // 10 ms of these for each of 100 environments, and a second for the last of them to start.
    for (let index = 0; index < count; index++)
      health.becameReady({ tookMs: tookMs + 2_000, concurrency: 100, initDurationMs: 1_000 });
    return health.leadOf(documentedLead, nowMs).prepMs;
  };
  it.each<[string, number, number, number]>([
    ['as documented until twenty raises were seen', 19, 5 * msPerMinute, documentedLead.prepMs],
    ['learned from twenty on', 20, 5 * msPerMinute, 5 * msPerMinute],
    ['rounded up to a quarter of a minute', 20, 5 * msPerMinute + 1, 5.25 * msPerMinute],
    ['a minute at least', 20, 10 * msPerSecond, msPerMinute],
    ['a quarter of an hour at most', 20, 60 * msPerMinute, 15 * msPerMinute],
  ])('is %s', (_, count, tookMs, prepMs) => {
    expect(prepMsAfter(count, tookMs)).toBe(prepMs);
  });

  it('goes on from what was learned before a restart, and forgets the oldest', () => {
    const known = Array.from({ length: 200 }, (_, index) => index);
    const health = createControlPlaneHealth(known);
    expect(health.preparationsMs()).toBe(known);
    health.becameReady({ tookMs: 500, concurrency: 0, initDurationMs: 0 });
    expect(health.preparationsMs()).toEqual([...known.slice(1), 500]);
  });
});
