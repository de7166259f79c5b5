/**
 * Spans and CloudWatch tell of different numbers of calls: by more than a tenth, for five minutes. Spans that are lost on the way, a sampling ratio that is not what
 * was stated, a sender that makes calls up: whichever it is, rates and demand out of these spans are wrong, so it is said. It harms nobody by itself: a notice.
 *
 * Compared are spans of CloudWatch's time that is final, minutes after it. Left out: a function with a sender of whom nobody knows how it samples; time in which something
 * was throttled (CloudWatch counts those as demand, spans see those that a caller saw); time that was not watched whole; functions of which no spans ever came.
 */
import type { Finding } from '../core/finding.ts';
import type { Json } from '../core/json.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { WindowKey } from '../core/window.ts';
import { percent, round } from './tell.ts';
import type { Counted, SpanCount, WitnessBook } from './witness-book.ts';

const detector = 'counts-differ';
const differenceMax = 0.1;
/** Of a sampled count, and of a request that began in one minute and ended in the next: three standard deviations. */
const deviationsMax = 3;
const sustainedMs = 5 * msPerMinute;
const bucketsMin = 2;
/** Without a new count for so long nobody can tell any more. */
const staleAfterMs = 30 * msPerMinute;

/** One bucket of time, both ways. */
interface Compared {
  readonly fromMs: EpochMs;
  readonly lengthMs: number;
  readonly spanRequests: number;
  readonly countedRequests: number;
  /** 1: spans tell of more, -1: of less, 0: as many. */
  readonly sign: -1 | 0 | 1;
}

interface Known {
  readonly latest: readonly Compared[];
  readonly isStanding: boolean;
  readonly senders: readonly string[];
}

export interface CountsDiffer {
  /** A count of CloudWatch is final: it was put into the book. */
  hear(key: WindowKey, counted: Counted, book: WitnessBook): void;
  findings(nowMs: EpochMs): readonly Finding[];
  snapshot(): Json;
}

export function createCountsDiffer(snapshot?: Json): CountsDiffer {
  const byKey = new Map<WindowKey, Known>(snapshot as unknown as [WindowKey, Known][] | undefined);
  return {
    hear(key, counted, book) {
      const spans = book.spansIn(key, counted.fromMs, counted.lengthMs);
      if (!isComparable(spans, counted)) {
        byKey.delete(key);
        return;
      }
      const compared = compare(spans, counted);
      const before = byKey.get(key);
      const wanted = Math.max(bucketsMin, Math.ceil(sustainedMs / counted.lengthMs));
      const latest = [...(before?.latest ?? []).filter(({ fromMs }) => fromMs !== counted.fromMs), compared].slice(
        -wanted,
      );
      const isSustained =
        latest.length === wanted && compared.sign !== 0 && latest.every(({ sign }) => sign === compared.sign);
      const isOver = latest.every(({ sign }) => sign === 0);
      byKey.set(key, {
        latest,
        isStanding: isSustained || (before?.isStanding === true && !isOver),
        senders: spans.filter(({ requestCount }) => requestCount > 0).map(({ sender }) => sender),
      });
    },
    findings(nowMs) {
      const findings: Finding[] = [];
      for (const [key, known] of byKey) {
        if (nowMs - (known.latest.at(-1)?.fromMs ?? -Infinity) > staleAfterMs) byKey.delete(key);
        else if (known.isStanding) findings.push(findingOf(key, known, nowMs));
      }
      return findings;
    },
    snapshot: () => [...byKey] as unknown as Json,
  };
}

function isComparable(
  spans: readonly SpanCount[] | undefined,
  { isSaturated }: Counted,
): spans is readonly SpanCount[] {
  if (!spans || isSaturated === true || spans.length === 0) return false;
  return spans.every(({ isRateKnown }) => isRateKnown);
}

function compare(spans: readonly SpanCount[], { fromMs, lengthMs, requestCount: countedRequests }: Counted): Compared {
  const spanRequests = spans.reduce((sum, { requestCount }) => sum + requestCount, 0);
  // A span that stands for w requests has a variance of w (w - 1) requests, beside that of what ends in another minute than it began.
  const variance = spans.reduce(
    (sum, one) => sum + (one.spanCount > 0 ? (one.requestCount * one.requestCount) / one.spanCount : 0),
    0,
  );
  const off = spanRequests - countedRequests;
  const isOff =
    Math.abs(off) > differenceMax * countedRequests + deviationsMax * Math.sqrt(Math.max(variance, countedRequests));
  return { fromMs, lengthMs, spanRequests, countedRequests, sign: isOff ? (off > 0 ? 1 : -1) : 0 };
}

function findingOf(key: WindowKey, { latest, senders }: Known, nowMs: EpochMs): Finding {
  const sumOf = (of: (one: Compared) => number): number => latest.reduce((sum, one) => sum + of(one), 0);
  const [spans, counted] = [sumOf((one) => one.spanRequests), sumOf((one) => one.countedRequests)];
  const seconds = sumOf((one) => one.lengthMs) / msPerSecond;
  const ratio = counted > 0 ? spans / counted : Infinity;
  const difference = counted > 0 ? `${percent(Math.abs(ratio - 1))} ${ratio > 1 ? 'more' : 'less'} than` : 'while';
  return {
    ...{ detector, key, startsAtMs: latest[0]!.fromMs, atMs: nowMs, score: 1, weight: 'notice', harmedRatio: 0 },
    because: `spans by ${senders.join(', ')} tell of ${round(spans / seconds)} calls a second, ${difference} the ${round(counted / seconds)} that CloudWatch counted`,
    evidence: {
      spansPerSecond: round(spans / seconds),
      countedPerSecond: round(counted / seconds),
      senders: [...senders],
      minutes: seconds / 60,
    },
    traceIds: [],
  };
}
