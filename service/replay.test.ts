import { beforeAll, expect, it } from 'vitest';
import { calendarVersion } from '../calendar/event.ts';
import type { AuditEvent } from '../core/audit.ts';
import type { LogRecord, Store, Stored } from '../core/ports.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import { createMemoryStore } from '../store/memory.ts';
import { readTick, sealTick } from '../store/tick-log.ts';
import { genesisHash } from '../store/audit-log.ts';
import { compose } from './compose.ts';
import type { SealedTick } from './engine-snapshot.ts';
import { diffJson } from './json-diff.ts';
import { recordCalendar } from './recorded-options.ts';
import { replay } from './replay.ts';
import { minute, sampleOptions, samplePorts } from './sample.ts';
import type { SystemPorts } from './system-options.ts';

/** What hangs on answered calls runs in one turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/**
 * Three runs on one store: from before the event until it is warm, killed in the middle of it, and stopped in good order after it; and buckets of volume on their way.
 */
async function record(): Promise<Store> {
  const store = createMemoryStore();
  const kept: Store = { ...store, close: async () => undefined };
  const { ports, clock } = samplePorts({ store: kept, fromMs: minute(-12) });
  const options = sampleOptions();
  const run = async (untilMs: EpochMs, others: Partial<SystemPorts> = {}) => {
    const system = await compose(options, { ...ports, ...others });
    while (clock.nowMs() < untilMs) {
      await turn();
      clock.advanceTo(clock.nowMs() + msPerSecond);
      if (clock.nowMs() % (5 * 60_000) === 0)
        system.admit({
          kind: 'volume',
          key: options.functions[0]!.spec.key,
          bucketAtMs: system.learnedUntilMs(options.functions[0]!.spec.key),
          requestCount: 3_000,
        });
      await system.tick();
    }
    await turn();
    return system;
  };
  const first = await run(minute(-4));
  await first.saveSnapshot();
  await first.stop('asked to stop');
  await run(minute(2));
  const last = await run(minute(40));
  await last.stop('asked to stop');
  return store;
}

let recorded: Store;
beforeAll(async () => {
  recorded = await record();
});

async function rowsOf(store: Store): Promise<Stored[]> {
  const rows: Stored[] = [];
  for await (const row of store.read(0)) rows.push(row);
  return rows;
}

const eventOf = ({ bytes }: Stored): AuditEvent => JSON.parse(new TextDecoder().decode(bytes)) as AuditEvent;

async function eventsOf(store: Store): Promise<AuditEvent[]> {
  return (await rowsOf(store)).filter(({ stream }) => stream === 'audit').map(eventOf);
}

/** A copy with other ticks, chained anew from the first on: only a recomputation tells it from the truth. */
async function forge(store: Store, change: (tick: SealedTick) => SealedTick): Promise<Store> {
  let prevHash = genesisHash;
  const records = (await rowsOf(store)).map((row): LogRecord => {
    const { stream, atMs, bytes } = row;
    if (stream === 'audit') return { stream, atMs, bytes };
    const reading = readTick(row);
    if (!reading.ok) throw new Error(reading.reason);
    const tick = sealTick(JSON.stringify(change(JSON.parse(reading.text) as SealedTick)), { prevHash, atMs });
    prevHash = tick.hash;
    return tick.record;
  });
  const copy = createMemoryStore();
  await copy.append(records, 0);
  for (const { name, version } of await store.blobs()) {
    const blob = await store.get(name, version);
    await copy.put(name, version, blob!.bytes);
  }
  return copy;
}

it('decides again what was decided, over a stop, a kill and a start: every decision and every state to the byte', async () => {
  const { runs, differences } = await replay(recorded);
  expect(differences).toEqual([]);
  const events = await eventsOf(recorded);
  const decisions = events.filter(({ actor }) => actor === 'engine');
  const ticks = (await rowsOf(recorded)).filter(({ stream }) => stream === 'tick');
  const sum = (count: (run: (typeof runs)[0]) => number) => runs.reduce((total, run) => total + count(run), 0);
  expect(runs).toHaveLength(3);
  expect(runs.every(({ unreplayed }) => unreplayed === null)).toBe(true);
  expect(sum((run) => run.tickCount)).toBe(ticks.length);
  expect(sum((run) => run.decisionCount)).toBe(decisions.length);
  expect(sum((run) => run.equalCount)).toBe(decisions.length);
  // What it would be worth nothing without.
  const kinds = new Set(decisions.map(({ kind }) => kind));
  expect([...kinds]).toEqual(
    expect.arrayContaining(['plan.decided', 'action.intended', 'action.outcome', 'prewarm.ready']),
  );
});

// Goal: the last tick before a stop only hears what came; where nothing came it is not on record, and the last on record is one like all others.
it.each([
  { name: 'with an answer to hear', isQuiet: false },
  { name: 'with nothing to hear', isQuiet: true },
])('replays a run that was stopped $name', async ({ isQuiet }) => {
  const store = createMemoryStore();
  const { ports, clock } = samplePorts({ store: { ...store, close: async () => undefined }, fromMs: minute(-11) });
  const system = await compose(sampleOptions(), ports);
  const tickCountOf = async () => (await rowsOf(store)).filter(({ stream }) => stream === 'tick').length;
  // The Put is due ten minutes before the event.
  while (clock.nowMs() < minute(-10) + (isQuiet ? 30 : 0) * msPerSecond) {
    await turn();
    clock.advanceTo(clock.nowMs() + msPerSecond);
    await system.tick();
  }
  await turn();
  const tickCount = await tickCountOf();
  await system.stop('asked to stop');
  expect((await tickCountOf()) - tickCount).toBe(isQuiet ? 0 : 1);
  const { runs, differences } = await replay(store);
  expect(differences).toEqual([]);
  expect(runs).toMatchObject([{ differingCount: 0, unreplayed: null }]);
});

it('judges by the calendar that was in force, and hears what others said', async () => {
  const store = createMemoryStore();
  const { ports, clock } = samplePorts({ store: { ...store, close: async () => undefined }, fromMs: minute(-14) });
  const options = sampleOptions();
  const system = await compose(options, ports);
  const events = options.calendar.events.filter(({ startsAtMs }) => startsAtMs < minute(0));
  const without = { ...options.calendar, events, version: calendarVersion(events) };
  await recordCalendar(store, without);
  while (clock.nowMs() < minute(-9)) {
    await turn();
    clock.advanceTo(clock.nowMs() + msPerSecond);
    const atMs = clock.nowMs();
    if (atMs === minute(-12)) {
      const draft = {
        atMs,
        kind: 'calendar.changed',
        actor: 'operator:ada',
        body: { version: without.version },
      } as const;
      system.admit({ kind: 'calendar', calendar: without, draft });
      system.admit({ kind: 'told', draft: { ...draft, kind: 'mode.changed', body: {} } });
    }
    await system.tick();
  }
  const plans = (await eventsOf(store)).filter(({ kind }) => kind === 'plan.decided');
  expect(plans.map(({ body }) => (body['steps'] as unknown[]).length > 0)).toEqual([true, false]);
  const { runs, differences } = await replay(store);
  expect(differences).toEqual([]);
  expect(runs).toMatchObject([{ unreplayed: null }]);
  const gone: Store = {
    ...store,
    get: async (name, version) => (version === without.version ? undefined : store.get(name, version)),
  };
  expect((await replay(gone)).runs[0]!.unreplayed).toContain('the store does not hold the calendar');
});

it('says where one fact was altered, though the chain was computed anew', async () => {
  let alteredAtMs = 0;
  const forged = await forge(recorded, (tick) => ({
    ...tick,
    facts: tick.facts.map((fact) => {
      if (alteredAtMs > 0 || fact.kind !== 'observed' || !fact.observed.provisioned) return fact;
      alteredAtMs = tick.atMs;
      const provisioned = { ...fact.observed.provisioned, requested: fact.observed.provisioned.requested - 1 };
      return { ...fact, observed: { ...fact.observed, provisioned } };
    }),
  }));
  const { runs, differences } = await replay(forged);
  expect(alteredAtMs).toBeGreaterThan(0);
  expect(runs[0]!.differingCount).toBeGreaterThan(0);
  expect(differences[0]).toMatchObject({ kind: 'tick', atMs: alteredAtMs });
  expect(differences[0]!.lines.join('\n')).toMatch(/^pursuits\..*\.requested: recorded \d+, recomputed \d+$/m);
  // Later runs name the hash that their facts are chained to.
  expect(runs[1]!.unreplayed).toContain('its first facts are gone');
});

it('shows one decision with what it was judged from', async () => {
  const events = await eventsOf(recorded);
  const outcome = events.find(({ kind }) => kind === 'action.outcome')!;
  const { decision, runs } = await replay(recorded, { seq: outcome.seq });
  expect(decision).toMatchObject({ event: outcome, isEqual: true, tickAtMs: outcome.atMs });
  expect(decision!.facts.map(({ kind }) => kind)).toContain('outcome');
  expect(Object.keys(decision!.run).sort()).toEqual(
    ['calendarVersion', 'configSha256', 'optionsSha256', 'release', 'snapshotSha256', 'startedSeq', 'tickHash'].sort(),
  );
  expect(runs).toMatchObject([{ startedSeq: 0, decisionCount: 1, equalCount: 1 }]);
});

it.each([
  { name: 'a start', pick: (events: AuditEvent[]) => events[0]!.seq, says: 'event 0 is no decision of the engine' },
  { name: 'what is not there', pick: () => 100_000, says: 'event 100000 is not on record' },
])('has nothing to show of $name', async ({ pick, says }) => {
  await expect(replay(recorded, { seq: pick(await eventsOf(recorded)) })).rejects.toThrow(says);
});

it('compares only the span that was asked for, and passes by the runs outside it', async () => {
  const decisions = (await eventsOf(recorded)).filter(({ actor }) => actor === 'engine');
  const [fromMs, untilMs] = [minute(-11), minute(-9)];
  const { runs } = await replay(recorded, { fromMs, untilMs });
  const expected = decisions.filter(({ atMs }) => fromMs <= atMs && atMs < untilMs).length;
  expect(expected).toBeGreaterThan(0);
  expect(runs).toMatchObject([{ startedSeq: 0, decisionCount: expected, equalCount: expected, differingCount: 0 }]);
  expect((await replay(recorded, { fromMs: minute(500) })).runs.length).toBeLessThanOrEqual(1);
});

it('says of a run whose facts were pruned, or whose inputs are gone, that it cannot be replayed', async () => {
  const pruned = await forge(recorded, (tick) => tick);
  await pruned.prune({ factsBeforeMs: { tick: minute(-8) } });
  const answer = await replay(pruned);
  expect(answer.differences).toEqual([]);
  expect(answer.runs.map(({ unreplayed }) => unreplayed)).toEqual([
    'its first facts are gone: they were pruned, or removed',
    null,
    null,
  ]);
  const without: Store = {
    ...recorded,
    get: async (name, version) => (name === 'config' ? undefined : recorded.get(name, version)),
  };
  expect((await replay(without)).runs[0]!.unreplayed).toContain('the store does not hold the config');
});

it('refuses a row that does not hold', async () => {
  for (const stream of ['audit', 'tick'] as const) {
    const rows = await rowsOf(recorded);
    const victim = rows.filter((row) => row.stream === stream)[5]!;
    const damaged: Store = {
      ...recorded,
      async *read(from, only) {
        for await (const row of recorded.read(from, only)) {
          if (row.position !== victim.position) yield row;
          else
            yield {
              ...row,
              bytes: Buffer.from(
                Buffer.from(row.bytes).toString().replace('because', 'becaude').replace('facts', 'fakts'),
              ),
            };
        }
      },
    };
    await expect(replay(damaged)).rejects.toThrow(`row ${victim.position} of the store does not hold`);
  }
});

it.each([
  { one: { a: 1, b: 2 }, other: { b: 2, a: 1 }, lines: [] },
  { one: { a: [1, { b: 2 }] }, other: { a: [1, { b: 3 }] }, lines: ['a[1].b: recorded 2, recomputed 3'] },
  { one: { a: 1 }, other: {}, lines: ['a: recorded 1, recomputed nothing'] },
  { one: [1], other: [1, 2], lines: ['[1]: recorded nothing, recomputed 2'] },
  { one: null, other: { a: 1 }, lines: ['all: recorded null, recomputed {"a":1}'] },
])('tells $one from $other', ({ one, other, lines }) => expect(diffJson(one, other)).toEqual(lines));
