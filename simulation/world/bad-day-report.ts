/**
 * Plays one bad day and says what became of it: what Foreshock did and reported, what Lambda held by its own word, what it cost and what the requests
 * got, beside the same day without Foreshock. And what must hold on any day, however bad.
 */
import type { AuditEvent } from '../../core/audit.ts';
import { createBookingReader } from '../../core/booking.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import { optionsOf, type BadDay } from './bad-days.ts';
import { drillId, eventAtMs, nameOf, ordersKey, quotesKey, rehearse, type Call, type Rehearsal } from './scenario.ts';
import { configuredIn } from './twin-look.ts';

export interface BadDayReport {
  readonly name: string;
  readonly what: string;
  readonly functions: readonly FunctionReport[];
  /** Calls that AWS made of itself. */
  readonly fired: readonly { readonly minute: number; readonly what: string; readonly status: number }[];
  readonly bookings: { readonly bookCount: number; readonly cancelCount: number; readonly listCount: number };
  readonly incidents: readonly Incident[];
  /** prewarm.ready, .late and .lost, as they were written down. */
  readonly prewarms: readonly { readonly minute: number; readonly function: string; readonly turn: string }[];
  /** Still booked when everything should be over. */
  readonly leftBookedCount: number;
  /** What must hold on any day, and did not. */
  readonly breaches: readonly string[];
}

export interface FunctionReport {
  readonly function: string;
  /** What was asked for, and when; 0 is a Delete. */
  readonly levels: readonly { readonly minute: number; readonly level: number }[];
  readonly lookCount: number;
  /** Bounds that Application Auto Scaling was given: `28..60`. */
  readonly bounds: readonly { readonly minute: number; readonly bounds: string }[];
  /** Stages of the gate that held an action back. */
  readonly heldBackBy: readonly string[];
  /** What the plan promised for the event; null where there was no plan for it. */
  readonly promised: number | null;
  /** Minutes before the event since when it stood by Lambda's own word, without a break; null where it did not stand. */
  readonly readyMinutes: number | null;
  /** The same by Foreshock's word. */
  readonly readyMinutesClaimed: number | null;
  readonly with: Got;
  readonly without: Got;
  /** Provisioned in the end, beyond what stood before us or another hand has set since. */
  readonly leftConcurrency: number;
}

/** In the half hour from the event; the dollars are of the whole day. */
export interface Got {
  readonly spillover: number;
  readonly throttles: number;
  readonly coldStarts: number;
  readonly provisionedUsd: number;
  readonly totalUsd: number;
}

export interface Incident {
  readonly minute: number;
  readonly function: string;
  readonly incident: string;
  readonly because: string;
  /** null where it is open to the end. */
  readonly closedMinute: number | null;
}

/** Windows end two hours after their event; what ends them is booked a minute later and may take another. */
const untilMinute = 128;
const sampleMs = 5 * msPerSecond;
/** A look is fresh for half a minute; a second for the tick, and one for the queue. */
const lookAgeMsMax = 32 * msPerSecond;

/** The day is to be closed by whoever asked for it. */
export async function playBadDay(
  badDay: BadDay,
  seed: string,
): Promise<{ readonly day: Rehearsal; readonly report: BadDayReport }> {
  const day = await rehearse(optionsOf(badDay, seed));
  const watch = createWatch(day);
  for (const { minute, does } of badDay.deeds ?? []) {
    await watch.runUntil(minute);
    does(day.world.twins.with);
    does(day.world.twins.without);
  }
  await watch.runUntil(untilMinute);
  return { day, report: reportOf(badDay, day, watch) };
}

interface Watch {
  runUntil(minute: number): Promise<void>;
  /** Since when what was promised stood at the event, by Lambda's own word. */
  readyMinutes(key: FunctionKey): number | null;
}

function createWatch(day: Rehearsal): Watch {
  const readySince = new Map<FunctionKey, EpochMs>();
  const sample = (): void => {
    const nowMs = day.world.nowMs();
    if (nowMs > eventAtMs) return;
    for (const key of [ordersKey, quotesKey]) {
      const isReady = availableIn(day, key) >= (promiseOf(day, key)?.concurrency ?? Infinity);
      if (!isReady) readySince.delete(key);
      else if (!readySince.has(key)) readySince.set(key, nowMs);
    }
  };
  return {
    async runUntil(minute) {
      while (day.minute() < minute) {
        const nextMs = Math.min(day.world.nowMs() + sampleMs, eventAtMs + minute * msPerMinute);
        await day.runUntil(minuteOf(nextMs));
        sample();
      }
    },
    readyMinutes(key) {
      const sinceMs = readySince.get(key);
      return sinceMs === undefined ? null : (eventAtMs - sinceMs) / msPerMinute;
    },
  };
}

function minuteOf(atMs: EpochMs): number {
  return (atMs - eventAtMs) / msPerMinute;
}

function promiseOf(day: Rehearsal, key: FunctionKey) {
  return day.world.system.prewarmsOf(key).find(({ eventId }) => eventId === drillId);
}

function availableIn(day: Rehearsal, key: FunctionKey): number {
  return configuredIn(day.world.twins.with, key)?.available ?? 0;
}

function reportOf(badDay: BadDay, day: Rehearsal, watch: Watch): BadDayReport {
  const { name, what } = badDay;
  const functions = [ordersKey, quotesKey].map((key) => functionReport(badDay, { day, watch, key }));
  const leftBookedCount = day.booked().length;
  const others = day.otherCalls.map((call) => call.what);
  const countOf = (start: string): number => others.filter((one) => one.startsWith(start)).length;
  const read = createBookingReader([ordersKey, quotesKey]);
  return {
    name,
    what,
    functions,
    fired: day.world.twins.with.firedSchedules().map((fired) => {
      const booking = read(fired.name);
      const said = booking && `${nameOf(booking.key)} ${booking.purpose} ${booking.concurrency}`;
      return { minute: minuteOf(fired.firedAtMs), what: said ?? fired.name, status: fired.status };
    }),
    bookings: {
      bookCount: countOf('POST /schedules/'),
      cancelCount: countOf('DELETE /schedules/'),
      listCount: countOf('GET /schedules?'),
    },
    incidents: incidentsOf(day.audit),
    prewarms: day.audit.flatMap(({ kind, atMs, body }) =>
      kind.startsWith('prewarm.') && body['eventId'] === drillId
        ? [{ minute: minuteOf(atMs), function: subjectOf(body), turn: kind.slice('prewarm.'.length) }]
        : [],
    ),
    leftBookedCount,
    breaches: breachesOf(badDay, { day, functions, leftBookedCount }),
  };
}

function functionReport(
  { standsInTheEnd = 0 }: BadDay,
  { day, watch, key }: { readonly day: Rehearsal; readonly watch: Watch; readonly key: FunctionKey },
): FunctionReport {
  const calls = day.calls.filter(({ functionKey }) => functionKey === key);
  const { with: own, without, eventWindows } = day.world.measured(key);
  const [window] = eventWindows;
  const promise = promiseOf(day, key);
  const heldBackBy = day.audit
    .filter(({ kind, body }) => kind === 'action.refused' && [body['key'], body['function']].includes(key))
    .map(({ body }) => body['stage'] as string);
  const gotOf = (side: 'with' | 'without'): Got => {
    const { spillover, throttles, coldStarts } = window![side];
    const { provisionedUsd, totalUsd } = side === 'with' ? own : without;
    return { spillover, throttles, coldStarts, provisionedUsd, totalUsd };
  };
  return {
    function: nameOf(key),
    levels: calls.flatMap(({ minute, level }) => (level === undefined ? [] : [{ minute, level }])),
    lookCount: calls.filter(({ level }) => level === undefined).length,
    bounds: key === ordersKey ? boundsIn(day) : [],
    heldBackBy: [...new Set(heldBackBy)],
    promised: promise?.concurrency ?? null,
    readyMinutes: watch.readyMinutes(key),
    readyMinutesClaimed: promise?.minutesEarly ?? null,
    with: gotOf('with'),
    without: gotOf('without'),
    leftConcurrency: (day.configured(key)?.requested ?? 0) - (key === ordersKey ? standsInTheEnd : 0),
  };
}

/** Only one function is ever steered. */
function boundsIn({ otherCalls }: Rehearsal): FunctionReport['bounds'] {
  return otherCalls.flatMap(({ minute, what }) => {
    const [name, bounds] = what.split(' ');
    return name === 'RegisterScalableTarget' && bounds !== undefined ? [{ minute, bounds }] : [];
  });
}

function incidentsOf(audit: readonly AuditEvent[]): Incident[] {
  const closedAt = new Map(
    audit.flatMap(({ kind, causeSeq, atMs }) => (kind === 'incident.closed' ? [[causeSeq, minuteOf(atMs)]] : [])),
  );
  return audit.flatMap(({ kind, seq, atMs, body }) => {
    if (kind !== 'incident.opened') return [];
    const about = {
      function: subjectOf(body),
      incident: body['incident'] as string,
      because: body['because'] as string,
    };
    return [{ minute: minuteOf(atMs), ...about, closedMinute: closedAt.get(seq) ?? null }];
  });
}

function subjectOf(body: AuditEvent['body']): string {
  const key = body['function'] as FunctionKey | 'account';
  return key === 'account' ? key : nameOf(key);
}

/** Requests that somebody felt: spillover that found a warm environment on demand is none. */
export function harmedOf({ coldStarts, throttles }: Got): number {
  return coldStarts + throttles;
}

function breachesOf(
  { isTakenAway }: BadDay,
  {
    day,
    functions,
    leftBookedCount,
  }: { readonly day: Rehearsal; readonly functions: readonly FunctionReport[]; readonly leftBookedCount: number },
): string[] {
  const harmed = functions.flatMap((one): string[] => {
    const [own, without] = [harmedOf(one.with), harmedOf(one.without)];
    return own > without ? [`${one.function}: ${own} harmed, ${without} without us`] : [];
  });
  const left = functions.flatMap(({ function: name, leftConcurrency }): string[] =>
    leftConcurrency === 0 ? [] : [`${name}: ${leftConcurrency} are left over`],
  );
  return [
    ...(isTakenAway ? [] : harmed),
    ...left,
    ...(leftBookedCount === 0 ? [] : [`${leftBookedCount} calls are left booked`]),
    ...blindChanges(day.calls),
  ];
}

/** Changes that were made without a fresh look that was answered. */
function blindChanges(calls: readonly Call[]): string[] {
  return calls.flatMap(({ functionKey, level, atMs, minute }, index) => {
    if (level === undefined) return [];
    const look = calls.slice(0, index).findLast((one) => one.functionKey === functionKey && one.level === undefined);
    const isSeen = look !== undefined && !look.isFaulted && look.atMs >= atMs - lookAgeMsMax;
    return isSeen ? [] : [`${nameOf(functionKey!)}: ${level} was asked for at T${minute} without a fresh look`];
  });
}
