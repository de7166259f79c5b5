/**
 * Folds spans at arrival into deltas by key and second, and seals once a second what came since.
 *
 * Each sender's spans are kept apart: one is another observer than the next, and neither can fill the other's tables. What they share is the join of
 * calls, since caller and callee may send by different ways.
 */
import type { EpochMs } from '../core/time.ts';
import { msPerMinute, msPerSecond } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import { attributesOfSignals, type SignalOptions } from './business-signals.ts';
import type { AliasOf, IdentityCounts } from './function-identity.ts';
import type { Interner } from './interner.ts';
import { createAllowList, type AllowList } from './otlp-attributes.ts';
import type { Sampling } from './otlp-sampling.ts';
import { createSenderWindow, type SenderOptions, type SenderWindow, type SpanCounts } from './sender-window.ts';
import type { SpanBatch } from './span-batch.ts';
import { createSpanFamily } from './span-family.ts';
import { createSpanJoin } from './span-join.ts';

export interface WindowerOptions {
  readonly aliasOf: AliasOf;
  readonly home?: { readonly accountId: string; readonly region: string };
  /** How each sender samples, by its name. */
  readonly samplingOf: (sender: string) => Sampling;
  readonly signals?: readonly SignalOptions[];
  readonly latenessMs?: number;
  readonly aheadMs?: number;
  /** Of one sender, within a quarter of an hour: functions, services, edges, series of signals. */
  readonly keyCountMax?: number;
  /** Of one sender, between two seals: keys times seconds. */
  readonly rowCountMax?: number;
}

export interface SenderReport {
  readonly sender: string;
  readonly counts: Readonly<SpanCounts & IdentityCounts>;
  /** Values of a signal's key beyond its bound. */
  readonly otherSignalCount: number;
  /** Texts that had no room, or were too long. */
  readonly deniedTextCount: number;
  readonly unknownAliases: readonly string[];
  /** From a span's end to its receipt. */
  readonly lagMs: { readonly p50: number; readonly p99: number } | undefined;
}

/** What was left out of one batch, for the answer to its sender. */
export interface FoldResult {
  readonly lateCount: number;
  readonly aheadCount: number;
  readonly crowdedCount: number;
  readonly unnamedCount: number;
}

export interface Windower {
  readonly allowList: AllowList;
  /** What texts in the sender's batches are numbered by. */
  internerOf(sender: string): Interner;
  fold(batch: SpanBatch, sender: string, receivedAtMs: EpochMs): FoldResult;
  /** What came since the last seal, sorted by key, second and sender. Nothing for what nobody saw. */
  seal(nowMs: EpochMs): WindowDelta[];
  /** Names are looked up anew after the next seal: an alias has come, or moved. */
  relearn(): void;
  report(): readonly SenderReport[];
}

/** Spans come up to five minutes late when an environment is frozen with them (DOMAIN 6.3); clocks in one region agree to far less than ten seconds. */
const latenessMsDefault = 5 * msPerMinute;
const aheadMsDefault = 10 * msPerSecond;
const keyCountMaxDefault = 120_000;
const rowCountMaxDefault = 250_000;

export function createWindower(options: WindowerOptions): Windower {
  const { signals = [] } = options;
  const allowList = createAllowList(attributesOfSignals(signals));
  const senders = new Map<string, SenderWindow>();
  const byNumber: SenderWindow[] = [];
  const family = createSpanFamily();
  const join = createSpanJoin();
  let isRelearning = false;

  const windowOf = (sender: string): SenderWindow => {
    const known = senders.get(sender);
    if (known) return known;
    const created = createSenderWindow(senderOptionsOf(options, sender, byNumber.length), {
      family,
      join,
      onJoined: (edge, node) => void byNumber[edge.sender]!.edges.refine(edge.number, node),
      keyAt: (end) => byNumber[end.sender]!.keyAt(end.number),
    });
    senders.set(sender, created);
    byNumber.push(created);
    return created;
  };

  return {
    allowList,
    internerOf: (sender) => windowOf(sender).interner,
    fold(batch, sender, receivedAtMs) {
      const window = windowOf(sender);
      const before = { ...window.counts };
      window.fold(batch, receivedAtMs);
      const { counts } = window;
      return {
        lateCount: counts.late - before.late,
        aheadCount: counts.ahead - before.ahead,
        crowdedCount: counts.crowded - before.crowded,
        unnamedCount: counts.unnamed - before.unnamed,
      };
    },
    seal(nowMs) {
      const deltas = byNumber.flatMap((window) => window.drain(nowMs));
      const due = byNumber.filter((window) => isRelearning || window.isDue(nowMs));
      isRelearning = false;
      for (const window of due) window.forget(nowMs);
      // Ends that wait for each other are numbers, and those are others now.
      if (due.length > 0) join.clear();
      return deltas.sort(compareDeltas);
    },
    relearn() {
      isRelearning = true;
    },
    report: () => [...senders].map(([sender, window]) => reportOf(sender, window)),
  };
}

function senderOptionsOf(options: WindowerOptions, sender: string, number: number): SenderOptions {
  return {
    sender,
    number,
    sampling: options.samplingOf(sender),
    signals: options.signals ?? [],
    aliasOf: options.aliasOf,
    ...(options.home && { home: options.home }),
    latenessMs: options.latenessMs ?? latenessMsDefault,
    aheadMs: options.aheadMs ?? aheadMsDefault,
    keyCountMax: options.keyCountMax ?? keyCountMaxDefault,
    rowCountMax: options.rowCountMax ?? rowCountMaxDefault,
  };
}

function reportOf(sender: string, { counts, identity, interner, lagMs, otherSignalCount }: SenderWindow): SenderReport {
  const p50 = lagMs.quantile(0.5);
  const p99 = lagMs.quantile(0.99);
  return {
    sender,
    counts: { ...counts, ...identity.counts },
    otherSignalCount: otherSignalCount(),
    deniedTextCount: interner.deniedCount,
    unknownAliases: identity.unknownAliases(),
    lagMs: p50 === undefined || p99 === undefined ? undefined : { p50, p99 },
  };
}

export function compareDeltas(a: WindowDelta, b: WindowDelta): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  if (a.secondAtMs !== b.secondAtMs) return a.secondAtMs - b.secondAtMs;
  return a.sender < b.sender ? -1 : a.sender > b.sender ? 1 : 0;
}
