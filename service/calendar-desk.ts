/**
 * Where calendars come in while the service runs: from files that are edited, feeds that are refreshed, and people. Each change is judged against what
 * was in force (calendar/in-force.ts), kept in the store, and handed to the engine as a fact with its place in the audit log.
 *
 * What is in force is written before it is handed on: a crash in between starts with the new version, and says so when it loads it.
 */
import { compareEvents, calendarVersion, type Calendar } from '../calendar/event.ts';
import { isSame, type CalendarDiff, type EventChange } from '../calendar/diff.ts';
import { newFindings, type CalendarFinding } from '../calendar/finding.ts';
import { findStaleFeed, type SourceHealth } from '../calendar/feed.ts';
import {
  confirmInForce,
  standingDoubts,
  takeCalendars,
  type CalendarsInForce,
  type SourcedCalendar,
} from '../calendar/in-force.ts';
import type { CalendarProvenance, CalendarTrouble } from '../collectors/calendar-source.ts';
import type { AuditDraft } from '../core/audit.ts';
import { WorldError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { Store } from '../core/ports.ts';
import type { SessionClock } from '../core/session-clock.ts';
import { formatInstant, msPerDay, type Clock } from '../core/time.ts';
import type { Fact } from './facts.ts';
import type { Log } from './log.ts';
import { recordCalendar } from './recorded-options.ts';

/** What people started by hand stands in a calendar of its own. */
export const operatorSource = 'operator';

const stateName = 'calendars';
// One version, replaced each time: only what is in force is ever gone back to.
const stateVersion = 'latest';
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface CalendarDeskOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** The first venue's: in its hours and holidays an hour is usual or not. */
  readonly sessionClock: SessionClock;
  /** What the sources say at the start. One that could not be read is left out, and what it said last stays. */
  readonly given: readonly SourcedCalendar[];
  /** All sources of the configuration, in its order: what is none of them any more is dropped. */
  readonly sources: readonly string[];
}

export interface CalendarDesk {
  /** What is in force now. */
  calendar(): Calendar;
  /** What its start found, and everything since: to be handed to the engine. */
  connect(admit: (fact: Fact) => unknown): void;
  take(source: string, calendar: Calendar, provenance: CalendarProvenance): Promise<void>;
  trouble(trouble: CalendarTrouble): void;
  recovered(source: string): void;
  /** Undefined when nothing waits for that confirmation. */
  confirm(id: string, actor: string): Promise<readonly MarketEvent[] | undefined>;
  /** An event of the operator's own, in force at once. */
  add(event: MarketEvent, actor: string): Promise<void>;
  /** Asked each hour: what has become doubtful, or pressing, since. */
  lookOver(health: readonly SourceHealth[]): void;
  /** All that is doubtful now. */
  findings(): readonly CalendarFinding[];
  /** Takes no change from now on; resolves when the last one is told. */
  close(): Promise<void>;
}

/** @throws WorldError when the store cannot be read or written. */
export async function openCalendarDesk(options: CalendarDeskOptions): Promise<CalendarDesk> {
  const { store, clock, log, sessionClock, sources } = options;
  const saved = await readState(store);
  let inForce: CalendarsInForce | undefined = saved;
  const moment = () => ({ nowMs: clock.nowMs(), clock: sessionClock });
  let calendar: Calendar = saved
    ? takeCalendars(saved, saved.sources, moment()).calendar
    : { name: '', events: [], version: calendarVersion([]), warnings: [] };
  let doubts: readonly CalendarFinding[] = [];
  // Of feeds, and not of what they say: a change of another calendar does not end them.
  let stale: readonly CalendarFinding[] = [];
  let admit: ((fact: Fact) => unknown) | undefined;
  const early: Fact[] = [];
  const tell = (fact: Fact): void => {
    if (admit) admit(fact);
    else early.push(fact);
  };
  const say = (draft: Omit<AuditDraft, 'atMs'>): void => {
    tell({ kind: 'told', draft: { ...draft, atMs: clock.nowMs() } });
  };
  const doubt = (findings: readonly CalendarFinding[]): void => {
    for (const finding of findings) {
      const { because, severity } = finding;
      if (severity === 'notice') log.warn('calendar.doubted', { because, consequence: 'it concerns the next 24 h' });
      say({ kind: 'calendar.doubted', actor: 'service', body: { ...finding } });
    }
  };

  const write = async (next: CalendarsInForce, version: Calendar): Promise<void> => {
    await recordCalendar(store, version);
    await store.put(stateName, stateVersion, encoder.encode(JSON.stringify(next)));
    inForce = next;
    calendar = version;
  };

  // One change at a time, in the order in which they came.
  let last: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  const inTurn = <T>(change: () => Promise<T>): Promise<T> => {
    if (isClosed)
      return Promise.reject(
        new WorldError('calendar-closed', 'the service is handing over or stopping: ask again', { retryable: true }),
      );
    const turn = last.then(change);
    last = turn.catch(() => undefined);
    return turn;
  };

  const takeAll = async (given: readonly SourcedCalendar[], actor: string, about: Json): Promise<void> => {
    const isFirst = inForce === undefined;
    const before = calendar.version;
    const taken = takeCalendars(inForce, given, moment());
    await write(taken.inForce, taken.calendar);
    // What a feed lost stays in force, marked: another version, in which nothing was added or moved.
    if (taken.calendar.version !== before) {
      const body = { because: wordsOf(taken.diff), version: taken.calendar.version, about, diff: diffBody(taken.diff) };
      if (!isFirst) log.info('calendar.changed', { because: body.because, actor });
      const draft = { kind: 'calendar.changed', actor, body, atMs: clock.nowMs() } as const;
      tell({ kind: 'calendar', calendar: taken.calendar, draft });
    }
    doubt(taken.findings);
    doubts = [...standingDoubts(taken.inForce, moment()), ...stale];
  };

  const others = (source: string): readonly SourcedCalendar[] =>
    inForce?.sources.filter((one) => one.source !== source) ?? [];
  /** In the order of the configuration, the operator's own last. */
  const inOrder = (calendars: readonly SourcedCalendar[]): SourcedCalendar[] =>
    [...sources, operatorSource].flatMap((source) => calendars.find((one) => one.source === source) ?? []);

  const known = new Map(options.given.map((one) => [one.source, one]));
  const atStart = inOrder([...(saved?.sources.filter(({ source }) => !known.has(source)) ?? []), ...known.values()]);
  await takeAll(atStart, 'service', { because: 'read at the start' });

  return {
    calendar: () => calendar,
    connect(sink) {
      admit = sink;
      // The start writes the version that is in force by itself.
      for (const fact of early.splice(0)) if (fact.kind === 'told' || saved !== undefined) sink(fact);
    },
    take: (source, version, provenance) =>
      inTurn(() => takeAll(inOrder([...others(source), { source, calendar: version }]), 'service', { ...provenance })),
    trouble({ source, because, sinceMs }) {
      const consequence = 'what it said last stays in force';
      log.warn('calendar.refused', { source, because, consequence });
      say({
        kind: 'calendar.refused',
        actor: 'service',
        body: { source, because: `${because}: ${consequence}`, sinceMs },
      });
    },
    recovered(source) {
      log.info('calendar.recovered', { source });
      say({ kind: 'calendar.recovered', actor: 'service', body: { source, because: `${source} can be read again` } });
    },
    confirm: (id, actor) =>
      inTurn(async () => {
        const confirmed = inForce && confirmInForce(inForce, id, moment());
        if (!confirmed) return undefined;
        await write(confirmed.inForce, confirmed.calendar);
        const released = confirmed.released.map((event) => event.id);
        const because = `${id} is right as it stands: ${released.join(', ')} let go`;
        const body = { because, version: confirmed.calendar.version, released };
        log.info('calendar.confirmed', { because, actor });
        const draft = { kind: 'calendar.confirmed', actor, body, atMs: clock.nowMs() } as const;
        tell({ kind: 'calendar', calendar: confirmed.calendar, draft });
        doubts = [...standingDoubts(confirmed.inForce, moment()), ...stale];
        return confirmed.released;
      }),
    add: (event, actor) =>
      inTurn(async () => {
        const own = inForce?.sources.find(({ source }) => source === operatorSource)?.calendar.events ?? [];
        const recent = own.filter(({ startsAtMs }) => startsAtMs > clock.nowMs() - 7 * msPerDay);
        // Said again under the same name, it is another word on the same.
        const events = [...recent.filter(({ id }) => id !== event.id), event].sort(compareEvents);
        const version = { name: operatorSource, events, version: calendarVersion(events), warnings: [] };
        await takeAll(inOrder([...others(operatorSource), { source: operatorSource, calendar: version }]), actor, {
          because: event.title,
        });
      }),
    lookOver(health) {
      if (!inForce) return;
      stale = staleFeeds(health);
      const now = [...standingDoubts(inForce, moment()), ...stale];
      doubt(newFindings(doubts, now));
      doubts = now;
    },
    findings: () => doubts,
    close() {
      isClosed = true;
      return last.then(() => undefined);
    },
  };

  function staleFeeds(health: readonly SourceHealth[]): CalendarFinding[] {
    return health.flatMap((one) => {
      const said = inForce?.sources.find(({ source }) => source === one.source)?.calendar.events ?? [];
      return findStaleFeed(one, said, clock.nowMs()) ?? [];
    });
  }
}

/** Sources of which the store has what they said last. */
export async function knownSources(store: Store): Promise<ReadonlySet<string>> {
  return new Set((await readState(store))?.sources.map(({ source }) => source));
}

async function readState(store: Store): Promise<CalendarsInForce | undefined> {
  const saved = await store.get(stateName);
  return saved && (JSON.parse(decoder.decode(saved.bytes)) as CalendarsInForce);
}

/** Of so few each is named; more are counted, and stand in the diff. */
const namedCountMax = 3;

function wordsOf(diff: CalendarDiff): string {
  if (isSame(diff)) return 'the same events, and other windows that doubt keeps';
  const told = toldByWord(diff, namedCountMax);
  const lists: readonly (readonly unknown[])[] = Object.values(diff);
  const count = lists.reduce((sum, list) => sum + list.length, 0);
  const words = Object.entries(told).filter(([, list]) => list.length > 0);
  return count <= namedCountMax
    ? words.map(([word, list]) => `${word} ${list.join(', ')}`).join('; ')
    : words.map(([word]) => `${diff[word as keyof CalendarDiff].length} ${word}`).join(', ');
}

/** A first import of ten thousand events is named by its version; people read the first few. */
const toldCountMax = 20;

function diffBody(diff: CalendarDiff): Json {
  return toldByWord(diff, toldCountMax);
}

function toldByWord(diff: CalendarDiff, countMax: number): Record<keyof CalendarDiff, string[]> {
  const told = <T>(list: readonly T[], tellOne: (one: T) => string): string[] => list.slice(0, countMax).map(tellOne);
  const event = ({ id, startsAtMs }: MarketEvent): string => `${id} at ${formatInstant(startsAtMs)}`;
  const change = ({ before, after }: EventChange): string =>
    `${after.id} from ${formatInstant(before.startsAtMs)} to ${formatInstant(after.startsAtMs)}`;
  const changed = ({ after, fields }: EventChange): string => `${after.id}: ${fields.join(', ')}`;
  return {
    added: told(diff.added, event),
    moved: told(diff.moved, change),
    cancelled: told(diff.cancelled, ({ after }) => event(after)),
    removed: told(diff.removed, event),
    changed: told(diff.changed, changed),
  };
}
