/** The bad days that a release is held to; `npm run bench -- bad-days` plays them all. What holds on any day stands in `breaches`. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { badDays } from './bad-days.ts';
import { harmedOf, playBadDay, type BadDayReport, type FunctionReport } from './bad-day-report.ts';

async function play(name: string): Promise<BadDayReport & { readonly orders: FunctionReport }> {
  const { day, report } = await playBadDay(
    badDays.find((one) => one.name === name)!,
    'rehearsal',
  );
  onTestFinished(() => day.world.close());
  expect(report.breaches).toEqual([]);
  return { ...report, orders: report.functions[0]! };
}

function incidentsOf({ incidents }: BadDayReport): readonly string[] {
  return incidents.map(({ function: name, incident }) => `${name} ${incident}`).toSorted();
}

const levelsOf = ({ levels }: FunctionReport): readonly number[] => levels.map(({ level }) => level);

describe('a control plane that fails for forty minutes', () => {
  it('by 5xx: asks for nothing, tells why and in time, and leaves nothing', async () => {
    const report = await play('5xx');
    for (const one of report.functions) expect(levelsOf(one)).toEqual([]);
    expect(incidentsOf(report)).toEqual([
      'account control-plane-errs',
      'orders-validate cannot-verify',
      'orders-validate prewarm-late',
      'quotes-stream cannot-verify',
      'quotes-stream prewarm-late',
    ]);
    expect(report.incidents.find(({ incident }) => incident === 'control-plane-errs')!.minute).toBeLessThan(-9);
    expect(report.incidents.filter(({ closedMinute }) => closedMinute === null)).toEqual([]);
  });

  it('by looks alone, once warm: holds what stands through the event, and undoes nothing until it sees again', async () => {
    const report = await play('gets-fail-once-warm');
    const inTheDark = report.orders.levels.filter(({ minute }) => minute > -6 && minute < 34);
    expect(inTheDark).toEqual([]);
    expect(harmedOf(report.orders.with)).toBe(0);
    expect(incidentsOf(report)).toEqual(
      expect.arrayContaining(['orders-validate cannot-verify', 'quotes-stream cannot-verify']),
    );
  });

  it('for six calls in ten: is READY and knows it', async () => {
    const report = await play('429-60');
    for (const one of report.functions) {
      expect(one.readyMinutes).toBeGreaterThanOrEqual(5);
      expect(one.readyMinutesClaimed).toBeGreaterThanOrEqual(3);
    }
    expect(report.prewarms.map(({ turn }) => turn)).toEqual(['ready', 'ready']);
  });

  it('by never allocating: asks once, pages, and takes down what it had asked for', async () => {
    const report = await play('stuck');
    expect(report.orders.levels.filter(({ minute }) => minute < 15)).toHaveLength(1);
    expect(incidentsOf(report)).toEqual(['orders-validate prewarm-late', 'quotes-stream prewarm-late']);
  });
});

describe('EventBridge Scheduler out of reach', () => {
  it('from the start: no raise, said within two minutes of its time', async () => {
    const report = await play('scheduler-down');
    for (const one of report.functions) expect(levelsOf(one)).toEqual([]);
    const told = report.incidents.filter(({ incident }) => incident === 'cannot-book');
    expect(told.map(({ minute }) => minute < -8)).toEqual([true, true]);
  });

  // Goal: an end that cannot be taken back takes nothing away that is wanted.
  it("once warm: what is booked steps down as the plan does, and harms nobody beyond the plan's share", async () => {
    const report = await play('scheduler-down-later');
    expect(report.fired.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['orders-validate lower 16', 'quotes-stream lower 6']),
    );
    expect(harmedOf(report.orders.with)).toBe(0);
    // A single request is within the share that each function states: of the 45,000 in that half hour 45 may spill.
    for (const one of report.functions) expect(harmedOf(one.with)).toBeLessThanOrEqual(1);
    expect(incidentsOf(report)).toEqual([]);
  });
});

describe('another hand', () => {
  it('deploys at T-5: it is waited out, told within two looks, and READY again before the event', async () => {
    const report = await play('deployment');
    const lost = report.incidents.find(({ incident }) => incident === 'ready-lost')!;
    expect(lost.minute).toBeLessThan(-4.4);
    expect(report.orders.levels.filter(({ minute }) => minute < 15)).toHaveLength(1);
    expect(report.orders.readyMinutesClaimed).toBeGreaterThan(0);
    expect(harmedOf(report.orders.with)).toBe(0);
  });

  it('clamps to 10 by a scalable target: it is put back once, within half a minute', async () => {
    const report = await play('clamp');
    const [first, again, ...later] = report.orders.levels;
    expect(again).toEqual({ minute: expect.closeTo(-5.75, 0) as number, level: first!.level });
    expect(later[0]!.minute).toBeGreaterThanOrEqual(15);
    expect(report.incidents.map(({ incident }) => incident)).toEqual(['ready-lost']);
    expect(harmedOf(report.orders.with)).toBe(0);
  });

  it('sets less twice: it is put back once, then left to it, the end included', async () => {
    const report = await play('human-lower-twice');
    expect(levelsOf(report.orders)).toEqual([23, 23]);
    expect(report.incidents.filter(({ incident }) => incident === 'ready-lost')).toHaveLength(2);
  });

  it('sets less once the event has begun: it is put back all the same', async () => {
    const report = await play('human-lower-after');
    expect(levelsOf(report.orders).slice(0, 2)).toEqual([23, 23]);
    expect(report.orders.levels[1]!.minute).toBeLessThan(3.6);
  });

  it('sets more, and less in the end: neither is ours to change', async () => {
    const report = await play('human-higher');
    expect(levelsOf(report.orders)).toEqual([23]);
    expect(report.incidents.map(({ incident }) => incident)).toEqual(['another-hand', 'ready-lost']);
  });
});

describe('a scalable target that is steered', () => {
  it('is READY in time, and is left as it was, with what was provisioned in it', async () => {
    const report = await play('steer');
    expect(report.orders.readyMinutes).toBeGreaterThanOrEqual(5);
    expect(report.orders.bounds.at(-1)!.bounds).toBe('2..60');
    expect(incidentsOf(report)).toEqual([]);
  });

  it('is taken away once warm: said so, not made anew by us, and what is booked ends what we hold', async () => {
    const report = await play('steer-gone-once-warm');
    expect(incidentsOf(report)).toEqual(['orders-validate cannot-steer']);
    // The plan gives all back at T+30; what is booked for the end, soon after.
    expect(report.orders.bounds.filter(({ minute }) => minute > -5 && minute < 31)).toEqual([]);
    expect(report.fired.map(({ what }) => what)).toContain('orders-validate end 2');
    expect(harmedOf(report.orders.with)).toBe(0);
  });
});
