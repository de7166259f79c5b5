import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../core/audit.ts';
import { WorldError } from '../core/errors.ts';
import type { LogRecord, Store, Stored } from '../core/ports.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import { verifyAudit } from '../store/audit-verify.ts';
import { createMemoryStore } from '../store/memory.ts';
import { compose } from './compose.ts';
import { key, minute, sampleOptions, samplePorts, spec } from './sample.ts';
import type { System } from './system.ts';

const options = sampleOptions();

/** A store whose appends can be held back or made to fail. */
function createTroubledStore() {
  const store = createMemoryStore();
  const trouble: { before: () => Promise<void> } = { before: async () => undefined };
  const troubled: Store = {
    ...store,
    async append(records, after) {
      await trouble.before();
      return store.append(records, after);
    },
  };
  return { store, troubled, trouble };
}

async function start(store: Store, fromMs: EpochMs = minute(-11)) {
  const { ports, ...rest } = samplePorts({ store, fromMs });
  const system = await compose(options, ports);
  return { system, ports, ...rest };
}

/** What hangs on answered calls runs in one turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

async function runUntil(
  { system, clock }: { readonly system: System; readonly clock: ReturnType<typeof samplePorts>['clock'] },
  isOver: (nowMs: EpochMs) => boolean,
): Promise<void> {
  while (!isOver(clock.nowMs())) {
    await turn();
    clock.advanceTo(clock.nowMs() + msPerSecond);
    await system.tick();
  }
}

async function readAudit(store: Store): Promise<AuditEvent[]> {
  const events: AuditEvent[] = [];
  for await (const { bytes } of store.read(0, 'audit'))
    events.push(JSON.parse(new TextDecoder().decode(bytes)) as AuditEvent);
  return events;
}

/** What a process that was killed leaves on the disk. */
async function copyOf(store: Store): Promise<Store> {
  const copy = createMemoryStore();
  const records: Stored[] = [];
  for await (const record of store.read(0)) records.push(record);
  await copy.append(
    records.map(({ stream, atMs, bytes }): LogRecord => ({ stream, atMs, bytes })),
    0,
  );
  const snapshot = await store.get('engine');
  if (snapshot) await copy.put('engine', snapshot.version, snapshot.bytes);
  return copy;
}

describe('a tick', () => {
  it('starts no effect before its records are durable', async () => {
    const { troubled, trouble, store } = createTroubledStore();
    const run = await start(troubled);
    await runUntil(run, (nowMs) => nowMs >= minute(-10) - msPerSecond);
    // The first look, long ago: what stood there before us. Since then what ends it has been booked, and what would ask for it, should we not.
    expect(run.calls).toEqual(['observe', 'book-call end', 'book-call raise', 'book-call lower']);
    let release = (): void => undefined;
    trouble.before = () => new Promise((resolve) => (release = resolve));
    // The asking is due at T − 10: a look, and then the Put.
    for (const call of ['observe', 'apply']) {
      const callCount = run.calls.length;
      const eventCount = (await readAudit(store)).length;
      run.clock.advanceTo(run.clock.nowMs() + msPerSecond);
      const ticked = run.system.tick();
      await turn();
      expect(run.calls).toHaveLength(callCount);
      expect(await readAudit(store)).toHaveLength(eventCount);
      release();
      await ticked;
      await turn();
      expect(run.calls.at(-1)?.split(' ')[0]).toBe(call);
    }
    expect((await readAudit(store)).at(-1)?.kind).toBe('action.intended');
  });

  it('that cannot be written starts nothing, is said by readyz, and is the last', async () => {
    const { troubled, trouble } = createTroubledStore();
    const run = await start(troubled);
    await runUntil(run, (nowMs) => nowMs >= minute(-10));
    expect(run.system.view.isReady()).toMatchObject({ ready: true });
    const { calls } = run;
    const before = [...calls];
    trouble.before = async () => {
      throw new WorldError('store-full', 'the disk is full', { retryable: true });
    };
    await turn();
    run.clock.advanceTo(run.clock.nowMs() + msPerSecond);
    await expect(run.system.tick()).rejects.toThrow('the disk is full');
    trouble.before = async () => undefined;
    await expect(run.system.tick()).rejects.toThrow('the disk is full');
    await turn();
    expect(calls).toEqual(before);
    expect(run.system.view.isReady()).toEqual({ ready: false, because: 'the disk is full' });
  });
});

// Goal: a bug ends the service in good order. Method: a call throws what is no answer of Lambda, and the next start asks what became of it.
describe.each(['observe', 'apply'] as const)('a bug in %s', (call) => {
  it('is thrown by the next tick and every one after it, stands in the chain, and leaves its intent open', async () => {
    const { store, troubled } = createTroubledStore();
    const kept: Store = { ...troubled, close: async () => undefined };
    const { ports, clock, lambda } = samplePorts({ store: kept, fromMs: minute(-11) });
    const broken = async (): Promise<never> => {
      throw new TypeError('cannot read what is not there');
    };
    const system = await compose(options, { ...ports, actuator: { ...ports.actuator, [call]: broken } });
    await expect(runUntil({ system, clock }, (nowMs) => nowMs >= minute(-9))).rejects.toThrow(TypeError);
    await expect(system.tick()).rejects.toThrow(TypeError);
    expect(system.view.isReady()).toMatchObject({ ready: false });
    await system.stop('the service failed');
    expect((await readAudit(store)).at(-1)).toMatchObject({
      kind: 'service.stopped',
      body: { because: 'the service failed: cannot read what is not there' },
    });
    const next = { system: await compose(options, { ...ports, store: kept }), clock };
    await runUntil(next, (nowMs) => nowMs >= minute(-4));
    expect(lambda.levels).toHaveLength(1);
    const restarted = (await readAudit(store)).filter(({ body }) => JSON.stringify(body).includes('Restarted'));
    // The end, the raise and the step down, which are booked before anything is asked for.
    expect(restarted).toHaveLength(call === 'apply' ? 3 : 0);
    expect(await verifyAudit(store)).toMatchObject({ verified: true });
  });
});

/** Events of that kind about capacity itself; bookings have theirs too. */
function isOfHold(kind: string): (event: AuditEvent) => boolean {
  return (event) => event.kind === kind && event.body['concurrency'] !== undefined;
}

describe('a process that is killed', () => {
  // Goal: wherever it ends, the next one finds what was asked, repeats nothing, and gives it back.
  it.each([
    { name: 'after the intent', endsWhen: isOfHold('action.intended'), startKinds: ['action.outcome'] },
    { name: 'after the outcome', endsWhen: isOfHold('action.outcome'), startKinds: [] },
    { name: 'once it was ready', endsWhen: ({ kind }: AuditEvent) => kind === 'prewarm.ready', startKinds: [] },
  ])('$name', async ({ endsWhen, startKinds }) => {
    for (const savesSnapshot of [false, true]) {
      const store = createMemoryStore();
      const first = await start(store);
      if (savesSnapshot) await runUntil(first, (nowMs) => nowMs >= minute(-10));
      if (savesSnapshot) await first.system.saveSnapshot();
      let events: AuditEvent[] = [];
      while (!events.some(endsWhen)) {
        const atMs = first.clock.nowMs();
        await runUntil(first, (nowMs) => nowMs > atMs);
        events = await readAudit(store);
      }
      const { lambda, calls, clock, ports } = first;
      const callCount = calls.length;
      const left = await copyOf(store);
      const second = { system: await compose(options, { ...ports, store: left }), clock };
      await runUntil(second, (nowMs) => nowMs >= minute(125));
      if (startKinds.length > 0) expect(calls[callCount]).toBe('observe');
      expect(lambda.levels.length).toBeGreaterThan(1);
      // Asked once, then only down: neither repeated nor taken for what stood there before.
      expect(lambda.levels).toEqual(lambda.levels.toSorted((a, b) => b - a));
      expect(new Set(lambda.levels).size).toBe(lambda.levels.length);
      expect(lambda.levels.at(-1)).toBe(0);
      expect([...lambda.booked.keys()]).toEqual([]);
      const after = (await readAudit(left)).slice(events.length);
      const restarted = after.filter(
        (event) => isOfHold('action.outcome')(event) && JSON.stringify(event.body).includes('Restarted'),
      );
      expect(restarted.map(({ kind }) => kind)).toEqual(startKinds);
      expect(await verifyAudit(left)).toMatchObject({ verified: true });
    }
  });

  // Goal: a snapshot never knows more than the log. Method: save one while the row of an intent is still being written, and lose that row.
  it('while an append and a snapshot are under way does not remember what was never written', async () => {
    const { troubled, trouble, store } = createTroubledStore();
    const first = await start(troubled);
    await runUntil(first, () => first.calls.includes('observe'));
    await turn();
    trouble.before = () => new Promise(() => undefined);
    first.clock.advanceTo(first.clock.nowMs() + msPerSecond);
    void first.system.tick();
    await first.system.saveSnapshot();
    const left = await copyOf(store);
    const second = { system: await compose(options, { ...first.ports, store: left }), clock: first.clock };
    await runUntil(second, (nowMs) => nowMs >= minute(-8));
    const events = await readAudit(left);
    const outcomes = events.filter(isOfHold('action.outcome'));
    expect(outcomes.map(({ causeSeq }) => events[causeSeq!]?.kind)).toEqual(['action.intended']);
    expect(first.lambda.levels).toHaveLength(1);
  });

  const renamed = key.replace('orders-validate', 'another') as typeof key;
  it.each([
    { name: 'taken out of the configuration', next: { ...spec, key: renamed }, leftCount: 1 },
    { name: 'put back into shadow', next: { ...spec, mode: 'shadow' as const }, leftCount: 1 },
    { name: 'left as it is', next: spec, leftCount: 0 },
  ])('tells people once what it leaves standing where its function was $name', async ({ next, leftCount }) => {
    const store = createMemoryStore();
    const first = await start(store);
    await runUntil(first, () => first.lambda.levels.length > 0);
    for (let start = 0; start < 2; start++) {
      const system = await compose(sampleOptions([next]), { ...first.ports, store });
      await system.tick();
    }
    const left = (await readAudit(store)).filter(({ body }) => body['incident'] === 'left-behind');
    expect(left).toHaveLength(leftCount);
    for (const { body } of left) expect(body).toMatchObject({ function: key, concurrency: first.lambda.levels[0] });
  });

  it('starts again where a function with an open action was taken out of the configuration', async () => {
    const store = createMemoryStore();
    const first = await start(store);
    await runUntil(first, () => first.lambda.levels.length > 0);
    const other = { ...spec, key: key.replace('orders-validate', 'another') as typeof key };
    const system = await compose(sampleOptions([other]), { ...first.ports, store });
    await system.tick();
    expect((await readAudit(store)).filter(isOfHold('action.outcome'))).toHaveLength(1);
  });
});

describe('a stop', () => {
  it('whose last words cannot be written says so, and closes the store all the same', async () => {
    const { troubled, trouble } = createTroubledStore();
    let isClosed = false;
    const run = await start({ ...troubled, close: async () => void (isClosed = true) });
    await runUntil(run, (nowMs) => nowMs >= minute(-10));
    trouble.before = async () => {
      throw new WorldError('store-full', 'the disk is full', { retryable: true });
    };
    await expect(run.system.stop('asked to stop')).rejects.toThrow('the disk is full');
    expect(isClosed).toBe(true);
  });

  it.each([
    { name: 'a Put', call: 'apply', lastKind: 'action.outcome' },
    // Its answer would let the Put through.
    { name: 'a look', call: 'observe', lastKind: 'plan.decided' },
  ])(
    'hears $name that is under way, asks for nothing more, and leaves a chain that ends in order',
    async ({ call, lastKind }) => {
      const store = createMemoryStore();
      const closed: Store = { ...store, close: async () => undefined };
      const run = await start(closed);
      await runUntil(run, () => run.calls.some((one) => one.startsWith(call)));
      const callCount = run.calls.length;
      await Promise.all([run.system.stop('asked to stop'), run.system.stop('asked again')]);
      expect(run.calls).toHaveLength(callCount);
      const events = await readAudit(store);
      expect(events.slice(-2)).toMatchObject([
        { kind: lastKind },
        { kind: 'service.stopped', body: { because: 'asked to stop' } },
      ]);
      expect(await verifyAudit(store)).toMatchObject({ verified: true });
    },
  );
});

it('sheds volume beyond its bound, and says so; an answer from Lambda is never shed', async () => {
  const { system } = await start(createMemoryStore());
  const volume = { kind: 'volume', key, bucketAtMs: minute(-600), requestCount: 1 } as const;
  const answers = Array.from({ length: 100_001 }, () => system.admit(volume));
  expect(answers.filter((answer) => answer === 'shed').length).toBeGreaterThan(0);
  expect(answers.slice(0, 99_000).every((answer) => answer === 'admitted')).toBe(true);
  expect(system.admit({ kind: 'unverifiable', key, atMs: minute(-11), code: 'Timeout', message: '' })).toBe('admitted');
});
