/** The world's spans on their way into the system: sent over real HTTP to the production receiver, under the world's clock. */
import { listenOtlp } from '../../collectors/otlp-http.ts';
import { createWindower } from '../../collectors/windower.ts';
import type { Random } from '../../core/random.ts';
import { msPerSecond, type Clock, type EpochMs } from '../../core/time.ts';
import type { WindowDelta } from '../../core/window.ts';
import { realTimers } from '../../service/real-time.ts';
import { senderTokens } from './trace-senders.ts';
import { createTraces, type TraceOptions, type Traces } from './traces.ts';

export interface TraceFeed extends Omit<Traces, 'export' | 'takeDeltas'> {
  /** In this second spans may be sent. */
  readonly isExporting: (secondAtMs: EpochMs) => boolean;
  readonly export: (nowMs: EpochMs) => Promise<void>;
  readonly seal: (nowMs: EpochMs) => readonly WindowDelta[];
  close(): Promise<void>;
}

export async function openTraceFeed(
  options: TraceOptions,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Promise<TraceFeed> {
  const windower = createWindower({ aliasOf: () => undefined, samplingOf: () => ({ kind: 'ratio', ratio: 1 }) });
  const listener = await listenOtlp({
    windower,
    clock,
    timers: realTimers,
    tokens: senderTokens,
    host: '127.0.0.1',
    port: 0,
  });
  const { otlp, exportMs } = options;
  const { takeDeltas, export: send, ...traces } = createTraces(options, random);
  const isExporting = (atMs: EpochMs): boolean =>
    atMs >= otlp.fromMs && atMs < otlp.untilMs + exportMs + 2 * msPerSecond;
  return {
    ...traces,
    isExporting,
    async export(nowMs) {
      if (isExporting(nowMs)) await send(nowMs, listener.url);
    },
    seal: (nowMs) => [...windower.seal(nowMs), ...takeDeltas(nowMs)].sort(byKeyAndSecond),
    close: () => listener.close(),
  };
}

function byKeyAndSecond(a: WindowDelta, b: WindowDelta): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return a.secondAtMs - b.secondAtMs;
}
