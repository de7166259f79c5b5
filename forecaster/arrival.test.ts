import { describe, expect, it } from 'vitest';
import { msPerMinute } from '../core/time.ts';
import { createArrivalWatch } from './arrival.ts';
import type { MarketEvent } from '../core/market-event.ts';
import { releaseAtMs } from './sample.ts';

const release = { startsAtMs: releaseAtMs } as MarketEvent;
const minute = (offset: number): number => releaseAtMs + offset * msPerMinute;

/** A hundred a minute until the event, then as told. */
function watchOf(volumes: readonly number[]) {
  const watch = createArrivalWatch(msPerMinute);
  for (let offset = -20; offset < 0; offset++) watch.learn({ bucketAtMs: minute(offset), volume: 100 });
  for (const [offset, volume] of volumes.entries()) watch.learn({ bucketAtMs: minute(offset), volume });
  return watch;
}

describe('an event that lifts the half hour after it by 80 %', () => {
  it.each([
    { name: 'has come once a minute shows half of that', volumes: [100, 141], arrival: 'come' },
    { name: 'and is awaited just below', volumes: [100, 139], arrival: 'awaited' },
    { name: 'stays come when it falls off', volumes: [300, 100, 100], arrival: 'come' },
    { name: 'is awaited before its minute', volumes: [], arrival: 'awaited' },
  ])('$name', ({ volumes, arrival }) => {
    const nowMs = minute(volumes.length);
    expect(watchOf(volumes).arrivalOf(release, { nowMs, liftRatio: 0.8 })).toBe(arrival);
  });

  it('needs a sixth at least, so that noise is no arrival of a kind that lifts little', () => {
    const arrival = (volume: number) => watchOf([volume]).arrivalOf(release, { nowMs: minute(1), liftRatio: 0.01 });
    expect([arrival(116), arrival(117)]).toEqual(['awaited', 'come']);
  });

  it('is unknown where no volume came for ten minutes, or none from before it', () => {
    const watch = watchOf([100]);
    expect(watch.arrivalOf(release, { nowMs: minute(11), liftRatio: 0.8 })).toBe('awaited');
    expect(watch.arrivalOf(release, { nowMs: minute(11) + 1, liftRatio: 0.8 })).toBeUndefined();
    const late = createArrivalWatch(msPerMinute);
    late.learn({ bucketAtMs: minute(3), volume: 500 });
    expect(late.arrivalOf(release, { nowMs: minute(4), liftRatio: 0.8 })).toBeUndefined();
    expect(createArrivalWatch(msPerMinute).arrivalOf(release, { nowMs: minute(4), liftRatio: 0.8 })).toBeUndefined();
  });
});
