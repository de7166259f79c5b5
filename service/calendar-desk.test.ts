import { describe, expect, it } from 'vitest';
import { at, brief, calendarOf, cpi } from '../calendar/event.fixture.ts';
import type { Calendar } from '../calendar/event.ts';
import { createVenue } from '../calendar/venue.ts';
import { createWarmEvent } from '../calendar/warm-event.ts';
import type { AuditEvent } from '../core/audit.ts';
import { WorldError } from '../core/errors.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { Store } from '../core/ports.ts';
import { msPerHour, type EpochMs } from '../core/time.ts';
import { createVirtualClock } from '../core/virtual-clock.ts';
import { createMemoryStore } from '../store/memory.ts';
import { knownSources, openCalendarDesk, operatorSource } from './calendar-desk.ts';
import { compose } from './compose.ts';
import type { Fact } from './facts.ts';
import type { Log } from './log.ts';
import { loadEvents } from './recorded-options.ts';
import { sampleOptions, samplePorts, silentLog } from './sample.ts';

/** Six months of the habit, and the release of Wednesday morning in New York. */
const past = [...['2025-04-10', '2025-05-13', '2025-06-11', '2025-07-15', '2025-08-12', '2025-09-11']].map((day) =>
  cpi(`${day}T12:30:00Z`, { id: `cpi-${day}` }),
);
const october = cpi('2025-10-15T12:30:00Z', { id: 'cpi-oct' });
const november = cpi('2025-11-13T13:30:00Z', { id: 'cpi-nov' });
const tuesdayNoon = at('2025-10-14T12:00:00Z');

const file = (...events: readonly MarketEvent[]): Calendar => calendarOf('a.csv', [...past, ...events]);

interface Opened {
  readonly store?: Store;
  readonly nowMs?: EpochMs;
  readonly sources?: readonly string[];
  readonly given?: readonly { readonly source: string; readonly calendar: Calendar }[];
  readonly log?: Log;
}

async function open({ store = createMemoryStore(), nowMs = tuesdayNoon, ...rest }: Opened = {}) {
  const clock = createVirtualClock(nowMs);
  const given = rest.given ?? [{ source: 'a.csv', calendar: file(october, november) }];
  const desk = await openCalendarDesk({
    ...{ store, clock, log: rest.log ?? silentLog, sessionClock: createVenue('XNYS'), given },
    sources: rest.sources ?? given.map(({ source }) => source),
  });
  const facts: Fact[] = [];
  desk.connect((fact) => facts.push(fact));
  return {
    ...{ desk, clock, store },
    ahead: () =>
      desk
        .calendar()
        .events.filter(({ startsAtMs }) => startsAtMs > clock.nowMs())
        .map(brief),
    take: (...events: readonly MarketEvent[]) =>
      desk.take('a.csv', file(...events), { source: 'a.csv', fetchedAtMs: clock.nowMs(), sha256: 'of-the-bytes' }),
    /** `KIND by ACTOR: why`, of everything since the last time. */
    told: () =>
      facts.splice(0).map((fact) => {
        if (fact.kind !== 'calendar' && fact.kind !== 'told') return fact.kind;
        const { kind, actor, body } = fact.draft;
        return `${kind} by ${actor}: ${body['because'] as string}`;
      }),
    facts,
  };
}

describe('an edit', () => {
  it('is in force at once, kept in the store under its version, and told with what it changed and where it came from', async () => {
    const { desk, store, take, ahead, facts } = await open();
    await take(october, november, cpi('2025-12-10T13:30:00Z', { id: 'cpi-dec' }));
    expect(ahead()).toEqual([
      'cpi-oct 2025-10-15T12:30:00Z',
      'cpi-nov 2025-11-13T13:30:00Z',
      'cpi-dec 2025-12-10T13:30:00Z',
    ]);
    expect(facts).toHaveLength(1);
    expect(facts[0]).toMatchObject({
      kind: 'calendar',
      calendar: { version: desk.calendar().version },
      draft: {
        kind: 'calendar.changed',
        actor: 'service',
        body: {
          because: 'added cpi-dec at 2025-12-10T13:30:00Z',
          version: desk.calendar().version,
          about: { source: 'a.csv', sha256: 'of-the-bytes' },
          diff: { added: ['cpi-dec at 2025-12-10T13:30:00Z'], moved: [] },
        },
      },
    });
    expect(await loadEvents(store, desk.calendar().version)).toEqual(desk.calendar().events);
  });

  it('that says the same is no news', async () => {
    const { take, told } = await open();
    await take(october, november);
    expect(told()).toEqual([]);
  });

  it('of many events is counted, of few is named', async () => {
    const { take, told } = await open();
    const later = ['2025-12-10', '2026-01-13', '2026-02-11'].map((day) =>
      cpi(`${day}T13:30:00Z`, { id: `cpi-${day}` }),
    );
    await take(october, november, ...later);
    expect(told()[0]).toBe(
      'calendar.changed by service: added cpi-2025-12-10 at 2025-12-10T13:30:00Z, cpi-2026-01-13 at 2026-01-13T13:30:00Z, cpi-2026-02-11 at 2026-02-11T13:30:00Z',
    );
    const early = later.map((event) => ({ ...event, startsAtMs: event.startsAtMs - msPerHour }));
    await take({ ...october, title: 'CPI' }, november, ...early);
    expect(told()[0]).toBe('calendar.changed by service: 3 moved, 1 changed');
  });

  it('to an odd hour is in force, and doubted', async () => {
    const { desk, take, told } = await open();
    await take(october, cpi('2025-11-14T01:30:00Z', { id: 'cpi-nov' }));
    expect(told()).toEqual([
      'calendar.changed by service: moved cpi-nov from 2025-11-13T13:30:00Z to 2025-11-14T01:30:00Z',
      expect.stringMatching(
        /^calendar.doubted by service: .*20:30 in America\/New_York.* at 08:30: is it morning/,
      ) as string,
    ]);
    expect(desk.findings()).toMatchObject([{ kind: 'unusual-hour', eventId: 'cpi-nov', severity: 'finding' }]);
  });
});

const held = 'cpi-oct 2025-10-15T12:30:00Z held-over';

describe('inside the last day', () => {
  it.each([
    {
      name: 'moved',
      edit: [cpi('2025-10-24T12:30:00Z', { id: 'cpi-oct' }), november],
      now: 'cpi-oct 2025-10-24T12:30:00Z',
    },
    {
      name: 'cancelled',
      edit: [{ ...october, status: 'cancelled' as const }, november],
      now: 'cpi-oct 2025-10-15T12:30:00Z cancelled',
    },
    { name: 'removed', edit: [november], now: undefined },
  ])('an event that is $name stays warm as well, until somebody confirms', async ({ edit, now }) => {
    // A day and a second before nothing is held, a second inside it is.
    const early = await open({ nowMs: at('2025-10-14T12:29:59Z') });
    await early.take(...edit);
    expect(early.ahead()).not.toContain(held);
    const { desk, take, ahead, told } = await open({ nowMs: at('2025-10-14T12:30:01Z') });
    await take(...edit);
    expect(ahead()).toEqual(expect.arrayContaining([held, ...(now === undefined ? [] : [now])]));
    expect(told().some((line) => /^calendar.doubted .*calendar confirm cpi-oct$/.test(line))).toBe(true);

    expect(await desk.confirm('cpi-dec', 'operator:ann')).toBeUndefined();
    expect(told()).toEqual([]);
    const released = await desk.confirm('cpi-oct', 'operator:ann');
    expect(released?.map(brief)).toEqual([held]);
    expect(ahead()).toEqual(
      now === undefined
        ? ['cpi-nov 2025-11-13T13:30:00Z']
        : [now, 'cpi-nov 2025-11-13T13:30:00Z'].sort((a, b) => (a.slice(8) < b.slice(8) ? -1 : 1)),
    );
    expect(told()).toEqual([
      'calendar.confirmed by operator:ann: cpi-oct is right as it stands: cpi-oct~was@2025-10-15T12:30:00Z let go',
    ]);
    expect(await desk.confirm('cpi-oct', 'operator:ann')).toBeUndefined();
  });
});

describe('a restart', () => {
  const moved = cpi('2025-10-24T12:30:00Z', { id: 'cpi-oct' });
  const inside = at('2025-10-14T13:00:00Z');

  it('goes on with what was held over, and tells nothing that was told', async () => {
    const first = await open({ nowMs: inside });
    await first.take(moved, november);
    const { version } = first.desk.calendar();
    await first.desk.close();
    const next = await open({
      store: first.store,
      nowMs: inside + msPerHour,
      given: [{ source: 'a.csv', calendar: file(moved, november) }],
    });
    expect(next.desk.calendar().version).toBe(version);
    expect(next.ahead()).toContain(held);
    expect(next.told()).toEqual([]);
  });

  it('judges an edit that was made meanwhile as if it had been there', async () => {
    const first = await open({ nowMs: inside });
    await first.desk.close();
    const next = await open({
      store: first.store,
      nowMs: inside + msPerHour,
      given: [{ source: 'a.csv', calendar: file(moved, november) }],
    });
    expect(next.ahead()).toContain(held);
    expect(next.told()).toEqual([
      'calendar.changed by service: moved cpi-oct from 2025-10-15T12:30:00Z to 2025-10-24T12:30:00Z',
      expect.stringMatching(/^calendar.doubted .*confirm cpi-oct$/) as string,
    ]);
  });

  it('keeps what a source said last that cannot be read now, and lets go of one that is none any more', async () => {
    const fed = cpi('2025-10-29T18:00:00Z', { id: 'fomc-oct', kind: 'fomc' });
    const given = [
      { source: 'a.csv', calendar: file(october, november) },
      { source: 'fed.ics', calendar: calendarOf('fed.ics', [fed]) },
    ];
    const first = await open({ given });
    expect(await knownSources(first.store)).toEqual(new Set(['a.csv', 'fed.ics']));
    const unread = await open({ store: first.store, given: [given[0]!], sources: ['a.csv', 'fed.ics'] });
    expect(unread.ahead()).toContain('fomc-oct 2025-10-29T18:00:00Z');
    const gone = await open({ store: first.store, given: [given[0]!], sources: ['a.csv'] });
    expect(gone.ahead()).not.toContain('fomc-oct 2025-10-29T18:00:00Z');
    expect(gone.told()).toEqual(['calendar.changed by service: removed fomc-oct at 2025-10-29T18:00:00Z']);
    expect(await knownSources(first.store)).toEqual(new Set(['a.csv']));
  });
});

/** What happens before and after the state of all calendars is put. */
interface Trouble {
  before: () => Promise<void>;
  after: () => Promise<void>;
}

function createTroubledStore() {
  const store = createMemoryStore();
  const trouble: Trouble = { before: async () => undefined, after: async () => undefined };
  const troubled: Store = {
    ...store,
    async put(name, version, bytes) {
      if (name === 'calendars') await trouble.before();
      await store.put(name, version, bytes);
      if (name === 'calendars') await trouble.after();
    },
  };
  return { store, troubled, trouble };
}

async function bodiesOf(store: Store, kind: AuditEvent['kind']): Promise<AuditEvent['body'][]> {
  const bodies: AuditEvent['body'][] = [];
  for await (const { bytes } of store.read(0, 'audit')) {
    const event = JSON.parse(new TextDecoder().decode(bytes)) as AuditEvent;
    if (event.kind === kind) bodies.push(event.body);
  }
  return bodies;
}

describe('the store', () => {
  const december = cpi('2025-12-10T13:30:00Z', { id: 'cpi-dec' });

  it('that does not take an edit leaves the one before in force, and takes the next', async () => {
    const { troubled, trouble } = createTroubledStore();
    const { desk, take, ahead, told } = await open({ store: troubled });
    const { version } = desk.calendar();
    trouble.before = () => Promise.reject(new WorldError('store-full', 'the disk is full', { retryable: true }));
    await expect(take(october)).rejects.toThrow('the disk is full');
    expect([desk.calendar().version, told()]).toEqual([version, []]);
    trouble.before = async () => undefined;
    await take(october, november, december);
    expect(ahead()).toContain('cpi-dec 2025-12-10T13:30:00Z');
    expect(told()).toEqual(['calendar.changed by service: added cpi-dec at 2025-12-10T13:30:00Z']);
  });

  // Goal: whoever is killed between writing and telling starts with what was written. Method: the put happens, and nobody hears of it.
  it('has the edit of a process that was killed before it told it, and the next start loads that version', async () => {
    const { store, troubled, trouble } = createTroubledStore();
    const killed = await open({ store: troubled });
    const written = Promise.withResolvers<undefined>();
    trouble.after = () => {
      written.resolve(undefined);
      return new Promise(() => undefined);
    };
    void killed.take(october, november, december);
    await written.promise;
    expect(killed.told()).toEqual([]);
    const next = await open({ store, given: [{ source: 'a.csv', calendar: file(october, november, december) }] });
    expect(next.ahead()).toContain('cpi-dec 2025-12-10T13:30:00Z');
    expect(next.told()).toEqual([]);
    const { version } = next.desk.calendar();
    const { ports } = samplePorts({ store, fromMs: tuesdayNoon });
    await compose({ ...sampleOptions(), calendar: next.desk.calendar() }, ports);
    expect(await bodiesOf(store, 'calendar.loaded')).toMatchObject([{ version }]);
    expect(await loadEvents(store, next.desk.calendar().version)).toEqual(next.desk.calendar().events);
  });

  it('is written by one change after the other, each judged against the one before it', async () => {
    const { troubled, trouble } = createTroubledStore();
    const { desk, take, told, ahead } = await open({ store: troubled });
    const release = Promise.withResolvers<undefined>();
    trouble.before = () => release.promise;
    const changes = [
      take(october, november, december),
      take(october, december),
      desk.confirm('nobody', 'operator:ann'),
    ];
    release.resolve(undefined);
    await Promise.all(changes);
    expect(told().filter((line) => line.startsWith('calendar.changed'))).toEqual([
      'calendar.changed by service: added cpi-dec at 2025-12-10T13:30:00Z',
      'calendar.changed by service: removed cpi-nov at 2025-11-13T13:30:00Z',
    ]);
    expect(ahead()).toEqual(['cpi-oct 2025-10-15T12:30:00Z', 'cpi-dec 2025-12-10T13:30:00Z']);
  });

  it('is left alone once the desk is closed, and what was under way is told before', async () => {
    const { desk, take, told } = await open();
    const last = take(october, november, december);
    await desk.close();
    expect(told()).toHaveLength(1);
    await last;
    await expect(take(october)).rejects.toMatchObject({ code: 'calendar-closed', retryable: true });
  });
});

it('takes an event of a person, names them, and forgets it after a week', async () => {
  const { desk, clock, told } = await open();
  const warm = (nowMs: EpochMs) =>
    createWarmEvent({
      ...{ group: 'trading', lift: 4, forMs: msPerHour, because: 'tariffs' },
      actor: 'operator:ann',
      nowMs,
    });
  await desk.add(warm(clock.nowMs()), 'operator:ann');
  expect(told()).toEqual([
    'calendar.changed by operator:ann: added manual:trading@2025-10-14T12:00:00Z at 2025-10-14T12:00:00Z',
  ]);
  const ofPeople = () =>
    desk
      .calendar()
      .events.filter(({ source }) => source.calendar !== 'a.csv')
      .map(({ id }) => id);
  clock.advanceTo(at('2025-10-21T11:59:59Z'));
  await desk.add(warm(clock.nowMs()), 'operator:ann');
  expect(ofPeople()).toHaveLength(2);
  clock.advanceTo(at('2025-10-21T12:00:01Z'));
  await desk.add(warm(clock.nowMs()), 'operator:ann');
  expect(ofPeople()).toEqual(['manual:trading@2025-10-21T11:59:59Z', 'manual:trading@2025-10-21T12:00:01Z']);
  expect(operatorSource).toBe('operator');
});

it('looks over what is doubtful each hour, and tells what became pressing, once', async () => {
  const warned: string[] = [];
  const log: Log = {
    ...silentLog,
    warn: (event, fields) => void warned.push(`${event} ${String(fields?.['because'])}`),
  };
  const odd = cpi('2025-10-16T00:30:00Z', { id: 'cpi-oct' });
  const { desk, clock, told } = await open({ given: [{ source: 'a.csv', calendar: file(odd, november) }], log });
  expect(told()).toMatchObject([expect.stringMatching(/^calendar.doubted/)]);
  expect(warned).toEqual([]);
  desk.lookOver([]);
  expect(told()).toEqual([]);
  clock.advanceTo(at('2025-10-15T00:30:01Z'));
  desk.lookOver([]);
  expect(told()).toEqual([expect.stringMatching(/^calendar.doubted .*20:30/)]);
  expect(warned).toEqual([expect.stringMatching(/^calendar.doubted .*20:30/)]);
  const stale = { source: 'a.csv', refreshMs: msPerHour, startedAtMs: tuesdayNoon, trouble: '503' };
  desk.lookOver([stale]);
  desk.lookOver([stale]);
  expect(told()).toEqual([expect.stringMatching(/^calendar.doubted .*has not answered since the start.*503/)]);
  expect(desk.findings().map(({ kind }) => kind)).toEqual(['unusual-hour', 'stale-feed']);
});

it('tells of a source that cannot be read, and that it can be again', async () => {
  const { desk, told } = await open();
  desk.trouble({ source: 'a.csv', because: 'a.csv:7: got 2025-13-01', sinceMs: tuesdayNoon });
  desk.recovered('a.csv');
  expect(told()).toEqual([
    'calendar.refused by service: a.csv:7: got 2025-13-01: what it said last stays in force',
    'calendar.recovered by service: a.csv can be read again',
  ]);
});
