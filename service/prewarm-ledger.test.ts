import { describe, expect, it } from 'vitest';
import { msPerSecond } from '../core/time.ts';
import { createPrewarmLedger } from './prewarm-ledger.ts';
import { drill, key, minute } from './sample.ts';

const level = { concurrency: 20, bindingLimit: 'concurrency', fromMs: minute(-10) } as const;

/** What the ledger says as the observed level changes: `[minute, available]`, in order. */
function turnsAlong(looks: readonly (readonly [number, number])[]) {
  const ledger = createPrewarmLedger();
  ledger.expect(key, drill, level);
  return {
    ledger,
    turns: looks.flatMap(([at, available]) =>
      ledger.observe(minute(at), () => available).map(({ turn }) => `${turn} at ${at}`),
    ),
  };
}

describe('what became of a promise', () => {
  it.each([
    { name: 'held from T − 8 on', looks: [[-10, 0], [-8, 20], [-3, 20], [0, 20]], turns: ['ready at -8', 'met at 0'] },
    { name: 'more than was promised', looks: [[-8, 25], [0, 25]], turns: ['ready at -8', 'met at 0'] },
    { name: 'one too few until T − 3', looks: [[-8, 19], [-3.1, 19], [-3, 19]], turns: ['late at -3'] },
    { name: 'ready just before T − 3', looks: [[-3.02, 20], [-3, 20], [0, 20]], turns: ['ready at -3.02', 'met at 0'] },
    { name: 'late, then there after all', looks: [[-3, 0], [-2, 20], [0, 20]], turns: ['late at -3', 'ready at -2', 'met at 0'] },
    { name: 'late is said once', looks: [[-3, 0], [-2, 0], [-1, 0], [0, 0]], turns: ['late at -3', 'missed at 0'] },
    { name: 'lost early and found again', looks: [[-9, 20], [-8, 0], [-5, 20], [0, 20]], turns: ['ready at -9', 'lost at -8', 'ready at -5', 'met at 0'] },
    { name: 'lost inside the last three minutes', looks: [[-8, 20], [-1, 0], [0, 0]], turns: ['ready at -8', 'lost at -1', 'late at -1', 'missed at 0'] },
    { name: 'there before it was asked for, for something else', looks: [[-30, 20], [-10, 20], [0, 20]], turns: ['ready at -10', 'met at 0'] },
    { name: 'nobody looks after the start', looks: [[0, 20], [1, 0]], turns: ['ready at 0', 'met at 0'] },
    { name: 'first judged when it has begun', looks: [[1, 0]], turns: ['missed at 1'] },
  ] as const)('$name', ({ looks, turns }) => {
    expect(turnsAlong(looks).turns).toEqual(turns);
  }); // prettier-ignore

  it('counts the minutes from the last time that it became whole', () => {
    const { ledger } = turnsAlong([[-9, 20], [-8, 0], [-5, 20], [0, 20]]); // prettier-ignore
    expect(ledger.of(key)).toMatchObject([{ eventId: drill.id, readyAtMs: minute(-5), minutesEarly: 5 }]);
  });
});

it('is neither told again nor counted anew after a restart', () => {
  const { ledger } = turnsAlong([[-8, 20]]);
  const next = createPrewarmLedger(ledger.told());
  next.expect(key, drill, level);
  expect(next.observe(minute(-7), () => 20)).toEqual([]);
  expect(next.of(key)).toMatchObject([{ readyAtMs: minute(-8), minutesEarly: 8 }]);
  const { ledger: late } = turnsAlong([[-3, 0]]);
  const another = createPrewarmLedger(late.told());
  another.expect(key, drill, level);
  expect(another.observe(minute(-2), () => 0)).toEqual([]);
});

describe('what is promised', () => {
  it('is remembered of the last four hundred events', () => {
    const ledger = createPrewarmLedger();
    for (let index = 0; index <= 400; index++) {
      ledger.expect(key, { ...drill, id: `drill@${index}`, startsAtMs: minute(index) }, level);
      ledger.observe(minute(index), () => 20);
    }
    expect(ledger.of(key).map(({ eventId }) => eventId)).toEqual(
      Array.from({ length: 400 }, (_, index) => `drill@${index + 1}`),
    );
  });

  it('is restated until the event has begun, and judged by the latest word', () => {
    const { ledger } = turnsAlong([[-8, 20]]);
    ledger.expect(key, drill, { concurrency: 30, bindingLimit: 'rate', fromMs: minute(-10) });
    expect(ledger.observe(minute(-7), () => 20).map(({ turn }) => turn)).toEqual(['lost']);
    expect(ledger.observe(minute(0), () => 30).map(({ turn }) => turn)).toEqual(['ready', 'met']);
    ledger.expect(key, drill, { concurrency: 5, bindingLimit: 'usd', fromMs: minute(-10) });
    expect(ledger.of(key)).toMatchObject([{ concurrency: 30, bindingLimit: 'rate' }]);
  });

  it.each([
    { name: 'dropped by a plan before it', nowMs: minute(0) - msPerSecond, keptCount: 0 },
    { name: 'kept once it has begun', nowMs: minute(0), keptCount: 1 },
  ])('is $name', ({ nowMs, keptCount }) => {
    const { ledger } = turnsAlong([[-8, 20]]);
    ledger.keepOnly('another' as typeof key, new Set(), minute(-7));
    ledger.keepOnly(key, new Set([drill.id]), minute(-7));
    expect(ledger.of(key)).toHaveLength(1);
    ledger.keepOnly(key, new Set(), nowMs);
    expect(ledger.of(key)).toHaveLength(keptCount);
  });
});
