/**
 * One run of the service decided again: its engine, fed tick by tick with what is on record, and what comes out held against the events that were written with each.
 */
import type { AuditDraft, AuditEvent } from '../core/audit.ts';
import { InputError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { MarketEvent } from '../core/market-event.ts';
import type { Position, Store, Stored } from '../core/ports.ts';
import { formatInstant, type EpochMs } from '../core/time.ts';
import { createAuditChain, readAuditRecord } from '../store/audit-log.ts';
import { checkRecord, type Head } from '../store/audit-verify.ts';
import type { TickRows } from '../store/delta-log.ts';
import { readTick } from '../store/tick-log.ts';
import type { SealedTick } from './engine-snapshot.ts';
import { createEngine, type Engine, type TickResult } from './engine.ts';
import type { Fact } from './facts.ts';
import { diffJson } from './json-diff.ts';
import { loadEvents, loadOptions, loadSnapshot } from './recorded-options.ts';
import { createSpanReader, PrunedError } from './span-facts.ts';

export interface ReplayOptions {
  /** Up to this event, and no other is compared. */
  readonly seq?: number;
  /** Only decisions of [fromMs, untilMs) are compared. */
  readonly fromMs?: EpochMs;
  readonly untilMs?: EpochMs;
  /** Hears of every hundredth tick. May throw to stop. */
  readonly onProgress?: (atMs: EpochMs, tickCount: number) => void;
}

/** A place where the record and this release differ. */
export interface Difference {
  /** Of the event; null for the state that a tick left. */
  readonly seq: number | null;
  readonly kind: string;
  readonly atMs: EpochMs;
  /** Row of the store; null for a decision that was not recorded. */
  readonly position: Position | null;
  /** A line a place: the path, what is recorded, what comes out now. */
  readonly lines: readonly string[];
}

export interface ReplayedRun {
  readonly startedSeq: number;
  readonly startedAtMs: EpochMs;
  /** That recorded it. */
  readonly release: string;
  readonly tickCount: number;
  readonly decisionCount: number;
  readonly equalCount: number;
  /** Decisions that came out otherwise, were recorded and do not come out, or come out and were not recorded; and ticks that left another state. */
  readonly differingCount: number;
  /** Why it could not be replayed, or not to its end. */
  readonly unreplayed: string | null;
}

/** One decision, with what it was judged from. */
export interface ReplayedDecision {
  readonly event: AuditEvent;
  readonly isEqual: boolean;
  /** Of the tick. */
  readonly facts: readonly Fact[];
  readonly tickAtMs: EpochMs;
  readonly run: Readonly<Record<string, Json>>;
}

/** Where a run begins in the log, and what it named. */
export interface RunStart {
  readonly position: Position;
  readonly seq: number;
  readonly atMs: EpochMs;
  readonly release: string;
  readonly body: AuditEvent['body'];
  /** First row and first event of the next run. */
  readonly untilPosition: Position;
  readonly untilSeq: number;
  readonly untilMs: EpochMs;
}

export interface RunResult {
  readonly summary: ReplayedRun;
  readonly differences: readonly Difference[];
  readonly decision: ReplayedDecision | null;
}

export interface Attempt extends ReplayOptions {
  readonly lastTick: 'hear' | 'tick';
}

/** A tick and what was written with it and after it, up to the next; the first group has no tick. */
export interface Group {
  readonly rows: TickRows | undefined;
  readonly events: Stored[];
}

export const differenceCountMax = 100;

export class Unreplayable extends Error {
  override readonly name = 'Unreplayable';
}

const factsAreGone = 'its first facts are gone: they were pruned, or removed';

/** What a tick decided now, held against the events that come after it in the log. */
interface Pending {
  readonly drafts: AuditDraft[];
  readonly facts: readonly Fact[];
  readonly atMs: EpochMs;
  /** So far all of it came out as recorded. */
  isEqual: boolean;
}

export function createRun(store: Store, start: RunStart, options: Attempt) {
  const { seq: seqWanted, fromMs = -Infinity, untilMs = Infinity, lastTick, onProgress } = options;
  const named: Record<string, Json> = { startedSeq: start.seq, ...namedBy(start.body, startNames) };
  const differences: Difference[] = [];
  const spans = createSpanReader(store);
  let engine: Engine | undefined;
  let before: Head | null = null;
  let lastTickHash: string | undefined;
  let pending: Pending = { drafts: [], facts: [], atMs: start.atMs, isEqual: true };
  let decision: ReplayedDecision | null = null;
  let endsOtherwise = false;
  let [tickCount, decisionCount, equalCount, differingCount] = [0, 0, 0, 0];

  const isCompared = (atMs: EpochMs): boolean => seqWanted === undefined && fromMs <= atMs && atMs < untilMs;
  const differ = (difference: Difference): void => {
    differingCount++;
    if (differences.length < differenceCountMax) differences.push(difference);
  };

  const createOnce = async (prevHash: string): Promise<Engine> => {
    if (engine) return engine;
    const { optionsSha256, snapshotSha256, tickHash } = named;
    if (typeof optionsSha256 !== 'string' || typeof snapshotSha256 !== 'string' || typeof tickHash !== 'string')
      throw new Unreplayable('its start named no inputs: an earlier release did not keep them');
    if (tickHash !== prevHash) throw new Unreplayable(factsAreGone);
    engine = await orUnreplayable(async () =>
      createEngine(await loadOptions(store, { optionsSha256 }), await loadSnapshot(store, snapshotSha256)),
    );
    return engine;
  };

  const judgeTick = async (rows: TickRows, how: 'hear' | 'tick'): Promise<void> => {
    const { tick: stored } = rows;
    const reading = readTick(stored);
    if (!reading.ok) throw damaged(stored.position, reading.reason);
    if (lastTickHash !== undefined && reading.prevHash !== lastTickHash)
      throw damaged(stored.position, 'it was not chained to the tick before it');
    lastTickHash = reading.hash;
    const judging = await createOnce(reading.prevHash);
    const sealed = JSON.parse(reading.text) as SealedTick;
    const { atMs } = sealed;
    const facts = await completeFacts(store, sealed.facts, (fact) => spans.complete(fact, rows));
    const result = judgeOrExplain(() => judging[how](atMs, facts, (before?.seq ?? -1) + 1), atMs);
    pending = {
      drafts: [...result.drafts],
      facts: sealed.facts,
      atMs,
      isEqual: JSON.stringify(result.sealed) === reading.text,
    };
    if (++tickCount % 100 === 0) onProgress?.(atMs, tickCount);
    if (pending.isEqual || !isCompared(atMs)) return;
    const lines = diffJson(sealed as unknown as Json, result.sealed ?? null);
    const { position } = stored;
    differ({ seq: null, kind: 'tick', atMs, position, lines: lines.length > 0 ? lines : ['the order of members'] });
  };

  const compare = (event: AuditEvent, { position, bytes }: Stored, previous: Head | null): void => {
    const draft = pending.drafts.shift();
    const isEqual = draft !== undefined && isSameBytes(bytesOf(draft, previous), bytes);
    pending.isEqual &&= isEqual;
    const { seq, kind, atMs } = event;
    if (seq === seqWanted) decision = { event, isEqual, facts: pending.facts, tickAtMs: pending.atMs, run: named };
    if (seq !== seqWanted && !isCompared(atMs)) return;
    decisionCount++;
    if (isEqual) equalCount++;
    else differ({ seq, kind, atMs, position, lines: linesOf(event, draft) });
  };

  const hear = (stored: Stored): void => {
    const event = eventOf(stored);
    const { seq, prevHash, atMs } = event;
    // What came before the start of the run was not read.
    const previous = before ?? (seq === 0 ? null : { seq: seq - 1, hash: prevHash, atMs });
    const checked = checkRecord(stored, previous);
    if ('message' in checked) throw damaged(stored.position, checked.message);
    before = checked;
    if (engine) {
      // The last word is said after the last tick; all else is written with a tick, whoever said it.
      if (event.kind !== 'service.stopped') compare(event, stored, previous);
      return;
    }
    // Decided before the first tick that is kept.
    if (event.actor === 'engine') throw new Unreplayable(factsAreGone);
    Object.assign(named, namedBy(event.body, namesOf[event.kind] ?? {}));
  };

  return {
    /** Past what was asked for. */
    isOver: ({ rows }: Group): boolean =>
      (seqWanted !== undefined && (before?.seq ?? -1) >= seqWanted) || (rows?.tick.atMs ?? -Infinity) >= untilMs,
    async judge({ rows, events }: Group): Promise<void> {
      const isLast = events.some((stored) => eventOf(stored).kind === 'service.stopped');
      // Until it has come out as recorded.
      endsOtherwise = isLast;
      if (rows) await judgeTick(rows, isLast ? lastTick : 'tick');
      for (const stored of events) hear(stored);
      // What was decided now and is not on record.
      for (const { kind, body } of pending.drafts.splice(0)) {
        pending.isEqual = false;
        if (isCompared(pending.atMs))
          differ({ seq: null, kind, atMs: pending.atMs, position: null, lines: diffJson(null, body) });
      }
      endsOtherwise = isLast && !pending.isEqual;
    },
    result: (unreplayed: string | null): RunResult & { endsOtherwise: boolean } => ({
      summary: {
        startedSeq: start.seq,
        startedAtMs: start.atMs,
        release: start.release,
        tickCount,
        decisionCount,
        equalCount,
        differingCount,
        unreplayed,
      },
      differences,
      decision,
      endsOtherwise,
    }),
  };
}

/** Facts as they were judged: what a row leaves out because the store has it under its version. */
async function completeFacts(
  store: Store,
  facts: readonly Fact[],
  withDeltas: (fact: Extract<Fact, { kind: 'deltas' }>) => Promise<Fact>,
): Promise<readonly Fact[]> {
  const complete: Fact[] = [];
  for (const fact of facts) {
    if (fact.kind === 'deltas') complete.push(await orUnreplayable(() => withDeltas(fact)));
    else if (fact.kind !== 'calendar') complete.push(fact);
    else complete.push({ ...fact, calendar: { ...fact.calendar, events: await loadNamedEvents(store, fact) } });
  }
  return complete;
}

async function loadNamedEvents(
  store: Store,
  { calendar }: Extract<Fact, { kind: 'calendar' }>,
): Promise<readonly MarketEvent[]> {
  return orUnreplayable(() => loadEvents(store, calendar.version));
}

/** An input that is gone is said of the run; a row that does not hold, and a mistake of ours, are not. */
async function orUnreplayable<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const isGone = error instanceof PrunedError || (error instanceof InputError && error.code !== 'deltas-broken');
    throw isGone ? new Unreplayable((error as Error).message) : error;
  }
}

/** After a difference the state may be another than the one that the facts answer. */
function judgeOrExplain(judge: () => TickResult, atMs: EpochMs): TickResult {
  try {
    return judge();
  } catch (error) {
    const why = (error as Error).message;
    throw new Unreplayable(`this release cannot judge the tick of ${formatInstant(atMs)}: ${why}`);
  }
}

/** What the first events of a run name its inputs by, and how a replay calls them. */
const startNames = { release: 'release', snapshotSha256: 'snapshotSha256', tickHash: 'tickHash' };
const namesOf: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'config.loaded': { sha256: 'configSha256', optionsSha256: 'optionsSha256' },
  'calendar.loaded': { version: 'calendarVersion' },
};

function namedBy(body: AuditEvent['body'], names: Readonly<Record<string, string>>): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(names).flatMap(([key, name]) => (body[key] === undefined ? [] : [[name, body[key]]])),
  );
}

/** The record that the draft would have been, after the event that is on record before it: one difference is not the cause of all that follow. */
function bytesOf(draft: AuditDraft, previous: Head | null): Uint8Array {
  return createAuditChain(previous ?? undefined).extend([draft]).records[0]!.bytes;
}

function isSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function linesOf({ atMs, kind, actor, causeSeq, body }: AuditEvent, draft: AuditDraft | undefined): readonly string[] {
  if (!draft) return diffJson(body, null);
  return diffJson(
    { atMs, kind, actor, causeSeq, body },
    { atMs: draft.atMs, kind: draft.kind, actor: draft.actor, causeSeq: draft.causeSeq ?? null, body: draft.body },
  );
}

export function eventOf({ bytes, position }: Stored): AuditEvent {
  const reading = readAuditRecord(bytes);
  if (reading.ok) return reading.event;
  throw damaged(position, reading.reason);
}

function damaged(position: Position, reason: string): InputError {
  return new InputError(
    'replay-damaged',
    `row ${position} of the store does not hold (${reason}): run "foreshock audit verify"`,
  );
}
