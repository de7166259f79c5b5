/**
 * How the control plane has been lately: which share of our calls failed, and how long it took from asking to READY. Both stretch the lead of what is
 * still to come (docs/decisions/0010).
 */
import { quantileSorted } from 'simple-statistics';
import { badDayErrorRatio } from '../actuators/gate-stages.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../core/time.ts';
import type { LeadModel } from '../forecaster/event-window.ts';

export interface ControlPlaneHealth {
  heard(call: { readonly atMs: EpochMs; readonly hasFailed: boolean }): void;
  /** One of our own raises was seen READY. */
  becameReady(raise: { readonly tookMs: number; readonly concurrency: number; readonly initDurationMs: number }): void;
  /** Share of calls that failed in the last ten minutes; 0 where too few failed to tell. */
  errorRatio(nowMs: EpochMs): number;
  /** The lead that these days call for. */
  leadOf(documented: LeadModel, nowMs: EpochMs): LeadModel;
  /** Preparation times seen, the newest last: what a restart goes on from. The same array until there is a new one. */
  preparationsMs(): readonly number[];
}

const windowMs = 10 * msPerMinute;
/**
 * One failure is a hiccup. Three in ten minutes are a bad day, and of few calls the more so: of ten with a failure in twenty each, three fail once in 87 times,
 * and three of three once in 8,000. A small fleet makes few calls.
 */
const failureCountMin = 3;

/** From 20 raises on their 0.95 quantile is one of them, and not the greatest. */
const preparationCountMin = 20;
const preparationCountMax = 200;
/** "A minute or two of preparation": never planned with less than the one. */
const preparationMsMin = msPerMinute;
const preparationMsMax = 15 * msPerMinute;

/** One attempt that fails: a timeout of ten seconds and the longest pause. */
const attemptMs = 40 * msPerSecond;
/** As many attempts as leave one chance in a thousand that all of them fail, and no more than an operator would wait for. */
const missRatio = 0.001;
const retriesMsMax = 20 * msPerMinute;

export function createControlPlaneHealth(known: readonly number[] = []): ControlPlaneHealth {
  let calls: { readonly atMs: EpochMs; readonly hasFailed: boolean }[] = [];
  let preparations = known;
  const errorRatio = (nowMs: EpochMs): number => {
    calls = calls.filter(({ atMs }) => atMs > nowMs - windowMs);
    const failureCount = calls.filter(({ hasFailed }) => hasFailed).length;
    return failureCount < failureCountMin ? 0 : failureCount / calls.length;
  };
  return {
    heard: (call) => void calls.push(call),
    becameReady({ tookMs, concurrency, initDurationMs }) {
      // 6,000 environments a minute, and the initialisation of the last: the rest of the time it prepared.
      const preparationMs = tookMs - concurrency * 10 - initDurationMs;
      preparations = [...preparations, Math.max(0, preparationMs)].slice(-preparationCountMax);
    },
    errorRatio,
    preparationsMs: () => preparations,
    leadOf(documented, nowMs) {
      const ratio = errorRatio(nowMs);
      const retriesMs = ratio > badDayErrorRatio ? retriesMsOf(ratio) : 0;
      return {
        ...documented,
        prepMs: learnedMs(preparations) ?? documented.prepMs,
        marginMs: documented.marginMs + retriesMs,
      };
    },
  };
}

/** In whole minutes, so that a plan does not change with every call. */
function retriesMsOf(ratio: number): number {
  const attemptCount = Math.log(missRatio) / Math.log(Math.min(ratio, 0.999));
  return Math.min(retriesMsMax, Math.ceil((attemptCount * attemptMs) / msPerMinute) * msPerMinute);
}

function learnedMs(preparations: readonly number[]): number | undefined {
  if (preparations.length < preparationCountMin) return undefined;
  const learned = quantileSorted(
    preparations.toSorted((a, b) => a - b),
    0.95,
  );
  const rounded = Math.ceil(learned / (15 * msPerSecond)) * 15 * msPerSecond;
  return Math.min(preparationMsMax, Math.max(preparationMsMin, rounded));
}
