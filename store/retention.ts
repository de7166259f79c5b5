/**
 * How long things are kept, and what keeps what.
 *
 * Three classes: facts (ticks), decisions (every audit event that is no incident), incidents. Facts go one by one. Of the audit log only its beginning
 * can go, up to the first event that has to stay, because a hole in the chain could be anybody's: the last event that went is recorded as the cut, and
 * the chain of the rest hangs on its hash. An event has to stay while its class says so, while an event that stays names it as its cause, and of course
 * with everything after it: the longest class decides how long the log is.
 *
 * What a decision cites is kept as long as the decision. A blob stays while any kept event has its version as a word in its body (`calendarVersion`,
 * `configSha256`, whatever it is called), while the start of the run that the first kept event belongs to named it, and while it is the latest of its name.
 */
import type { AuditEvent } from '../core/audit.ts';
import { InputError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { AuditCut, BlobName, FactStream, Position, Store, Stored } from '../core/ports.ts';
import { formatInstant, msPerDay, msPerHour, type EpochMs } from '../core/time.ts';
import { readAuditRecord } from './audit-log.ts';
import { checkRecord, type Head } from './audit-verify.ts';

/** Days for which each class is kept at least; hours for what spans showed by the second. */
export interface Retention {
  readonly deltasHours: number;
  readonly minutesDays: number;
  readonly ticksDays: number;
  readonly decisionsDays: number;
  readonly incidentsDays: number;
}

export interface Pruned {
  readonly deltasCount: number;
  readonly minuteCount: number;
  readonly tickCount: number;
  readonly eventCount: number;
  readonly blobCount: number;
}

/**
 * The log is cut when a sixteenth of what is to be kept could go (seven years: twice a year): finding out who still names an old event
 * means to read all that is kept.
 */
const cutRatioMin = 1 / 16;

/** Events that go in one transaction, with the cut moved behind them. */
const cutPageCount = 1_024;

/**
 * Removes what nobody has to keep any more. A crash in the middle leaves less removed, and the log whole.
 *
 * @throws InputError when an event that would go does not hold: a cut behind it would vouch for it.
 */
export async function pruneStore(store: Store, retention: Retention, nowMs: EpochMs): Promise<Pruned> {
  const { deltasHours, minutesDays, ticksDays } = retention;
  const pruneFacts = async (stream: FactStream, keptMs: number): Promise<number> =>
    (await store.prune({ factsBeforeMs: { [stream]: nowMs - keptMs } })).removedCount;
  const tickCount = await pruneFacts('tick', ticksDays * msPerDay);
  const deltasCount = await pruneFacts('deltas', deltasHours * msPerHour);
  const minuteCount = await pruneFacts('minutes', minutesDays * msPerDay);
  const untilSeq = await findCut(store, (kind) => nowMs - retentionMsOf(kind, retention), nowMs);
  const eventCount = untilSeq === undefined ? 0 : await cut(store, untilSeq, { retention, nowMs });
  const unused = eventCount === 0 ? [] : await unusedBlobs(store);
  const outlived = [...(await outlivedBlobs(store, 'deltas')), ...(await outlivedBlobs(store, 'minutes'))];
  const { removedCount: blobCount } = await store.prune({ blobs: [...unused, ...outlived] });
  return { deltasCount, minuteCount, tickCount, eventCount, blobCount };
}

/** The number of the first event that stays; undefined where nothing goes, or too little to be worth it. */
async function findCut(store: Store, limitOf: (kind: string) => EpochMs, nowMs: EpochMs): Promise<number | undefined> {
  let firstSeq: number | undefined;
  // Of the events that are old enough, by their place from the first on.
  const causes: (number | null)[] = [];
  let untilSeq: number | undefined;
  let leastCause = Infinity;
  for await (const stored of store.read(0, 'audit')) {
    const { seq, kind, atMs, causeSeq } = eventOf(stored);
    const limitMs = limitOf(kind);
    if (firstSeq === undefined) {
      if (limitMs - atMs < (nowMs - limitMs) * cutRatioMin) return undefined;
      firstSeq = seq;
    }
    if (untilSeq === undefined && atMs < limitMs) {
      causes.push(causeSeq);
      continue;
    }
    untilSeq ??= seq;
    if (causeSeq !== null) leastCause = Math.min(leastCause, causeSeq);
  }
  if (firstSeq === undefined) return undefined;
  // Old to the last: the newest event stays nevertheless, since the next is chained to it.
  if (untilSeq === undefined) {
    untilSeq = firstSeq + causes.length - 1;
    leastCause = causes.at(-1) ?? Infinity;
  }
  // What is named by an event that stays, stays, and so does what that one names.
  for (let seq = untilSeq - 1; seq >= Math.max(firstSeq, leastCause); seq--) {
    untilSeq = seq;
    leastCause = Math.min(leastCause, causes[seq - firstSeq] ?? Infinity);
  }
  return untilSeq > firstSeq ? untilSeq : undefined;
}

interface CutReason {
  readonly retention: Retention;
  readonly nowMs: EpochMs;
}

/** Removes the events before `untilSeq`, page by page, each checked before it goes. */
async function cut(store: Store, untilSeq: number, { retention, nowMs }: CutReason): Promise<number> {
  const { decisionsDays, incidentsDays } = retention;
  const before = await store.auditCut();
  const versions = new Set((await store.blobs()).map(({ version }) => version));
  let inUse = new Set(before?.inUse);
  let head: Head | null = before ?? null;
  let eventCount = 0;
  for await (const stored of store.read(0, 'audit')) {
    const checked = checkRecord(stored, head);
    if ('message' in checked) throw damaged(stored.position, checked.message);
    if (checked.seq >= untilSeq) break;
    head = checked;
    const { kind, body } = eventOf(stored);
    if (kind === 'service.started') inUse = new Set();
    noteNamed(body, versions, inUse);
    eventCount++;
    if (eventCount % cutPageCount !== 0 && checked.seq < untilSeq - 1) continue;
    const audit: AuditCut = {
      ...checked,
      position: stored.position,
      inUse: [...inUse],
      cutAtMs: nowMs,
      policy: `decisions are kept ${decisionsDays} days, incidents ${incidentsDays}`,
    };
    await store.prune({ audit });
  }
  return eventCount;
}

/** Blobs that are of use no longer than rows of a stream: their dictionaries, and what was usual when a run began, which is replayed with them. */
const blobsOfStream = { deltas: ['delta-keys', 'watch-start'], minutes: ['minute-keys'] } as const;

/** Of these, all that were replaced before the first row that is kept: each row was written with the last that had been put. */
async function outlivedBlobs(store: Store, stream: keyof typeof blobsOfStream): Promise<readonly BlobName[]> {
  const firstKept = (await firstOf(store, stream))?.position ?? Infinity;
  const blobs = await store.blobs();
  return blobsOfStream[stream].flatMap((name) => {
    const before = blobs.filter((blob) => blob.name === name && blob.putAt <= firstKept);
    return before.slice(0, -1).map(({ version }) => ({ name, version }));
  });
}

async function firstOf(store: Store, stream: FactStream): Promise<Stored | undefined> {
  for await (const stored of store.read(0, stream)) return stored;
  return undefined;
}

/** Blobs from before the cut that nothing names any more. */
async function unusedBlobs(store: Store): Promise<readonly BlobName[]> {
  const cut = await store.auditCut();
  const blobs = await store.blobs();
  const latest = new Map(blobs.map((blob) => [blob.name, blob]));
  const isOutlived = new Set<string>(Object.values(blobsOfStream).flat());
  const old = blobs.filter(
    (blob) => cut && blob.putAt <= cut.position && latest.get(blob.name) !== blob && !isOutlived.has(blob.name),
  );
  if (old.length === 0) return [];
  const versions = new Set(old.map(({ version }) => version));
  const named = new Set(cut?.inUse);
  for await (const stored of store.read(0, 'audit')) noteNamed(eventOf(stored).body, versions, named);
  return old.filter(({ version }) => !named.has(version)).map(({ name, version }) => ({ name, version }));
}

function noteNamed(value: Json, versions: ReadonlySet<string>, named: Set<string>): void {
  if (typeof value === 'string') {
    if (versions.has(value)) named.add(value);
  } else if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) noteNamed(item, versions, named);
  }
}

function eventOf({ bytes, position }: Stored): AuditEvent {
  const reading = readAuditRecord(bytes);
  if (reading.ok) return reading.event;
  throw damaged(position, reading.reason);
}

function damaged(position: Position, reason: string): InputError {
  const message = `row ${position} of the audit log does not hold (${reason}): nothing is pruned; run "foreshock audit verify"`;
  return new InputError('audit-broken', message);
}

/** The class of a kind of event; a kind that only a later release knows is a decision. */
function retentionMsOf(kind: string, { decisionsDays, incidentsDays }: Retention): number {
  return (kind.startsWith('incident.') ? incidentsDays : decisionsDays) * msPerDay;
}

/** What `audit verify` says of a log that does not begin with its first event. */
export function describeCut({ seq, atMs, cutAtMs, policy }: AuditCut): string {
  return `events before ${seq + 1} (the last of ${formatInstant(atMs)}) were pruned at ${formatInstant(cutAtMs)}: ${policy}`;
}
