/**
 * What it costs to save what is usual of spans, and to go on from it: 2,000 functions and two edges of each, two minutes seen, the state saved, a minute more, and a start on what is in the
 * store. Times are of the processor, since the machine may have other work. What is usual is a first hour's here; a week of it is some kilobytes a key more.
 */
import { createRandom } from '../core/random.ts';
import type { LogRecord } from '../core/ports.ts';
import { msPerSecond } from '../core/time.ts';
import { genesisHash } from '../store/audit-log.ts';
import { sealDeltas } from '../store/delta-log.ts';
import { createMemoryStore } from '../store/memory.ts';
import { thinDeltas } from '../store/packed-deltas.ts';
import { noSpanKeys } from '../store/span-keys.ts';
import { sealTick } from '../store/tick-log.ts';
import { recoverState, saveState } from '../service/saved-state.ts';
import { createTraceWatch, type WatchContext } from '../service/trace-watch.ts';
import { createFleetSpans } from './fleet-spans.ts';

const functionCount = 2_000;
const fromMs = Date.UTC(2026, 10, 20, 12);
const seenSeconds = 120;
const replayedSeconds = 60;
const drawnSeconds = 20;
const nothingElse = (): WatchContext => ({
  ...{ detection: {}, maintenance: [], actionsTaken: [], events: [], acknowledgements: [] },
});

export async function measureRecovery(seed: number, print: (line: string) => void): Promise<void> {
  const fleet = createFleetSpans(functionCount, `${seed}/spans`);
  const random = createRandom(`${seed}/recovery`);
  const drawn = Array.from({ length: drawnSeconds }, () => fleet.draw(fromMs, msPerSecond));
  const deltasAt = (secondAtMs: number) =>
    thinDeltas(drawn[Math.floor(drawnSeconds * random.next())]!.map((delta) => ({ ...delta, secondAtMs })));
  const watch = createTraceWatch({});
  for (let second = 0; second < seenSeconds; second++) {
    const atMs = fromMs + second * msPerSecond;
    watch.look(atMs, deltasAt(atMs - msPerSecond), nothingElse);
  }
  const store = createMemoryStore();
  const savedMs = await processorMs(() =>
    saveState(store, {
      position: 0,
      engine: { pursuits: {}, openIntents: {}, watch: watch.snapshot() },
      minutes: [],
    }),
  );
  const saved = await store.get('engine');
  const loadMs = (await processorMs(() => void createTraceWatch({}, watch.snapshot()))) - savedMs;
  let prevHash = genesisHash;
  for (let second = 0; second < replayedSeconds; second++) {
    const atMs = fromMs + (seenSeconds + second) * msPerSecond;
    const { record, sha256 } = sealDeltas(deltasAt(atMs - msPerSecond), { keys: noSpanKeys, atMs });
    const text = JSON.stringify({ atMs, facts: [{ kind: 'deltas', deltas: [], sha256 }], pursuits: {}, opened: {} });
    const tick = sealTick(text, { prevHash, atMs });
    prevHash = tick.hash;
    const records: LogRecord[] = [record, tick.record];
    await store.append(records, 2 * second);
  }
  const recoveredMs = await processorMs(async () => {
    await recoverState(store, {}, 2 * replayedSeconds);
  });
  const perTickMs = (recoveredMs - loadMs - savedMs) / replayedSeconds;
  print(
    `state  ${fleet.keyCount} keys, seed ${seed}: ${(saved!.bytes.length / fleet.keyCount / 1_000).toFixed(2)} kB a key`,
  );
  print(
    `  saved in ${savedMs.toFixed(0)} ms, read in ${loadMs.toFixed(0)} ms, a second judged again in ${perTickMs.toFixed(0)} ms: a start five minutes after it was saved takes ${((loadMs + savedMs + 300 * perTickMs) / 1_000).toFixed(0)} s`,
  );
}

async function processorMs(run: () => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
