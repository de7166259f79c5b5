/**
 * The production system on the twin, through real HTTP and the real SDK, on a virtual clock. What is watched in all of them stands in scenario.ts.
 */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AuditEvent, AuditKind } from '../../core/audit.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { verifyAudit } from '../../store/audit-verify.ts';
import {
  drillId,
  nameOf,
  ordersKey,
  quotesKey,
  rehearse,
  serviceAnswer,
  type Rehearsal,
  type RehearsalOptions,
} from './scenario.ts';

const both = [ordersKey, quotesKey];

async function begin(options?: RehearsalOptions): Promise<Rehearsal> {
  const day = await rehearse(options);
  onTestFinished(() => day.world.close());
  return day;
}

function eventsOf(day: Rehearsal, kind: AuditKind, key?: FunctionKey): readonly AuditEvent[] {
  return day.audit.filter(
    (event) => event.kind === kind && (key === undefined || [event.body['function'], event.body['key']].includes(key)),
  );
}

function incidentsOf(day: Rehearsal): readonly string[] {
  return eventsOf(day, 'incident.opened').map(
    ({ body }) =>
      `${body['function'] === 'account' ? 'account' : nameOf(body['function'] as FunctionKey)} ${body['incident'] as string}`,
  );
}

/** Events about capacity itself; bookings have theirs too. */
function holdsOf(day: Rehearsal, kind: AuditKind, key: FunctionKey): readonly AuditEvent[] {
  return eventsOf(day, kind, key).filter(({ body }) => body['concurrency'] !== undefined);
}

/** The levels that were asked of the twin, in order; 0 is a Delete. */
function levelsOf(day: Rehearsal, key: FunctionKey): readonly number[] {
  return day.calls.flatMap(({ functionKey, level }) => (functionKey === key && level !== undefined ? [level] : []));
}

function prewarmOf(day: Rehearsal, key: FunctionKey) {
  return day.world.system.prewarmsOf(key).find(({ eventId }) => eventId === drillId)!;
}

function isDescending(levels: readonly number[]): boolean {
  return levels.every((level, index) => index === 0 || level < levels[index - 1]!);
}

describe('an event that calendar and history foretell', () => {
  it('is met READY and nearly without cold starts; the floor holds through the lull, and all is given back', async () => {
    const day = await begin();
    await day.runUntil(-4);
    const peaks = both.map((key) => day.configured(key));
    expect(peaks.map((peak) => peak?.status)).toEqual(['READY', 'READY']);
    await day.runUntil(0);
    const before = both.map((key) => day.world.measured(key));
    await day.runUntil(14);
    expect(both.map((key) => day.configured(key))).toEqual(peaks);
    for (const [index, key] of both.entries()) {
      const [own, without] = (['with', 'without'] as const).map(
        (twin) => day.world.measured(key)[twin].coldStarts - before[index]![twin].coldStarts,
      );
      expect(without).toBeGreaterThan(3);
      // A tenth, or one: a single request is within the share that each function states.
      expect(own).toBeLessThanOrEqual(Math.max(1, without! / 10));
    }
    await day.runUntil(125);

    for (const key of both) {
      expect(prewarmOf(day, key).minutesEarly).toBeGreaterThanOrEqual(3);
      const levels = levelsOf(day, key);
      expect(isDescending(levels)).toBe(true);
      expect(levels.at(-1)).toBe(0);
      expect(day.configured(key)).toBeUndefined();
      const [window] = day.world.measured(key).eventWindows;
      // Steps down follow demand within the share of spilled requests that each function states; of those few start cold.
      expect(window!.with.spillover).toBeLessThanOrEqual(0.001 * window!.with.requests);
      expect(window!.with.coldStarts).toBeLessThan(window!.without.coldStarts / 2);
    }
    expect(incidentsOf(day)).toEqual([]);
    expect(await verifyAudit(day.store)).toMatchObject({ verified: true, eventCount: day.audit.length });
  });

  it('comes back to the floor, and never falls below it', async () => {
    const day = await begin({ concurrencyFloor: 4 });
    await day.runUntil(-12);
    expect(both.map((key) => day.configured(key))).toEqual(both.map(() => ({ requested: 4, status: 'READY' })));
    await day.runUntil(125);
    for (const key of both) {
      const [first, ...others] = levelsOf(day, key);
      expect(first).toBe(4);
      expect(isDescending(others)).toBe(true);
      expect(others.at(-1)).toBe(4);
    }
  });

  it('is decided alike, to the byte, by the same seed, and not by another', async () => {
    const heads = [];
    for (const seed of ['one', 'one', 'two']) {
      const day = await begin({ seed });
      await day.runUntil(1);
      const bytes: string[] = [];
      for await (const record of day.store.read(0)) bytes.push(Buffer.from(record.bytes).toString());
      heads.push({ head: day.world.system.audit().head, bytes });
    }
    expect(heads[1]).toEqual(heads[0]);
    expect(heads[2]!.head).not.toBe(heads[0]!.head);
  });
});

describe('a control plane in trouble', () => {
  it.each([
    { what: 'every call', isHit: () => true },
    { what: 'every change', isHit: (level: number | undefined) => level !== undefined },
  ])('throttles $what for a minute: waits, and is READY in time', async ({ isHit }) => {
    const day = await begin({
      fault: ({ minute, level }) =>
        minute >= -10 && minute < -9 && isHit(level) ? { kind: 'answer', response: serviceAnswer(429) } : undefined,
    });
    await day.runUntil(0.1);
    const faulted = day.calls.filter(({ isFaulted }) => isFaulted).length;
    expect(faulted).toBeGreaterThan(2);
    // Doubling from a second: about seven tries a function in a minute.
    expect(faulted).toBeLessThan(20);
    for (const key of both) expect(prewarmOf(day, key).minutesEarly).toBeGreaterThanOrEqual(3);
    expect(incidentsOf(day)).toEqual(['account control-plane-errs']);
  });

  it('is dark from before the asking: pages by T − 3 and touches nothing; what was booked raises all the same, and is given back', async () => {
    const day = await begin({
      concurrencyFloor: 4,
      fault: ({ minute }) =>
        minute >= -12 && minute < 5 ? { kind: 'answer', response: serviceAnswer(500) } : undefined,
    });
    await day.runUntil(-2.9);
    const late = eventsOf(day, 'prewarm.late');
    expect(late.map(({ body }) => body['function'])).toEqual(both);
    expect(incidentsOf(day).filter((text) => text.endsWith('prewarm-late'))).toHaveLength(2);
    await day.runUntil(10);
    for (const key of both) {
      expect(levelsOf(day, key)).toEqual([4]);
      expect(day.configured(key)).toMatchObject({ status: 'READY' });
      expect(day.configured(key)?.requested).toBeGreaterThan(4);
    }
    await day.runUntil(125);
    for (const key of both) {
      expect(isDescending(levelsOf(day, key).slice(1))).toBe(true);
      expect(day.configured(key)).toEqual({ requested: 4, status: 'READY' });
    }
    expect(eventsOf(day, 'incident.closed')).toHaveLength(incidentsOf(day).length);
  });

  it('goes dark once warm: says that it cannot verify, changes nothing meanwhile, and goes on from there', async () => {
    const day = await begin({
      fault: ({ minute }) =>
        minute >= -7 && minute < 5 ? { kind: 'answer', response: serviceAnswer(500) } : undefined,
    });
    await day.runUntil(14);
    expect(incidentsOf(day).toSorted()).toEqual([
      'account control-plane-errs',
      'orders-validate cannot-verify',
      'quotes-stream cannot-verify',
    ]);
    for (const key of both) expect(levelsOf(day, key)).toHaveLength(1);
    await day.runUntil(16);
    expect(eventsOf(day, 'incident.closed')).toHaveLength(3);
    for (const key of both) expect(levelsOf(day, key)).toHaveLength(2);
  });

  it.each([
    // Nothing was carried out: asked once more, after a look.
    { fault: 'hang', putCount: 2 },
    // It was carried out: the look shows it, and nothing is repeated.
    { fault: 'lose', putCount: 1 },
  ] as const)(
    'leaves a Put without an answer ($fault): looks, and then asks $putCount time(s) in all',
    async ({ fault, putCount }) => {
      let faultCount = 0;
      const day = await begin({
        requestTimeoutMs: 1_000,
        fault: ({ functionKey, level }) =>
          functionKey === ordersKey && level !== undefined && faultCount++ === 0 ? { kind: fault } : undefined,
      });
      await day.runUntil(-4);
      expect(levelsOf(day, ordersKey)).toHaveLength(putCount);
      // A doubt that the next look ends is nobody's page.
      expect(incidentsOf(day)).toEqual([]);
      expect(day.configured(ordersKey)?.status).toBe('READY');
    },
  );
});

describe('a function that is not as it should be', () => {
  it('fails to start: one incident, one Put, and a page', async () => {
    const day = await begin();
    day.world.twins.with.setInitFails('orders-validate', true);
    await day.runUntil(1);
    expect(levelsOf(day, ordersKey)).toHaveLength(1);
    expect(day.configured(ordersKey)?.status).toBe('FAILED');
    expect(incidentsOf(day)).toEqual(['orders-validate initialisation-failed', 'orders-validate prewarm-late']);
    expect(prewarmOf(day, quotesKey).minutesEarly).toBeGreaterThanOrEqual(3);
  });

  it('is being deployed: waits for the weights to go, and says so once', async () => {
    const day = await begin();
    const live = { name: 'live', functionVersion: '1', description: '' };
    day.world.twins.with.placeAlias('orders-validate', { ...live, additionalVersionWeights: { 2: 0.1 } });
    await day.runUntil(-7);
    expect(levelsOf(day, ordersKey)).toEqual([]);
    expect(eventsOf(day, 'action.refused', ordersKey).map(({ body }) => body['stage'])).toEqual(['deployment']);
    day.world.twins.with.placeAlias('orders-validate', live);
    await day.runUntil(0.1);
    expect(levelsOf(day, ordersKey)).toHaveLength(1);
    expect(prewarmOf(day, ordersKey).minutesEarly).toBeGreaterThanOrEqual(3);
    expect(incidentsOf(day)).toEqual(['orders-validate deployment-in-flight']);
    expect(eventsOf(day, 'incident.closed')).toHaveLength(1);
  });

  it('was warmed by somebody else: theirs is what is returned to, and never less', async () => {
    const day = await begin();
    day.otherHandPuts(ordersKey, 40);
    day.otherHandPuts(quotesKey, 6);
    await day.runUntil(125);
    expect(levelsOf(day, ordersKey)).toEqual([]);
    const levels = levelsOf(day, quotesKey);
    expect(levels[0]).toBeGreaterThan(6);
    expect(isDescending(levels)).toBe(true);
    expect(levels.at(-1)).toBe(6);
    expect(both.map((key) => day.configured(key)?.requested)).toEqual([40, 6]);
  });

  it.each(['shadow', 'advise'] as const)(
    'is in %s: decided and written down, and not one call changes anything',
    async (mode) => {
      const day = await begin({ mode });
      await day.runUntil(1);
      expect(day.calls.length).toBeGreaterThan(0);
      expect(day.calls.filter(({ level }) => level !== undefined)).toEqual([]);
      expect(day.world.system.view.plan().steps.map((step) => step.function)).toEqual(expect.arrayContaining(both));
      for (const key of both)
        expect(eventsOf(day, 'action.refused', key)).toMatchObject([{ body: { stage: 'mode', eventId: drillId } }]);
      expect(eventsOf(day, 'action.intended')).toEqual([]);
      expect(incidentsOf(day)).toEqual([]);
    },
  );
});

describe('a crash', () => {
  it('between a Put and its answer: looks first, asks no second time, and gives back what it had asked for', async () => {
    const day = await begin();
    await day.runUntilSo(() => holdsOf(day, 'action.intended', ordersKey).length > 0, -9);
    const intent = holdsOf(day, 'action.intended', ordersKey)[0]!;
    expect(holdsOf(day, 'action.outcome', ordersKey)).toEqual([]);
    const callCount = day.calls.length;
    await day.crash();
    await day.runUntil(-8);
    expect(holdsOf(day, 'action.outcome', ordersKey)).toMatchObject([
      { causeSeq: intent.seq, body: { outcome: { kind: 'unknown', code: 'Restarted' } } },
    ]);
    expect(day.calls.slice(callCount).find(({ functionKey }) => functionKey === ordersKey)?.level).toBeUndefined();
    await day.runUntil(-4);
    await day.crash();
    await day.runUntil(125);
    const levels = levelsOf(day, ordersKey);
    expect(isDescending(levels)).toBe(true);
    expect(levels.at(-1)).toBe(0);
    expect(day.configured(ordersKey)).toBeUndefined();
    expect(eventsOf(day, 'service.started')).toHaveLength(3);
    expect(await verifyAudit(day.store)).toMatchObject({ verified: true, eventCount: day.audit.length });
  });

  it('while the control plane is dark: the plan in force still stands, and the page still comes', async () => {
    const day = await begin({
      fault: ({ minute }) => (minute >= -12 ? { kind: 'answer', response: serviceAnswer(500) } : undefined),
    });
    await day.runUntil(-6);
    await day.crash();
    await day.runUntil(-2.9);
    expect(eventsOf(day, 'prewarm.late').map(({ body }) => body['function'])).toEqual(both);
  });

  it('while people have been told of trouble: does not tell them again, and does not forget to say that it is over', async () => {
    const day = await begin({
      fault: ({ minute }) => (minute >= -12 ? { kind: 'answer', response: serviceAnswer(500) } : undefined),
    });
    await day.runUntil(-2.5);
    await day.crash();
    await day.runUntil(0.5);
    const opened = eventsOf(day, 'incident.opened').filter(({ body }) => body['incident'] === 'prewarm-late');
    expect(opened.map(({ body }) => body['function'])).toEqual(both);
    const closed = eventsOf(day, 'incident.closed').map(({ causeSeq }) => causeSeq);
    for (const { seq } of opened) expect(closed).toContain(seq);
  });
});
