/**
 * Keeps, for each event and function, what was promised and what came: the level that was asked for, and since when the alias has held it without a
 * break. READY that is lost again starts the count anew: a warm fleet at T − 8 and a cold one at T + 0 is a miss.
 *
 * Pure: fed once a tick with the observed level, it answers with what just happened.
 */
import type { BindingLimit } from '../core/capacity.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';
import type { PrewarmView } from './view.ts';

/** A human must hear by then that it will not be warm (docs/decisions/0001). */
const lateBeforeEventMs = 3 * msPerMinute;

type PrewarmTurn = 'ready' | 'late' | 'lost' | 'met' | 'missed';

export interface PrewarmNews {
  readonly prewarm: PrewarmView & { readonly key: FunctionKey };
  readonly turn: PrewarmTurn;
}

interface Prewarm {
  readonly key: FunctionKey;
  readonly event: MarketEvent;
  concurrency: number;
  bindingLimit: BindingLimit;
  /** What stands there before is for something else. */
  fromMs: EpochMs;
  coveredSinceMs: EpochMs | null;
  isReportedLate: boolean;
}

/** What people have been told of promises whose event has not begun: what a restart goes on from. */
export type ToldPrewarms = readonly {
  readonly key: FunctionKey;
  readonly eventId: string;
  readonly concurrency: number;
  readonly coveredSinceMs: EpochMs | null;
  readonly isReportedLate: boolean;
}[];

/** A promise as the plan makes it. */
export interface PromisedLevel {
  readonly concurrency: number;
  readonly bindingLimit: BindingLimit;
  /** When it is asked for. */
  readonly fromMs: EpochMs;
}

export interface PrewarmLedger {
  /** States or restates what will be held at the event's instant. Ignored once the event has begun. */
  expect(key: FunctionKey, event: MarketEvent, level: PromisedLevel): void;
  /** Drops the promises of a function that the latest plan no longer makes, and which have not begun. */
  keepOnly(key: FunctionKey, eventIds: ReadonlySet<string>, nowMs: EpochMs): void;
  observe(nowMs: EpochMs, concurrencyReadyOf: (key: FunctionKey) => number): readonly PrewarmNews[];
  of(key: FunctionKey): readonly PrewarmView[];
  /** Of what is still ahead, where there is something to remember. */
  told(): ToldPrewarms;
}

/** A hundred days of four events each. */
const closedCountMax = 400;

interface Promises {
  /** By event; judged every second. */
  readonly open: Map<string, Prewarm>;
  /** Of events that have begun, the newest last. */
  readonly closed: PrewarmView[];
}

/** Goes on from what an earlier run had told: it is neither told again nor counted from the restart on. */
export function createPrewarmLedger(known: ToldPrewarms = []): PrewarmLedger {
  const toldBefore = new Map(known.map((one) => [`${one.eventId} ${one.key}`, one]));
  const promises = new Map<FunctionKey, Promises>();
  const promisesOf = (key: FunctionKey): Promises => {
    const known = promises.get(key) ?? { open: new Map<string, Prewarm>(), closed: [] };
    promises.set(key, known);
    return known;
  };
  const judge = ({ open, closed }: Promises, prewarm: Prewarm, nowMs: EpochMs, ready: number): PrewarmNews[] => {
    const turns = turnsOf(prewarm, nowMs, ready);
    if (turns.length === 0) return [];
    const view = viewOf(prewarm);
    if (nowMs >= prewarm.event.startsAtMs) {
      open.delete(prewarm.event.id);
      closed.push(view);
      if (closed.length > closedCountMax) closed.shift();
    }
    return turns.map((turn) => ({ prewarm: view, turn }));
  };
  return {
    expect(key, event, { concurrency, bindingLimit, fromMs }) {
      const { open, closed } = promisesOf(key);
      const known = open.get(event.id);
      if (known) {
        known.concurrency = concurrency;
        known.bindingLimit = bindingLimit;
        known.fromMs = fromMs;
      } else if (!closed.some(({ eventId }) => eventId === event.id)) {
        const { coveredSinceMs = null, isReportedLate = false } = toldBefore.get(`${event.id} ${key}`) ?? {};
        open.set(event.id, { key, event, concurrency, bindingLimit, fromMs, coveredSinceMs, isReportedLate });
      }
    },
    keepOnly(key, eventIds, nowMs) {
      const { open } = promisesOf(key);
      for (const [id, { event }] of open) if (event.startsAtMs > nowMs && !eventIds.has(id)) open.delete(id);
    },
    observe(nowMs, concurrencyReadyOf) {
      return [...promises].flatMap(([key, known]) => {
        const ready = concurrencyReadyOf(key);
        return [...known.open.values()].flatMap((prewarm) => judge(known, prewarm, nowMs, ready));
      });
    },
    of(key) {
      const { open, closed } = promisesOf(key);
      return [...closed, ...[...open.values()].map(viewOf)];
    },
    told: () =>
      [...promises].flatMap(([key, { open }]) =>
        [...open].flatMap(([eventId, { concurrency, coveredSinceMs, isReportedLate }]) =>
          coveredSinceMs === null && !isReportedLate
            ? []
            : [{ key, eventId, concurrency, coveredSinceMs, isReportedLate }],
        ),
      ),
  };
}

function turnsOf(prewarm: Prewarm, nowMs: EpochMs, concurrencyReady: number): PrewarmTurn[] {
  const turns: PrewarmTurn[] = [];
  const isCovered = nowMs >= prewarm.fromMs && concurrencyReady >= prewarm.concurrency;
  if (isCovered && prewarm.coveredSinceMs === null) {
    prewarm.coveredSinceMs = nowMs;
    turns.push('ready');
  } else if (!isCovered && prewarm.coveredSinceMs !== null) {
    prewarm.coveredSinceMs = null;
    turns.push('lost');
  }
  const { startsAtMs } = prewarm.event;
  if (!isCovered && !prewarm.isReportedLate && nowMs >= startsAtMs - lateBeforeEventMs && nowMs < startsAtMs) {
    prewarm.isReportedLate = true;
    turns.push('late');
  }
  if (nowMs >= startsAtMs) turns.push(isCovered ? 'met' : 'missed');
  return turns;
}

function viewOf(prewarm: Prewarm): PrewarmView & { readonly key: FunctionKey } {
  const { key, event, coveredSinceMs } = prewarm;
  return {
    key,
    eventId: event.id,
    eventAtMs: event.startsAtMs,
    importance: event.importance,
    concurrency: prewarm.concurrency,
    bindingLimit: prewarm.bindingLimit,
    readyAtMs: coveredSinceMs,
    minutesEarly: coveredSinceMs === null ? null : Math.max(0, event.startsAtMs - coveredSinceMs) / msPerMinute,
  };
}
