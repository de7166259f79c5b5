/**
 * One sender's spans, folded at arrival into accumulators by key and second.
 *
 * All that hangs on numbers (texts, keys, edges) is the sender's own and is forgotten each minute, or sooner when it is full: what a hostile sender invents
 * crowds out nobody else, and an alias that moved is seen. What was learned (aliases, callees) is kept by name.
 */
import type { EpochMs } from '../core/time.ts';
import type { WindowDelta, WindowKey, NodeKey } from '../core/window.ts';
import { createHistogram, type Histogram } from '../core/histogram.ts';
import { createAccumulators, fieldCount, fields } from './accumulators.ts';
import { createBusinessSignals, type SignalOptions } from './business-signals.ts';
import { createCalleeNames, createCallEdges, type CallEdges } from './call-edges.ts';
import { createFunctionIdentity, type FunctionIdentity, type IdentityOptions } from './function-identity.ts';
import { createInterner, type Interner } from './interner.ts';
import { createKeyBook, type KeyBook } from './key-book.ts';
import { slotCount, slots } from './otlp-attributes.ts';
import type { Sampling } from './otlp-sampling.ts';
import { isThrottleText, tooManyRequests } from './otlp-throttle.ts';
import { createPairTable } from './pair-table.ts';
import { kinds, statusCodes, type SpanBatch } from './span-batch.ts';
import { isCall, isEntry, type SpanFamily } from './span-family.ts';
import type { End, SpanJoin } from './span-join.ts';

export interface SenderOptions extends IdentityOptions {
  readonly sender: string;
  /** Its place among the senders, for joins. */
  readonly number: number;
  readonly sampling: Sampling;
  readonly signals: readonly SignalOptions[];
  /** How long after its second a span is still folded. */
  readonly latenessMs: number;
  /** How far ahead of our clock a span may end; what is within is taken as ending now. */
  readonly aheadMs: number;
  /** Keys within a quarter of an hour. */
  readonly keyCountMax: number;
  /** Keys times seconds between two seals. */
  readonly rowCountMax: number;
}

/** Shared by all senders of a windower. */
export interface Shared {
  readonly family: SpanFamily;
  readonly join: SpanJoin;
  /** Both ends of a call were seen: tells the caller's sender. */
  readonly onJoined: (edge: End, node: NodeKey) => void;
  readonly keyAt: (end: End) => NodeKey | undefined;
}

/** Spans since the start, by what became of them. */
export interface SpanCounts {
  /** Decoded; each is in exactly one of those below, or was folded. */
  received: number;
  /** Ended longer ago than the lateness. */
  late: number;
  /** Ended in what is the future here. */
  ahead: number;
  /** No key, or no row, was to be had: too many names. */
  crowded: number;
  /** Of nobody: neither function nor service is named. */
  unnamed: number;
  /** Neither an entry, nor a call, nor an initialisation. */
  inner: number;
  /** Calls of which no attribute says what is called. */
  unnamedCalls: number;
}

export interface SenderWindow {
  readonly interner: Interner;
  readonly edges: CallEdges;
  readonly counts: SpanCounts;
  readonly identity: FunctionIdentity;
  readonly otherSignalCount: () => number;
  /** From a span's end to its receipt, milliseconds. */
  readonly lagMs: Histogram;
  keyAt(number: number): NodeKey | undefined;
  fold(batch: SpanBatch, receivedAtMs: EpochMs): void;
  drain(nowMs: EpochMs): WindowDelta[];
  /** True after a seal when numbers are due to be forgotten. */
  isDue(nowMs: EpochMs): boolean;
  forget(nowMs: EpochMs): void;
}

const forgetEveryMs = 60_000;
const unresolved = -3;
const nobody = -1;
/** Numbers below zero say why there is none; tables hold none below zero. */
const numberOffset = 3;

export function createSenderWindow(options: SenderOptions, shared: Shared): SenderWindow {
  const { family, join } = shared;
  const interner = createInterner();
  const identity = createFunctionIdentity(options);
  const names = createCalleeNames(interner);
  const edges = createCallEdges(names, identity);
  const keys: KeyBook = createKeyBook(options.keyCountMax);
  const rows = createAccumulators(options.rowCountMax);
  const signals = createBusinessSignals(options.signals, interner);
  const lagMs = createHistogram();
  const counts: SpanCounts = { received: 0, late: 0, ahead: 0, crowded: 0, unnamed: 0, inner: 0, unnamedCalls: 0 };
  /** Keys by the numbers of an ARN and a version. */
  const arns = createPairTable(1 << 17);
  let named = new Map<string, number>();
  /** Functions whose spans say of each request whether it was a cold start: their initialisations by the telemetry API are not counted a second time. */
  const flagged = new Set<WindowKey>();
  const throttleTexts = createPairTable(1 << 16);
  let forgotAtMs: EpochMs | undefined;

  let groupKeys = new Int32Array(64);
  let spanKeys = new Int32Array(1_024);
  let batch: SpanBatch;
  let columns: SpanBatch['columns'];
  let nowSecond = 0;

  /** What the span says, else what its resource says. */
  const read = (span: number, slot: number): number =>
    columns.rows[span * slotCount + slot]! || batch.resourceRows[columns.resource[span]! * slotCount + slot]!;
  const readResource = (resource: number, slot: number): number => batch.resourceRows[resource * slotCount + slot]!;

  const keyNumberOf = (key: WindowKey | undefined): number => (key === undefined ? nobody : keys.numberOf(key));

  const nodeByArn = (span: number, arn: number): number => {
    const version = read(span, slots.faasVersion);
    const known = arns.get(arn, version);
    if (known >= 0) return known - numberOffset;
    const key = identity.nodeOf({
      arn: interner.textOf(arn),
      version: interner.textOf(version),
      name: interner.textOf(read(span, slots.faasName)),
      accountId: '',
      region: '',
      service: interner.textOf(read(span, slots.serviceName)),
    });
    const number = keyNumberOf(key);
    arns.set(arn, version, number + numberOffset);
    return number;
  };

  const nodeByResource = (resource: number): number => {
    const text = (slot: number): string => interner.textOf(readResource(resource, slot));
    const naming = {
      arn: text(slots.resourceArn),
      name: text(slots.faasName),
      version: text(slots.faasVersion),
      accountId: text(slots.account),
      region: text(slots.region) || text(slots.invokedRegion),
      service: text(slots.serviceName),
    };
    const together = Object.values(naming).join('\n');
    const known = named.get(together);
    if (known !== undefined) return known;
    const number = keyNumberOf(identity.nodeOf(naming));
    // A name that only spans with an ARN can place may be placed by the next one.
    if (number !== nobody && named.size < options.keyCountMax) named.set(together, number);
    return number;
  };

  const arnOf = (span: number): number => {
    const at = span * slotCount;
    return columns.rows[at + slots.invokedArn]! || columns.rows[at + slots.resourceArn]!;
  };

  /** Whose spans these are. An entry span with an ARN speaks for itself and for the others of its resource that do not. */
  const nameSpans = (): void => {
    if (groupKeys.length < batch.resourceCount) groupKeys = new Int32Array(2 * batch.resourceCount);
    if (spanKeys.length < batch.spanCount) spanKeys = new Int32Array(2 * batch.spanCount);
    groupKeys.fill(unresolved, 0, batch.resourceCount);
    for (let span = 0; span < batch.spanCount; span++) {
      spanKeys[span] = unresolved;
      const kind = columns.kind[span]!;
      if (!isEntry(kind)) continue;
      const arn = arnOf(span);
      if (arn === 0) continue;
      const key = nodeByArn(span, arn);
      spanKeys[span] = key;
      const resource = columns.resource[span]!;
      if (groupKeys[resource] === unresolved) groupKeys[resource] = key;
    }
    for (let resource = 0; resource < batch.resourceCount; resource++) {
      if (groupKeys[resource] === unresolved) groupKeys[resource] = nodeByResource(resource);
    }
  };

  const keyOfSpan = (span: number): number =>
    spanKeys[span] === unresolved ? groupKeys[columns.resource[span]!]! : spanKeys[span]!;

  const callerOf = (span: number): number => {
    const entry = family.entryOf(span);
    return entry >= 0 ? keyOfSpan(entry) : groupKeys[columns.resource[span]!]!;
  };

  const isThrottled = (span: number): boolean => {
    if (columns.throttled[span] === 1 || columns.rows[span * slotCount + slots.httpStatus] === tooManyRequests)
      return true;
    const type = columns.rows[span * slotCount + slots.errorType]!;
    if (type === 0) return false;
    const known = throttleTexts.get(type, 0);
    if (known >= 0) return known === 1;
    const answer = isThrottleText(interner.textOf(type));
    throttleTexts.set(type, 0, answer ? 1 : 0);
    return answer;
  };

  const hasFailed = (span: number): boolean => {
    const status = columns.status[span];
    if (status === statusCodes.error) return true;
    return status === statusCodes.unset && columns.rows[span * slotCount + slots.httpStatus]! >= 500;
  };

  const second = { value: 0, weight: 1, isCounted: true };

  /** A row for the key in the span's second, with the span in it; -1 where there is none to be had. */
  const openRow = (key: number, countsSpan: boolean): number => {
    const row = key < 0 ? -1 : rows.open(key, second.value);
    if (row < 0) return -1;
    const at = row * fieldCount;
    if (countsSpan) {
      rows.numbers[at + fields.spans]!++;
      rows.numbers[at + fields.requests]! += second.weight;
    }
    if (!second.isCounted) rows.numbers[at + fields.uncounted]!++;
    return row;
  };

  const addSpan = (row: number, span: number): void => {
    const { numbers } = rows;
    const at = row * fieldCount;
    const durationMs = columns.durationMs[span]!;
    const isThrottle = isThrottled(span);
    const failed = isThrottle || hasFailed(span);
    if (failed) numbers[at + fields.errors]! += second.weight;
    if (isThrottle) numbers[at + fields.throttles]! += second.weight;
    numbers[at + fields.value]! += durationMs * second.weight;
    rows.addDuration(row, durationMs, second.weight);
    rows.addExample(row, { durationMs, hasFailed: failed }, columns.ids, 8 * span);
  };

  /** How an environment came to be, where the span says so: 0 says nothing, 1 on demand, 2 not on demand. */
  const initTypeOf = (span: number): number => {
    const type = interner.textOf(read(span, slots.initType));
    if (type === '') return 0;
    return type === 'on-demand' || type === 'snap-start' ? 1 : 2;
  };

  const foldEntry = (span: number): void => {
    const key = keyOfSpan(span);
    const row = openRow(key, true);
    if (row < 0) {
      if (key === nobody) counts.unnamed++;
      else counts.crowded++;
      return;
    }
    addSpan(row, span);
    const { numbers } = rows;
    const at = row * fieldCount;
    numbers[at + fields.selfMs]! += family.selfMsOf(span) * second.weight;
    numbers[at + fields.selfSpans]!++;
    const instance = read(span, slots.instance);
    if (instance !== 0) rows.addInstance(row, instance);
    const version = read(span, slots.faasVersion);
    if (version !== 0) rows.addVersion(row, version);
    const flag = columns.rows[span * slotCount + slots.coldStart]!;
    if (flag !== 0) {
      if (flagged.size < options.keyCountMax) flagged.add(keys.keyOf(key));
      if (flag === 2)
        numbers[at + (initTypeOf(span) === 2 ? fields.provisionedInits : fields.coldStarts)]! += second.weight;
    }
    const { ids } = columns;
    const edge = join.offerServed(ids[8 * span + 6]!, ids[8 * span + 7]!, options.number, key);
    if (edge !== undefined) shared.onJoined(edge, keys.keyOf(key) as NodeKey);
  };

  /** A span of the telemetry API: an environment was initialised. It is no request. */
  const foldInit = (span: number): void => {
    const key = keyOfSpan(span);
    const type = initTypeOf(span);
    const row = openRow(key, false);
    if (row < 0) {
      if (key === nobody) counts.unnamed++;
      else counts.crowded++;
      return;
    }
    rows.numbers[row * fieldCount + fields.spans]!++;
    const at = row * fieldCount;
    if (type === 2) rows.numbers[at + fields.provisionedInits]! += second.weight;
    else if (!flagged.has(keys.keyOf(key))) {
      rows.numbers[at + fields.coldStarts]! += second.weight;
      if (type === 0) rows.numbers[at + fields.untypedInits]! += second.weight;
    }
  };

  const foldCall = (span: number): void => {
    const { ids } = columns;
    const outer = family.outerCallOf(span);
    const caller = callerOf(outer >= 0 ? outer : span);
    const callee = names.find(columns.rows, (outer >= 0 ? outer : span) * slotCount);
    if (caller < 0) {
      counts.unnamed++;
      return;
    }
    if (callee < 0) {
      counts.unnamedCalls++;
      return;
    }
    const edge = edges.find(caller, keys.keyOf(caller) as NodeKey, callee);
    if (edge < 0) {
      counts.crowded++;
      return;
    }
    const served = join.offerCall(ids[8 * span + 4]!, ids[8 * span + 5]!, options.number, edge);
    const node = served === undefined ? undefined : shared.keyAt(served);
    if (node !== undefined) edges.refine(edge, node);
    if (outer >= 0) {
      counts.inner++;
      return;
    }
    const row = openRow(keys.numberOf(edges.keyOf(edge)), true);
    if (row < 0) {
      counts.crowded++;
      return;
    }
    addSpan(row, span);
    if (names.isDeadLetter(callee)) countDeadLetter(row, caller);
    const calleeKey = edges.calleeKeyOf(edge);
    if (calleeKey !== undefined && !calleeKey.startsWith('service:') && isThrottled(span)) countThrottle(calleeKey);
  };

  const countDeadLetter = (edgeRow: number, caller: number): void => {
    rows.numbers[edgeRow * fieldCount + fields.deadLetters]! += second.weight;
    const row = openRow(caller, false);
    if (row >= 0) rows.numbers[row * fieldCount + fields.deadLetters]! += second.weight;
  };

  /** A function that is throttled has no span of it: its caller's is the only witness. */
  const countThrottle = (calleeKey: NodeKey): void => {
    const row = openRow(keys.numberOf(calleeKey), false);
    if (row >= 0) rows.numbers[row * fieldCount + fields.throttles]! += second.weight;
  };

  const foldSignals = (span: number): void => {
    for (let signal = 0; signal < signals.count; signal++) {
      const measured = signals.measure(signal, batch, span);
      if (measured === undefined) continue;
      const row = openRow(keys.numberOf(measured.key), true);
      if (row < 0) continue;
      const at = row * fieldCount;
      if (measured.holds) rows.numbers[at + fields.errors]! += second.weight;
      if (!Number.isNaN(measured.value)) {
        rows.numbers[at + fields.value]! += measured.value * second.weight;
        rows.addDuration(row, Math.abs(measured.value), second.weight);
      }
    }
  };

  /** Sets second and weight; false for a span out of its time. */
  const placeInTime = (span: number, receivedAtMs: EpochMs): boolean => {
    const endMs = columns.endSecond[span]! * 1_000 + columns.endNs[span]! / 1e6;
    if (endMs > receivedAtMs + options.aheadMs) {
      counts.ahead++;
      return false;
    }
    if (endMs < receivedAtMs - options.latenessMs) {
      counts.late++;
      return false;
    }
    lagMs.record(Math.max(0, receivedAtMs - endMs));
    second.value = Math.min(columns.endSecond[span]!, nowSecond);
    const { sampling } = options;
    const own = sampling.kind === 'tail' ? 0 : columns.adjustedCount[span]!;
    second.isCounted = own > 0 || sampling.kind === 'ratio';
    second.weight = own > 0 ? own : sampling.kind === 'ratio' ? 1 / sampling.ratio : 1;
    return true;
  };

  const isInit = (span: number): boolean =>
    columns.kind[span] === kinds.internal && columns.rows[span * slotCount + slots.coldStart] === 2;

  return {
    interner,
    edges,
    counts,
    identity,
    lagMs,
    otherSignalCount: () => signals.otherCount,
    keyAt: (number) => keys.keyOf(number) as NodeKey | undefined,
    fold(folded, receivedAtMs) {
      batch = folded;
      ({ columns } = folded);
      nowSecond = Math.floor(receivedAtMs / 1_000);
      nameSpans();
      family.relate(folded);
      counts.received += folded.spanCount;
      for (let span = 0; span < folded.spanCount; span++) {
        if (!placeInTime(span, receivedAtMs)) continue;
        const kind = columns.kind[span]!;
        if (isEntry(kind)) foldEntry(span);
        else if (isCall(kind)) foldCall(span);
        else if (isInit(span)) foldInit(span);
        else counts.inner++;
        if (signals.count > 0) foldSignals(span);
      }
    },
    drain(nowMs) {
      forgotAtMs ??= nowMs;
      const { sender } = options;
      return rows.drain({ sender, keyOf: (key) => keys.keyOf(key), versionOf: (version) => interner.textOf(version) });
    },
    isDue: (nowMs) => nowMs - (forgotAtMs ?? nowMs) >= forgetEveryMs || interner.isFull,
    forget(nowMs) {
      forgotAtMs = nowMs;
      interner.clear();
      names.clear();
      edges.clear();
      arns.clear();
      named = new Map();
      throttleTexts.clear();
      keys.forget();
    },
  };
}
