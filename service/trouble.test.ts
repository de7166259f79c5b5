import { describe, expect, it } from 'vitest';
import { advanceBookings, noBookings } from '../actuators/bookings.ts';
import { createPursuit, type Pursuit } from '../actuators/pursuit.ts';
import type { Observed } from '../core/capacity.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import { createFunctionState, type FunctionState } from './function-state.ts';
import { createIncidents } from './incidents.ts';
import { eventAtMs, key, spec } from './sample.ts';
import { reportTrouble } from './trouble.ts';

const observed: Observed = {
  key,
  atMs: eventAtMs,
  version: '1',
  hasRoutingWeights: false,
  provisioned: { requested: 40, allocated: 40, available: 40, status: 'READY' },
};
const ready: Pursuit = {
  ...createPursuit(eventAtMs),
  state: 'ready',
  wantedConcurrency: 40,
  concurrency: 40,
  askedConcurrency: 40,
  oursConcurrencyMax: 40,
  observed,
  windowId: 'drill@0',
};
const allocating = { ...observed.provisioned!, available: 28, status: 'IN_PROGRESS' } as const;
const drifted = (seen: number, count = 1): Partial<Pursuit> => ({
  state: 'lost',
  observed: { ...observed, provisioned: { ...observed.provisioned!, requested: seen, available: seen } },
  drift: { count, seen, atMs: eventAtMs },
});
const lowered = advanceBookings(noBookings, {
  kind: 'listed',
  bookings: [{ key, purpose: 'lower', atMs: eventAtMs, concurrency: 40 }],
  askedAtMs: eventAtMs - msPerMinute,
});

interface Scene {
  readonly pursuit?: Partial<Pursuit>;
  readonly state?: Partial<FunctionState>;
  readonly lastsMs?: number;
}

/** What is opened at an instant, and what of it is closed once all is well again. */
function troubleIn({ pursuit, state, lastsMs = 0 }: Scene): { readonly opened: string[]; readonly stillOpen: number } {
  const incidents = createIncidents();
  const opened: string[] = [];
  const report = (one: FunctionState, nowMs: EpochMs): void =>
    reportTrouble(one, {
      nowMs,
      incidents,
      note: ({ kind, body }) => {
        if (kind === 'incident.opened') opened.push(`${body['incident'] as string}: ${body['because'] as string}`);
        return opened.length;
      },
    });
  const calm = { ...createFunctionState(spec, 'seed'), pursuit: ready };
  report({ ...calm, ...state, pursuit: { ...ready, ...pursuit } }, eventAtMs + lastsMs);
  report(calm, eventAtMs + 10 * msPerMinute);
  return { opened, stillOpen: Object.keys(incidents.open()).length };
}

describe('trouble', () => {
  it.each<[string, Scene, RegExp | undefined]>([
    ['none where all is well', {}, undefined],
    ['no doubt of less than half a minute', { pursuit: { state: 'cannot-verify' }, lastsMs: 29_999 }, undefined],
    ['a doubt of half a minute', { pursuit: { state: 'cannot-verify' }, lastsMs: 30_000 }, /^cannot-verify/],
    [
      'a start that fails',
      { pursuit: { state: 'failed', failure: { atMs: 0, reason: 'INIT', version: '7' } } },
      /^initialisation-failed: .* version 7 does not start: INIT/,
    ],
    [
      'READY that is lost in a window',
      { pursuit: { state: 'lost', observed: { ...observed, provisioned: allocating } } },
      /^ready-lost: .* 28 available, IN_PROGRESS/,
    ],
    ['nothing lost of a floor', { pursuit: { state: 'lost', windowId: undefined } }, undefined],
    ['a deployment that moves it', lostTo({ hasRoutingWeights: true }), /^ready-lost: .*deployment is moving/],
    [
      'a deployment that a raise waits for',
      { pursuit: { state: 'wanted', observed: { ...observed, hasRoutingWeights: true } } },
      /^deployment-in-flight/,
    ],
    ['another hand that set less', { pursuit: drifted(5) }, /^ready-lost: .* set 5: it is put back once/],
    ['one that did so again', { pursuit: drifted(5, 2) }, /^ready-lost: .* not for the first time/],
    [
      'one that may have it',
      { pursuit: drifted(5), state: { spec: { ...spec, onDrift: 'yield' } } },
      /^ready-lost: .* as onDrift says/,
    ],
    ['another hand that set more', { pursuit: drifted(60) }, /^another-hand: .* 60 where 40 are wanted/],
    [
      'nothing lost by a booked call that asks for what stands there',
      {
        pursuit: { state: 'lost', observed: { ...observed, provisioned: { ...allocating, available: 40 } } },
        state: { bookings: lowered },
        lastsMs: 90 * msPerSecond,
      },
      undefined,
    ],
    ['no end that is not booked yet', { state: { unbookedSinceMs: eventAtMs }, lastsMs: 59_999 }, undefined],
    [
      'an end that is not booked for a minute',
      { state: { unbookedSinceMs: eventAtMs }, lastsMs: 60_000 },
      /^cannot-book/,
    ],
    ['no scalable target', steered({}), /^cannot-steer: .* has no scalable target/],
    ['a scalable target that ends too low', steered({ scalable: { min: 0, max: 39 } }), /^cannot-steer: .* ends at 39/],
    ['none that ends at what is wanted', steered({ scalable: { min: 40, max: 40 } }), undefined],
    ['nothing said of a target that was not looked at since', { ...steered({}), lastsMs: 90_001 }, undefined],
  ])('%s', (_, scene, because) => {
    const { opened, stillOpen } = troubleIn(scene);
    expect(opened).toEqual(because === undefined ? [] : [expect.stringMatching(because)]);
    expect(stillOpen).toBe(0);
  });

  it('is one episode while doubts come and go within five minutes', () => {
    const incidents = createIncidents();
    const kinds: string[] = [];
    const context = { incidents, note: ({ kind }: { kind: string }) => kinds.push(kind) };
    const state = (name: Pursuit['state'], minute: number): FunctionState => ({
      ...createFunctionState(spec, 'seed'),
      pursuit: { ...ready, state: name, sinceMs: eventAtMs + minute * msPerMinute },
    });
    reportTrouble(state('cannot-verify', 0), { ...context, nowMs: eventAtMs + msPerMinute });
    reportTrouble(state('ready', 2), { ...context, nowMs: eventAtMs + 6.9 * msPerMinute });
    reportTrouble(state('cannot-verify', 7), { ...context, nowMs: eventAtMs + 8 * msPerMinute });
    expect(kinds).toEqual(['incident.opened']);
    reportTrouble(state('ready', 9), { ...context, nowMs: eventAtMs + 14 * msPerMinute });
    expect(kinds).toEqual(['incident.opened', 'incident.closed']);
  });
});

function lostTo(seen: Partial<Observed>): Scene {
  return { pursuit: { state: 'lost', observed: { ...observed, ...seen } } };
}

function steered(seen: Partial<Observed>): Scene {
  const step = {
    key,
    fromMs: eventAtMs - 10 * msPerMinute,
    untilMs: eventAtMs + 15 * msPerMinute,
    readyByMs: eventAtMs - 5 * msPerMinute,
    concurrency: 40,
    concurrencyWanted: 40,
    usd: 0,
    bindingLimit: 'concurrency',
    because: 'drill',
  } as const;
  return { pursuit: { isSteered: true, observed: { ...observed, ...seen } }, state: { step } };
}
