/**
 * Market events as they are made, checked and ordered, whatever file or feed they came from.
 * A calendar is a list sorted by instant, then id; its version is a hash of what it says, not of how it was written down.
 */
import { createHash } from 'node:crypto';
import type { EventSource, Expectation, Importance, MarketEvent, SessionPhase } from '../core/market-event.ts';
import { formatInstant, type EpochMs } from '../core/time.ts';

/** What a file or feed was read into. */
export interface Calendar {
  readonly name: string;
  /** Sorted by `compareEvents`; no two share an id. Cancelled ones stay: that an event does not come is a fact too. */
  readonly events: readonly MarketEvent[];
  /** See `calendarVersion`. */
  readonly version: string;
  /** What the reader let pass, in words. */
  readonly warnings: readonly string[];
}

/** An event before it has a name. */
export interface EventDraft {
  readonly id?: string;
  readonly kind: string;
  readonly title: string;
  readonly startsAtMs: EpochMs;
  readonly precision: MarketEvent['precision'];
  readonly isTimeAssumed?: true;
  readonly importance: Importance;
  readonly symbols: readonly string[];
  readonly status: MarketEvent['status'];
  readonly expect?: Expectation;
  readonly source: EventSource;
}

const phaseOfKind: Readonly<Record<string, SessionPhase>> = {
  open: 'open',
  close: 'close',
  half_day: 'halfDay',
  holiday: 'holiday',
};

/** Completes an event: its id where the source gave none (`<kind>[:<symbol>]@<ts>`), its phase where the kind is one of a session. */
export function createEvent(draft: EventDraft): MarketEvent {
  const { id, ...rest } = draft;
  const phase = Object.hasOwn(phaseOfKind, draft.kind) ? phaseOfKind[draft.kind] : undefined;
  return { id: id ?? eventIdOf(draft), ...rest, ...(phase && { phase }) };
}

/** What is published as a date is named by its date: the time that a convention adds is not the source's word. */
function eventIdOf({ kind, symbols, startsAtMs, precision, isTimeAssumed }: EventDraft): string {
  const subject = symbols.length === 0 ? kind : `${kind}:${symbols.join('+')}`;
  const at = formatInstant(startsAtMs);
  return `${subject}@${precision === 'date' || isTimeAssumed ? at.slice(0, 10) : at}`;
}

/** By instant, then by id, in code units: the same on every machine and in every language. */
export function compareEvents(a: MarketEvent, b: MarketEvent): number {
  return a.startsAtMs - b.startsAtMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** The events of a sorted calendar that start in [fromMs, untilMs). Cost: O(log events + answer). */
export function eventsBetween(
  events: readonly MarketEvent[],
  fromMs: EpochMs,
  untilMs: EpochMs,
): readonly MarketEvent[] {
  return events.slice(firstAtOrAfter(events, fromMs), firstAtOrAfter(events, untilMs));
}

/** The index of the first event of a sorted list that does not start before `atMs`; the length where there is none. */
export function firstAtOrAfter(events: readonly MarketEvent[], atMs: EpochMs): number {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (events[middle]!.startsAtMs < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What an event says, as one line of JSON: all of it but where in which file it was read. Two rows with the same line are one event. */
export function canonicalEvent(event: MarketEvent): string {
  const { id, kind, title, startsAtMs, precision, isTimeAssumed, importance, symbols, status, source } = event;
  const { expect, doubt } = event;
  const time = isTimeAssumed ? 'assumed' : precision;
  const said = [id, kind, title, startsAtMs, time, importance, symbols, status, source.says];
  // Only where they are: a calendar without them keeps the version that it had before they were thought of.
  return JSON.stringify([...said, ...(expect ? [expect] : []), ...(doubt ? [doubt] : [])]);
}

/** SHA-256 of a sorted calendar. Moving a row or quoting a field differently changes nothing; any word that an event says does. */
export function calendarVersion(events: readonly MarketEvent[]): string {
  const hash = createHash('sha256');
  for (const event of events) hash.update(`${canonicalEvent(event)}\n`);
  return hash.digest('hex');
}
