/** Spans in the running service: what a fault comes to on record, over restarts and late spans, and what a replay makes of it. */
import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../core/audit.ts';
import { bucketOf } from '../core/histogram.ts';
import type { LogRecord, Store } from '../core/ports.ts';
import { createRandom } from '../core/random.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowDelta, WindowKey } from '../core/window.ts';
import { createMemoryStore } from '../store/memory.ts';
import { compose } from './compose.ts';
import { replay } from './replay.ts';
import { key, minute, sampleOptions, samplePorts, stepMs } from './sample.ts';
import type { System } from './system.ts';

const options = sampleOptions();
const fromMs = minute(-60);
const faultFromMs = minute(-25);
const faultUntilMs = minute(-23);
const edge: WindowKey = `edge:${key}>dynamodb/orders`;

/** A hundred requests a second and the table that each waits for: in the fault three in ten fail. */
function spansOf(secondAtMs: EpochMs): WindowDelta[] {
  const random = createRandom(`spans ${secondAtMs}`);
  const isFaulty = secondAtMs >= faultFromMs && secondAtMs < faultUntilMs;
  const count = random.poisson(100);
  const errorCount = isFaulty ? random.poisson(0.3 * count) : Number(random.next() < 0.05);
  return ([key, edge] as const).map((one, index): WindowDelta => {
    const places = Array.from({ length: count }, () =>
      bucketOf((index === 0 ? 60 : 15) * Math.exp(0.4 * random.normal())),
    );
    const counts = [...Map.groupBy(places, (place) => place)].sort(([a], [b]) => a - b);
    return {
      ...{ key: one, secondAtMs, sender: 'local', spanCount: count, requestCount: count, errorCount },
      ...{ throttleCount: 0, coldStartCount: 0, provisionedInitCount: 0, deadLetterCount: 0 },
      durationMs: counts.flatMap(([place, all]) => [place, all.length]),
      valueSum: count * (index === 0 ? 65 : 16),
      examples: { slowest: [], failed: errorCount > 0 ? [`trace-${secondAtMs}`] : [] },
    };
  });
}

/** A table of deltas by the tick that seals them; what is not in it is what the second before brought. */
type Arrivals = (nowMs: EpochMs) => readonly WindowDelta[];
const onTime: Arrivals = (nowMs) => spansOf(nowMs - msPerSecond);

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

async function open(store: Store, at: EpochMs, arrivals: Arrivals = onTime) {
  const { ports, clock } = samplePorts({ store, fromMs: at });
  const system = await compose(options, { ...ports, sealSpans: arrivals });
  return { system, clock };
}

async function runUntil({ system, clock }: Awaited<ReturnType<typeof open>>, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await turn();
    clock.advanceTo(clock.nowMs() + msPerSecond);
    await system.tick();
  }
}

async function auditOf(store: Store): Promise<readonly AuditEvent[]> {
  const events: AuditEvent[] = [];
  for await (const { bytes } of store.read(0, 'audit'))
    events.push(JSON.parse(new TextDecoder().decode(bytes)) as AuditEvent);
  return events;
}

async function incidentsOf(store: Store): Promise<readonly string[]> {
  return (await auditOf(store))
    .filter(({ kind }) => kind.startsWith('incident.'))
    .map(({ kind, body }) => (typeof body['change'] === 'string' ? `${kind} ${body['change']}` : kind));
}

/** What a process that was killed leaves on the disk. */
async function copyOf(store: Store): Promise<Store> {
  const copy = createMemoryStore();
  const records: LogRecord[] = [];
  for await (const { stream, atMs, bytes } of store.read(0)) records.push({ stream, atMs, bytes });
  await copy.append(records, 0);
  for (const { name, version } of await store.blobs()) {
    const blob = await store.get(name, version);
    await copy.put(name, version, blob!.bytes);
  }
  return copy;
}

const openOf = (system: System) => system.view.incidents().open.filter(({ kind }) => kind === 'trouble');
const story = ['incident.opened', 'incident.changed mitigated', 'incident.closed resolved'];

describe('a table that fails', () => {
  it('is one incident within three seconds, named by the edge, and over when it is quiet; late spans do not open another', async () => {
    const store = createMemoryStore();
    const late = new Map<EpochMs, readonly WindowDelta[]>();
    const run = await open(store, fromMs, (nowMs) => [...onTime(nowMs), ...(late.get(nowMs) ?? [])]);
    await runUntil(run, () => run.clock.nowMs() >= faultFromMs);
    expect(await incidentsOf(store)).toEqual([]);
    await runUntil(run, () => openOf(run.system).length > 0);
    expect(run.clock.nowMs() - faultFromMs).toBeLessThanOrEqual(3 * msPerSecond);
    expect(openOf(run.system)[0]).toMatchObject({ origin: edge, severity: 'critical', harmed: [key] });
    const { id } = openOf(run.system)[0]!;
    expect(run.system.view.incident(id)?.traceIds).not.toEqual([]);
    await runUntil(run, () => openOf(run.system).length === 0);
    expect(run.clock.nowMs() - faultUntilMs).toBeLessThan(10 * msPerMinute);
    // The last of the fault, told minutes later.
    const nowMs = run.clock.nowMs();
    for (let ago = 1; ago <= 30; ago++) late.set(nowMs + ago * msPerSecond, spansOf(faultUntilMs - ago * msPerSecond));
    await runUntil(run, () => run.clock.nowMs() >= nowMs + msPerMinute);
    expect(await incidentsOf(store)).toEqual(story);
    expect(run.system.view.incidents().resolved.map((incident) => incident.id)).toEqual([id]);
  });

  it.each([
    ['and saved its state in good time', true],
    ['and saved none', false],
  ])('is told once, and not forgotten, by a service that was killed in the middle %s', async (_name, isSaved) => {
    const store = createMemoryStore();
    const first = await open(store, fromMs);
    await runUntil(first, () => first.clock.nowMs() >= faultFromMs - 20 * msPerSecond);
    if (isSaved) await first.system.saveSnapshot();
    await runUntil(first, () => openOf(first.system).length > 0);
    await runUntil(first, () => first.clock.nowMs() % (10 * msPerSecond) === 0);
    const { id } = openOf(first.system)[0]!;
    const left = await copyOf(store);
    const second = await open(left, first.clock.nowMs() + 5 * msPerSecond);
    expect(openOf(second.system).map((incident) => incident.id)).toEqual([id]);
    await runUntil(second, () => openOf(second.system).length === 0);
    expect(await incidentsOf(left)).toEqual(story);
    const events = await auditOf(left);
    const opened = events.find(({ kind }) => kind === 'incident.opened')!;
    expect(events.find(({ kind }) => kind === 'incident.closed')).toMatchObject({ causeSeq: opened.seq, body: { id } });
    await second.system.stop('asked to stop', { keepsStore: true });
    const { runs, differences } = await replay(left);
    expect(differences).toEqual([]);
    // The first was killed, the second starts on what it left: both come out to the byte, seals and all.
    expect(runs.map(({ unreplayed, differingCount }) => [unreplayed, differingCount])).toEqual([
      [null, 0],
      [null, 0],
    ]);
  });

  // Goal: seconds of which nothing is on record are judged alike. Method: half a minute without spans, and a process that stood still for longer.
  it('comes out the same in a replay, whatever was silent in between', async () => {
    const store = createMemoryStore();
    const silentFromMs = minute(-28);
    const run = await open(store, minute(-40), (nowMs) =>
      nowMs >= silentFromMs && nowMs < silentFromMs + 30 * msPerSecond ? [] : onTime(nowMs),
    );
    await runUntil(run, () => run.clock.nowMs() >= minute(-30));
    run.clock.advanceTo(minute(-29));
    await runUntil(run, () => run.clock.nowMs() >= faultFromMs + msPerMinute);
    await run.system.stop('asked to stop', { keepsStore: true });
    const { runs, differences } = await replay(store);
    expect(differences).toEqual([]);
    expect(runs[0]).toMatchObject({ unreplayed: null, differingCount: 0 });
    expect((await incidentsOf(store)).includes('incident.opened')).toBe(true);
  });
});

describe('spans held against CloudWatch', () => {
  it.each([
    ['as many calls are nothing', 30_000, []],
    ['a fifth less than was counted is said once, and is no incident', 37_500, ['counts-differ']],
  ])('%s', async (_name, requestCount, told) => {
    const store = createMemoryStore();
    const run = await open(store, fromMs);
    const untilMs = fromMs + 30 * msPerMinute;
    for (let bucketAtMs = fromMs + stepMs; run.clock.nowMs() < untilMs; bucketAtMs += stepMs) {
      await runUntil(run, () => run.clock.nowMs() >= bucketAtMs + stepMs + 3 * msPerMinute);
      run.system.admit({ kind: 'volume', key, bucketAtMs, requestCount, countedBy: 'cloudwatch' });
    }
    const seen = (await auditOf(store))
      .filter(({ kind }) => kind === 'finding.seen')
      .map(({ body }) => body['detector']);
    expect(seen.filter((detector) => detector === 'counts-differ')).toEqual(told);
    expect(await incidentsOf(store)).toEqual([]);
    await run.system.stop('asked to stop', { keepsStore: true });
    expect((await replay(store)).differences).toEqual([]);
  });
});
