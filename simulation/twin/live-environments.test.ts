import { describe, expect, it } from 'vitest';
import { createRandom } from '../../core/random.ts';
import {
  admit,
  createFunctionPlane,
  onDemandCount,
  releaseOnDemand,
  retireOnDemand,
  setAllocated,
  type FunctionPlane,
} from './function-plane.ts';
import { expireIdle } from './idle-stack.ts';
import { defaultParams } from './limits.ts';
import { liveEnvironments } from './live-environments.ts';
import type { TwinFunction } from './twin-function.ts';

const { keepAliveMs } = defaultParams;
const runMs = 1_000;

/** Two provisioned, and five requests at once, each a second long: three on demand, initialised within a second. */
function crowded(): FunctionPlane {
  const spec = { initDurationMs: 1 } as TwinFunction;
  const plane = createFunctionPlane(spec, defaultParams, createRandom('crowded'));
  setAllocated(plane, 2, 0);
  for (let count = 0; count < 5; count++) admit(plane, 1_000, runMs, Infinity);
  return plane;
}

describe('environments that exist', () => {
  it.each([
    { name: 'while they are busy', atMs: 1_500, claimed: 2, provisioned: 2, onDemand: 3 },
    { name: 'while they idle', atMs: keepAliveMs, claimed: 2, provisioned: 2, onDemand: 3 },
    { name: 'until they are let go', atMs: 3_000 + keepAliveMs, claimed: 2, provisioned: 2, onDemand: 0 },
    { name: 'with those in preparation', atMs: 1_500, claimed: 50, provisioned: 50, onDemand: 3 },
  ])('are counted $name', ({ atMs, claimed, provisioned, onDemand }) => {
    const plane = crowded();
    expect(liveEnvironments(plane, { claimed, atMs })).toEqual({ provisioned, onDemand });
    // As many as the plane itself finds once it has put them away.
    releaseOnDemand(plane, atMs);
    expireIdle(plane.idle, atMs - keepAliveMs);
    expect(onDemandCount(plane) + plane.idle.size).toBe(onDemand);
  });

  it('are counted while what was taken away finishes its request', () => {
    const plane = crowded();
    setAllocated(plane, 0, 1_500);
    retireOnDemand(plane, 1_500);
    expect(liveEnvironments(plane, { claimed: 0, atMs: 1_600 })).toEqual({ provisioned: 2, onDemand: 3 });
    expect(liveEnvironments(plane, { claimed: 0, atMs: 3_000 })).toEqual({ provisioned: 0, onDemand: 0 });
  });
});
