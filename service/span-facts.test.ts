/** What spans showed, in the store: gone after its time, damaged, or named by numbers, seen from a restart and from a replay. */
import { describe, expect, it } from 'vitest';
import type { LogRecord, Store, Stored } from '../core/ports.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import { readMinute } from '../store/minute-log.ts';
import { loadSpanKeys } from '../store/span-keys.ts';
import { verifyTicks } from '../store/tick-log.ts';
import { createMemoryStore } from '../store/memory.ts';
import { compose } from './compose.ts';
import { replay } from './replay.ts';
import { key, minute, sampleOptions, samplePorts } from './sample.ts';

const fromMs = minute(-60);
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Five calls each second. */
const spansAt = (nowMs: EpochMs): readonly WindowDelta[] => [
  {
    ...{ key, secondAtMs: nowMs - msPerSecond, sender: 'local', spanCount: 5, requestCount: 5, errorCount: 0 },
    ...{ throttleCount: 0, coldStartCount: 0, provisionedInitCount: 0, deadLetterCount: 0 },
    ...{ durationMs: [830, 3, 842, 2], valueSum: 330, examples: { slowest: [], failed: [] } },
  },
];

async function run(store: Store, { fromMs: at, untilMs }: { readonly fromMs: EpochMs; readonly untilMs: EpochMs }) {
  const { ports, clock } = samplePorts({ store, fromMs: at });
  const system = await compose(sampleOptions(), { ...ports, sealSpans: spansAt });
  while (clock.nowMs() < untilMs) {
    await turn();
    clock.advanceTo(clock.nowMs() + msPerSecond);
    await system.tick();
  }
  return system;
}

/** Two minutes of spans, and a process that was killed. */
async function recordedStore(): Promise<Store> {
  const store = createMemoryStore();
  await run(store, { fromMs, untilMs: fromMs + 2 * msPerMinute });
  return store;
}

async function rowsOf(store: Store, stream: Stored['stream']): Promise<readonly Stored[]> {
  const rows: Stored[] = [];
  for await (const row of store.read(0, stream)) rows.push(row);
  return rows;
}

/** What reads a store in which one row is another. */
function changed(store: Store, position: number, change: (row: Stored) => Stored | undefined): Store {
  return {
    ...store,
    async *read(from, stream) {
      for await (const row of store.read(from, stream)) {
        const read = row.position === position ? change(row) : row;
        if (read) yield read;
      }
    },
  };
}

describe('spans in the store', () => {
  it('stand in a row before the tick that names them, names as numbers from the second tick on', async () => {
    const store = await recordedStore();
    const deltas = await rowsOf(store, 'deltas');
    expect(deltas).toHaveLength(120);
    const positions = new Set((await rowsOf(store, 'tick')).map(({ position }) => position));
    expect(deltas.every(({ position }) => positions.has(position + 1))).toBe(true);
    const names = deltas.map(({ bytes }) => Buffer.from(bytes).includes(key));
    expect(names.indexOf(false)).toBe(1);
    expect(names.lastIndexOf(true)).toBe(0);
    expect((await replay(store)).runs).toMatchObject([{ unreplayed: null, differingCount: 0, tickCount: 120 }]);
  });

  it('are looked at again after a restart, and where they were pruned nobody could look', async () => {
    const store = await recordedStore();
    const pruned = await store.prune({ factsBeforeMs: { deltas: fromMs + msPerMinute } });
    expect(pruned.removedCount).toBeGreaterThan(50);
    // The chain of ticks does not need them.
    expect(await verifyTicks(store)).toMatchObject({ verified: true });
    const atMs = fromMs + 3 * msPerMinute;
    const system = await run(store, { fromMs: atMs, untilMs: atMs + msPerMinute });
    await system.stop('asked to stop', { keepsStore: true });
    const { runs, differences } = await replay(store);
    expect(differences).toEqual([]);
    expect(runs[0]!.unreplayed).toMatch(/^the spans of .*Z were pruned \(retention.deltasHours\)$/);
    expect(runs[1]).toMatchObject({ unreplayed: null, differingCount: 0 });
  });

  const flip = (row: Stored): Stored => ({ ...row, bytes: row.bytes.with(40, row.bytes[40]! ^ 1) });
  const again = { fromMs: fromMs + 3 * msPerMinute, untilMs: fromMs + 3 * msPerMinute };
  it.each([
    { name: 'changed', change: flip, says: 'were changed after they were written' },
    { name: 'taken out from between others', change: () => undefined, says: 'are gone' },
  ])('that were $name are refused, in a replay and at a start', async ({ change, says }) => {
    const store = await recordedStore();
    const victim = (await rowsOf(store, 'deltas'))[50]!;
    const broken = changed(store, victim.position, change);
    await expect(replay(broken)).rejects.toThrow(says);
    await expect(run(broken, again)).rejects.toThrow(says);
  });

  it('are refused without the dictionary that they were written with', async () => {
    const store = await recordedStore();
    const without: Store = {
      ...store,
      get: async (name, version) => (name === 'delta-keys' ? undefined : store.get(name, version)),
    };
    expect((await replay(without)).runs[0]!.unreplayed).toContain('does not hold the delta-keys');
    await expect(run(without, again)).rejects.toThrow('does not hold the delta-keys');
  });

  // Goal: a crash leaves a tick with its spans, or neither.
  it('are written in one commit with their tick', async () => {
    const store = createMemoryStore();
    const appends: (readonly LogRecord[])[] = [];
    const heard: Store = {
      ...store,
      async append(records, after) {
        appends.push(records);
        return store.append(records, after);
      },
    };
    await run(heard, { fromMs, untilMs: fromMs + 5 * msPerSecond });
    const streams = appends.map((records) => records.map(({ stream }) => stream).filter((one) => one !== 'audit'));
    expect(streams.filter((one) => one.length > 0)).toEqual(Array.from({ length: 5 }, () => ['deltas', 'tick']));
  });

  // Goal: each minute is written once, whole, whatever dies in between. Method: killed after two minutes, after nine (with a state saved in the middle), and after twenty.
  it.each([{ isSaved: false }, { isSaved: true }])(
    'are added up by the minute over deaths of the process (state saved: $isSaved)',
    async ({ isSaved }) => {
      const store = createMemoryStore();
      await run(store, { fromMs, untilMs: fromMs + 2.5 * msPerMinute });
      const system = await run(store, { fromMs: fromMs + 2.5 * msPerMinute, untilMs: fromMs + 9 * msPerMinute });
      if (isSaved) await system.saveSnapshot();
      await run(store, { fromMs: fromMs + 9 * msPerMinute, untilMs: fromMs + 20 * msPerMinute });
      const rows = await rowsOf(store, 'minutes');
      expect(rows.map(({ atMs }) => (atMs - fromMs) / msPerMinute)).toEqual(
        Array.from({ length: 15 }, (_, index) => index),
      );
      const counts: number[] = [];
      for (const row of rows) {
        const minuteRead = await readMinute(row, (version) => loadSpanKeys(store, 'minute-keys', version));
        counts.push(minuteRead!.sums[0]!.spanCount);
      }
      expect(counts).toEqual(new Array<number>(15).fill(300));
    },
  );
});
