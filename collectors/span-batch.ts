/**
 * Spans of one request as a structure of arrays: a row of integers each, no object. Both decoders fill it, the windower folds it, and it is filled again.
 *
 * Numbers of texts are those of the sender's interner. Where a row says 0, the span said nothing.
 */
import { InputError } from '../core/errors.ts';
import type { Interner } from './interner.ts';
import { slotCount, type AllowList } from './otlp-attributes.ts';

/** Span kinds and status codes as OTLP numbers them. */
export const kinds = { unspecified: 0, internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;
export const statusCodes = { unset: 0, ok: 1, error: 2 } as const;

export interface SpanColumns {
  /** Eight words a span: trace id (4), span id (2), parent's span id (2; zeros for a root), first bytes first. */
  readonly ids: Uint32Array;
  /** Whole seconds since 1970 in which it ended, and nanoseconds within: together exact. */
  readonly endSecond: Float64Array;
  readonly endNs: Uint32Array;
  readonly durationMs: Float64Array;
  readonly kind: Uint8Array;
  readonly status: Uint8Array;
  /** 1 where the status message is that of a throttle. */
  readonly throttled: Uint8Array;
  /** Requests that it stands for, by its own trace state; 0 where that says nothing. */
  readonly adjustedCount: Float64Array;
  /** Its resource's row. */
  readonly resource: Int32Array;
  /** `slotCount` integers a span. */
  readonly rows: Int32Array;
  /** For each business attribute its number (NaN: not sent, or not a number) and the number of its text (0: not sent). */
  readonly signalNumbers: Float64Array;
  readonly signalTexts: Int32Array;
}

export interface SpanBatch {
  readonly columns: SpanColumns;
  /** `slotCount` integers a resource, and its business attributes as spans have them. */
  readonly resourceRows: Int32Array;
  readonly resourceSignalTexts: Int32Array;
  readonly signalCount: number;
  spanCount: number;
  resourceCount: number;
  /** Spans that were left out, by why. */
  readonly rejected: RejectedSpans;
}

export interface RejectedSpans {
  /** Without an end or a start, or with ids that are missing, zero or of the wrong length. */
  invalid: number;
}

/** Spans of one batch that see each other as parents and children. */
const batchSpanCountMax = 8_192;

export function createSpanBatch(signalCount: number): SpanBatch {
  return {
    columns: createColumns(1_024, signalCount),
    resourceRows: new Int32Array(128 * slotCount),
    resourceSignalTexts: new Int32Array(128 * signalCount),
    signalCount,
    spanCount: 0,
    resourceCount: 0,
    rejected: { invalid: 0 },
  };
}

export function createColumns(capacity: number, signalCount: number): SpanColumns {
  return {
    ids: new Uint32Array(8 * capacity),
    endSecond: new Float64Array(capacity),
    endNs: new Uint32Array(capacity),
    durationMs: new Float64Array(capacity),
    kind: new Uint8Array(capacity),
    status: new Uint8Array(capacity),
    throttled: new Uint8Array(capacity),
    adjustedCount: new Float64Array(capacity),
    resource: new Int32Array(capacity),
    rows: new Int32Array(slotCount * capacity),
    signalNumbers: new Float64Array(signalCount * capacity).fill(NaN),
    signalTexts: new Int32Array(signalCount * capacity),
  };
}

/** Forgets the spans and resources; the arrays stay. */
export function emptyBatch(batch: SpanBatch): void {
  clearSpans(batch);
  batch.resourceCount = 0;
  batch.rejected.invalid = 0;
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** Forgets the spans and all resources but the last, which more spans of may follow: it becomes the first. */
function keepLastResource(batch: SpanBatch): void {
  clearSpans(batch);
  const last = batch.resourceCount - 1;
  const { resourceRows, resourceSignalTexts, signalCount } = batch;
  resourceRows.copyWithin(0, last * slotCount, (last + 1) * slotCount);
  resourceSignalTexts.copyWithin(0, last * signalCount, (last + 1) * signalCount);
  batch.resourceCount = 1;
}

function clearSpans(batch: SpanBatch): void {
  const { columns, spanCount, signalCount } = batch;
  columns.rows.fill(0, 0, spanCount * slotCount);
  columns.signalNumbers.fill(NaN, 0, spanCount * signalCount);
  columns.signalTexts.fill(0, 0, spanCount * signalCount);
  batch.spanCount = 0;
}

/** Makes room for one more span; the columns may be others afterwards. */
export function makeRoom({ batch, onFull }: Decoding): void {
  if (batch.spanCount === batchSpanCountMax) {
    onFull();
    keepLastResource(batch);
  }
  const { spanCount, columns, signalCount } = batch;
  if (spanCount < columns.kind.length) return;
  const larger = createColumns(2 * columns.kind.length, signalCount);
  for (const name of Object.keys(larger) as (keyof SpanColumns)[]) larger[name].set(columns[name]);
  (batch as Mutable<SpanBatch>).columns = larger;
}

/** The span that is read next: nothing is known of it. Its row is empty already. */
export function openSpan(columns: SpanColumns, index: number): void {
  const { ids } = columns;
  for (let word = 8 * index; word < 8 * index + 8; word++) ids[word] = 0;
  columns.kind[index] = 0;
  columns.status[index] = 0;
  columns.throttled[index] = 0;
  columns.adjustedCount[index] = 0;
}

/** Nanoseconds since 1970, each as two words. */
export interface SpanTimes {
  readonly startLow: number;
  readonly startHigh: number;
  readonly endLow: number;
  readonly endHigh: number;
}

/** Ends the span that was opened: it stays if its ids are whole and not zero, and it began and ended. */
export function keepOrDrop(
  batch: SpanBatch,
  hasIds: boolean,
  { startLow, startHigh, endLow, endHigh }: SpanTimes,
): void {
  const { columns, spanCount: index, signalCount } = batch;
  const { ids } = columns;
  const id = 8 * index;
  const isNamed =
    hasIds && (ids[id]! | ids[id + 1]! | ids[id + 2]! | ids[id + 3]!) !== 0 && (ids[id + 4]! | ids[id + 5]!) !== 0;
  if (!isNamed || (startLow | startHigh) === 0 || (endLow | endHigh) === 0) {
    batch.rejected.invalid++;
    columns.rows.fill(0, index * slotCount, (index + 1) * slotCount);
    columns.signalNumbers.fill(NaN, index * signalCount, (index + 1) * signalCount);
    columns.signalTexts.fill(0, index * signalCount, (index + 1) * signalCount);
    return;
  }
  writeEnd(columns, index, endLow, endHigh);
  // Exact below 104 days; a clock that was set back between start and end makes no time, not less than none.
  const durationNs = (endHigh - startHigh) * 4_294_967_296 + (endLow - startLow);
  columns.durationMs[index] = durationNs > 0 ? durationNs / 1e6 : 0;
  columns.resource[index] = batch.resourceCount - 1;
  batch.spanCount++;
}

/** Adds an empty resource and answers its index. */
export function addResource(batch: SpanBatch): number {
  const index = batch.resourceCount++;
  const writable = batch as Mutable<SpanBatch>;
  if ((index + 1) * slotCount > batch.resourceRows.length) {
    writable.resourceRows = doubled(batch.resourceRows);
    writable.resourceSignalTexts = doubled(batch.resourceSignalTexts);
  }
  batch.resourceRows.fill(0, index * slotCount, (index + 1) * slotCount);
  batch.resourceSignalTexts.fill(0, index * batch.signalCount, (index + 1) * batch.signalCount);
  return index;
}

function doubled(rows: Int32Array): Int32Array {
  const larger = new Int32Array(2 * rows.length);
  larger.set(rows);
  return larger;
}

/** Seconds and nanoseconds of a 64-bit time, exactly: `whole` is within 512 of the truth, and the low words say by how much. */
function writeEnd(columns: SpanColumns, index: number, low: number, high: number): void {
  const whole = high * 4_294_967_296 + low;
  let second = Math.floor(whole / 1e9);
  // The remainder lies in (-512, 1e9 + 512), so its low 32 bits, read with a sign, are all of it.
  let ns = (low - Math.imul(second % 4_294_967_296, 1_000_000_000)) | 0;
  if (ns < 0) {
    second--;
    ns += 1_000_000_000;
  } else if (ns >= 1_000_000_000) {
    second++;
    ns -= 1_000_000_000;
  }
  columns.endSecond[index] = second;
  columns.endNs[index] = ns;
}

/** Where decoded spans go, and what they are decoded with. */
export interface Decoding {
  readonly batch: SpanBatch;
  readonly allowList: AllowList;
  readonly interner: Interner;
  /** Called when the batch is full; spans of the same resource may follow. */
  readonly onFull: () => void;
}

/** What is not OTLP as it should be; `field` names where. */
export class OtlpError extends InputError {
  readonly field: string;

  constructor(field: string, problem: string) {
    super('otlp-malformed', `${field}: ${problem}`);
    this.field = field;
  }
}
