/**
 * What a kind of market event does to volume, minute by minute from 30 minutes before to 120 after.
 *
 * Mental model: an event brings its own volume. Ten thousand payroll readers are as many before the market opens as at noon, so what a
 * kind is remembered by is its lift in the slots where it was seen, and how busy those slots usually are; moved to a busier slot the same
 * volume is a smaller lift, and on top of a closing auction hardly any. A kind in one series leans on the same kind in other series, that
 * on the kinds of its importance, that on all kinds, and that on nothing happening. For a kind in its own series all of that together counts
 * as half an event: one seen twice is four fifths itself, one never seen is what its importance usually does. Minutes lean on their
 * neighbours in proportion to the time since the event.
 *
 * Units: natural log of (1 + volume); `base` is the log of a slot's usual volume over the series' typical volume; offsets in minutes.
 * Cost: a curve is 150 numbers, worked out from running sums over all series (response-sums.ts): some tens of microseconds, however many series there are. It is
 * kept until something is learned.
 *
 * - Efron & Morris, Stein's Estimation Rule and Its Competitors, JASA 68 (1973): leaning on the parent.
 */
import type { Importance } from '../core/market-event.ts';
import { packFloat64, unpackFloat64 } from './packed.ts';
import {
  createResponseSums,
  sumOf,
  type MinuteMeans,
  type MinuteSums,
  type ResponseSums,
  type SharedRecord,
} from './response-sums.ts';

export const offsetMinuteFirst = -30;
export const offsetMinuteEnd = 120;
export const offsetCount = offsetMinuteEnd - offsetMinuteFirst;

/** Among parents, the next one up weighs as two events. */
const eventsOfParent = 2;
/**
 * For a kind in its own series all that is known of others weighs as half an event: kinds differ among themselves more than
 * events of one kind do. With two, a third of what came in the half hour after payrolls lay under its median, after rate decisions a quarter.
 */
const eventsOfRelatives = 0.5;
/** Events after which an old one hardly counts: a year of a monthly release. */
const memoryEventCount = 12;
/** Variance of the lift of an event about which nothing is known at all: a factor of 1.7 either way, fading over the hour after it. */
const strayUnknown = 0.1;

/** The answer for one kind in one series, as of now. */
export interface EventCurve {
  /** Expected lift at a minute (an index from `offsetMinuteFirst` on), in a slot that is usually e^base times as busy as is typical. */
  lift(minute: number, base: number): number;
  /** Variance of one event's lift around the expected one, beyond ordinary noise. */
  stray(minute: number): number;
  /** Events of this kind seen in this series, within memory. */
  readonly eventCount: number;
  /** Mean lift over the half hour after the event, where it usually is. */
  readonly strength: number;
  /**
   * How far what is usual there stands out in the half hour after the event, from the half hours before and after that. Where an event comes every day at
   * the same minute, no day shows the slot without it: the profile takes its surge for usual, and `strength` is nought. 0 before one was seen.
   */
  readonly usualRise: number;
}

/** One event as it went; NaN where nothing was recorded. */
export interface ObservedEvent {
  readonly kind: string;
  readonly importance: Importance;
  readonly lift: Float64Array;
  readonly base: Float64Array;
  /** Spread that was expected anyway. */
  readonly calm: Float64Array;
  /** Miss of the lift that was foretold. */
  readonly miss: Float64Array;
}

export interface EventResponse {
  learn(seriesName: string, event: ObservedEvent): void;
  curveOf(seriesName: string, kind: string, importance: Importance): EventCurve;
  /** What one series contributed; `restore` puts it back. */
  snapshotOf(seriesName: string): EventResponseSnapshot;
  restore(seriesName: string, snapshot: EventResponseSnapshot): void;
}

export type EventResponseSnapshot = Readonly<Record<string, KindSnapshot>>;

interface KindSnapshot {
  readonly [field: string]: string | number;
  readonly importance: number;
  readonly isFirst: number;
  readonly means: string;
}

/** What one series knows of one kind. */
interface KindRecord {
  importance: number;
  isFirst: boolean;
  readonly lift: MinuteMeans;
  readonly base: MinuteMeans;
  /** Of all events but the first. */
  readonly stray: MinuteMeans;
  /** Of the first: how wrong it was to go by importance. */
  readonly firstStray: MinuteMeans;
}

export function createEventResponse(): EventResponse {
  const series = new Map<string, Map<string, KindRecord>>();
  const sums = createResponseSums(offsetCount);
  const curves = new Map<string, EventCurve>();

  const recordsOf = (seriesName: string): Map<string, KindRecord> => {
    const records = series.get(seriesName) ?? new Map<string, KindRecord>();
    series.set(seriesName, records);
    return records;
  };
  return {
    learn(seriesName, event) {
      const records = recordsOf(seriesName);
      const known = records.get(event.kind);
      if (known) sums.remove(event.kind, known.importance, sharedOf(known));
      const record = known ?? emptyRecord();
      records.set(event.kind, record);
      record.importance = event.importance;
      blend(record.isFirst ? record.firstStray : record.stray, strayOf(record, event));
      blend(record.lift, event.lift);
      blend(record.base, event.base);
      record.isFirst = false;
      sums.add(event.kind, record.importance, sharedOf(record));
      curves.clear();
    },
    curveOf(seriesName, kind, importance) {
      const name = JSON.stringify([seriesName, kind, importance]);
      const own = series.get(seriesName)?.get(kind);
      const curve = curves.get(name) ?? estimateCurve(sums, { own, kind, importance });
      curves.set(name, curve);
      return curve;
    },
    snapshotOf: (seriesName) =>
      Object.fromEntries([...recordsOf(seriesName)].map(([kind, record]) => [kind, packRecord(record)])),
    restore(seriesName, snapshot) {
      for (const [kind, record] of recordsOf(seriesName)) sums.remove(kind, record.importance, sharedOf(record));
      const records = new Map(Object.entries(snapshot).map(([kind, kept]) => [kind, unpackRecord(kept)]));
      series.set(seriesName, records);
      for (const [kind, record] of records) sums.add(kind, record.importance, sharedOf(record));
      curves.clear();
    },
  };
}

function estimateCurve(
  sums: ResponseSums,
  {
    own,
    kind,
    importance,
  }: { readonly own: KindRecord | undefined; readonly kind: string; readonly importance: number },
): EventCurve {
  const shared = own && sharedOf(own);
  const sameKind = sums.ofKind(kind, shared);
  const otherKinds = sums.ofOthers(kind);
  const alike = sums.ofOthers(kind, importance);

  const anyKind = lean(otherKinds.saturatedLift, new Float64Array(offsetCount));
  const parent = smooth(lean(sameKind.lift, lean(alike.saturatedLift, anyKind)), 8);
  const ownLift = own && smooth(own.lift.value, 8);
  // Scatter within a kind, and how wrong the fallback was for kinds at first sight; a kind known a little has a little of both.
  const scatter = lean(sameKind.stray, lean(otherKinds.saturatedStray, unknownStray));
  const ownScatter = smooth(shared ? lean(sumOf(shared.stray), scatter) : scatter, 3);
  const firstSight = smooth(lean(alike.firstStray, unknownStray), 3);

  const lift = (minute: number, base: number): number => {
    const parentLift = move(parent[minute]!, 0, base);
    if (!own || !ownLift) return parentLift;
    const count = own.lift.count[minute]!;
    const moved = move(ownLift[minute]!, own.base.value[minute]!, base);
    return (count * moved + eventsOfRelatives * parentLift) / (count + eventsOfRelatives);
  };
  const stray = (minute: number): number => {
    const known = own ? own.lift.count[minute]! : 0;
    const ignorance = eventsOfRelatives / (known + eventsOfRelatives);
    return Math.max(0, (1 - ignorance) * ownScatter[minute]! + ignorance * firstSight[minute]!);
  };
  let strength = 0;
  for (let minute = -offsetMinuteFirst; minute < -offsetMinuteFirst + 30; minute++) {
    strength += lift(minute, own?.base.value[minute] ?? 0) / 30;
  }
  const eventCount = own?.lift.count.reduce((most, count) => Math.max(most, count)) ?? 0;
  return { lift, stray, eventCount, strength, usualRise: own ? riseOf(own.base) : 0 };
}

/** From the mean of its neighbours: a morning on which volume grows by the same share every half hour does not stand out. */
function riseOf(base: MinuteMeans): number {
  const [before, during, after] = [-30, 0, 30].map((offset) => meanOver(base, offset - offsetMinuteFirst));
  const rise = during! - (before! + after!) / 2;
  return Number.isNaN(rise) ? 0 : rise;
}

/** Of the half hour from `first` on; NaN where nothing of it was recorded. */
function meanOver({ value, count }: MinuteMeans, first: number): number {
  let [sum, recorded] = [0, 0];
  for (let minute = first; minute < first + 30; minute++) {
    if (count[minute] === 0) continue;
    sum += value[minute]!;
    recorded++;
  }
  return sum / recorded;
}

/** The same added volume in a slot that is usually e^(to - from) times as busy. A lull is a share of what is there, and stays one. */
function move(lift: number, from: number, to: number): number {
  return lift <= 0 ? lift : Math.log1p(Math.expm1(lift) * Math.exp(from - to));
}

/** What a record tells other series: its lift as it would be in a slot of typical volume, where kinds seen at different hours can be compared. */
function sharedOf({ lift, base, stray, firstStray }: KindRecord): SharedRecord {
  const value = lift.value.map((lifted, minute) => Math.max(0, move(lifted, base.value[minute]!, 0)));
  return { lift: { value, count: lift.count }, stray, firstStray };
}

const unknownStray = new Float64Array(offsetCount).map((_, minute) =>
  // Before the event a little, because some tell theirs early.
  minute < -offsetMinuteFirst ? 0.05 : strayUnknown * 2 ** ((-offsetMinuteFirst - minute) / 30),
);

function emptyRecord(): KindRecord {
  const empty = (): MinuteMeans => ({ value: new Float64Array(offsetCount), count: new Float64Array(offsetCount) });
  return { importance: 1, isFirst: true, lift: empty(), base: empty(), stray: empty(), firstStray: empty() };
}

/**
 * How far an event went from its kind, beyond ordinary noise: from the mean of those before it, which itself is off by a share of the same
 * scatter (hence the root); at first sight, from what was foretold.
 */
function strayOf({ lift, base }: KindRecord, event: ObservedEvent): Float64Array {
  return event.lift.map((value, minute) => {
    const count = lift.count[minute]!;
    const known = move(lift.value[minute]!, base.value[minute]!, event.base[minute]!);
    const miss = count === 0 ? event.miss[minute]! : (value - known) * Math.sqrt(count / (count + 1));
    // The mean absolute deviation of normal noise is 0.798 of its standard deviation.
    return Math.abs(miss) / 0.798 - event.calm[minute]!;
  });
}

/** Moves running means; a minute without data keeps what it had. */
function blend({ value, count }: MinuteMeans, next: Float64Array): void {
  for (let minute = 0; minute < offsetCount; minute++) {
    if (Number.isNaN(next[minute]!)) continue;
    count[minute] = Math.min(memoryEventCount, count[minute]! + 1);
    value[minute]! += (next[minute]! - value[minute]!) / count[minute]!;
  }
}

/** Mean of the children by their counts, with the parent as one more event. */
function lean(children: MinuteSums, parent: Float64Array): Float64Array {
  return parent.map(
    (parentValue, minute) =>
      (eventsOfParent * parentValue + children.weighted[minute]!) / (eventsOfParent + children.weight[minute]!),
  );
}

/** Averages over neighbours within 1/reach of the time to the event, never across the event's own minute. */
function smooth(curve: Float64Array, reach: number): Float64Array {
  const eventMinute = -offsetMinuteFirst;
  return curve.map((_, minute) => {
    const half = Math.floor(Math.abs(minute - eventMinute) / reach);
    const first = Math.max(minute < eventMinute ? 0 : eventMinute, minute - half);
    const last = Math.min(minute < eventMinute ? eventMinute - 1 : offsetCount - 1, minute + half);
    let sum = 0;
    for (let at = first; at <= last; at++) sum += curve[at]!;
    return sum / (last - first + 1);
  });
}

const meansOf = (record: KindRecord): MinuteMeans[] => [record.lift, record.base, record.stray, record.firstStray];

function packRecord(record: KindRecord): KindSnapshot {
  const all = new Float64Array(8 * offsetCount);
  for (const [index, { value, count }] of meansOf(record).entries()) {
    all.set(value, 2 * index * offsetCount);
    all.set(count, (2 * index + 1) * offsetCount);
  }
  return { importance: record.importance, isFirst: record.isFirst ? 1 : 0, means: packFloat64(all) };
}

function unpackRecord(kept: KindSnapshot): KindRecord {
  const record = emptyRecord();
  const all = unpackFloat64(kept.means);
  for (const [index, { value, count }] of meansOf(record).entries()) {
    value.set(all.subarray(2 * index * offsetCount, (2 * index + 1) * offsetCount));
    count.set(all.subarray((2 * index + 1) * offsetCount, (2 * index + 2) * offsetCount));
  }
  record.importance = kept.importance;
  record.isFirst = kept.isFirst === 1;
  return record;
}
