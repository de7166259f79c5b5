/**
 * The demo's second act: twenty minutes after the release, while volume is still high, the service behind the orders turns slow and failing for four minutes.
 *
 * Around it, from ten minutes before until ten after, spans are sent as OTLP over HTTP; what comes before and after is told as deltas.
 */
import { msPerMinute, type EpochMs } from '../../core/time.ts';
import { demoFleet } from './fleet.ts';
import type { TraceOptions } from './traces.ts';

const faultAfterMs = 20 * msPerMinute + 7_300;
const faultMs = 4 * msPerMinute;
const sentAroundMs = 10 * msPerMinute;
/** OpenTelemetry's layers for Lambda send when an invocation ends; a quarter of a second is what the way takes. */
const exportMsDefault = 250;

export function secondAct(releaseAtMs: EpochMs, exportMs = exportMsDefault): TraceOptions {
  const fromMs = releaseAtMs + faultAfterMs;
  const untilMs = fromMs + faultMs;
  const functions = demoFleet.map(({ spec, service }) => ({
    key: spec.key,
    medianMs: spec.runDurationMs.p50,
    service,
  }));
  return {
    functions,
    fault: { service: functions[0]!.service, fromMs, untilMs, slowTimes: 4, failedRatio: 0.3 },
    otlp: {
      fromMs: releaseAtMs + sentAroundMs,
      untilMs: Math.ceil((untilMs + sentAroundMs) / msPerMinute) * msPerMinute,
    },
    exportMs,
  };
}
