/**
 * Traces received for one session: the listener, what its spans are folded into, and what is said of its senders. All of it happens in threads of its own
 * (receiver-threads.ts); simulations listen and fold in theirs (simulation/world/trace-feed.ts), where the order of things has to be the same each time.
 */
import { localSender } from '../collectors/otlp-tokens.ts';
import type { Sampling } from '../collectors/otlp-sampling.ts';
import type { SenderReport } from '../collectors/windower.ts';
import type { Config } from '../config/load.ts';
import type { OtlpSettings, SamplingRatio } from '../config/trace-settings.ts';
import { InputError } from '../core/errors.ts';
import { parseFunctionKey, type FunctionKey } from '../core/series-key.ts';
import type { Clock, EpochMs, Timers } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import { onePlaceOf } from './from-config.ts';
import type { Log } from './log.ts';
import { openReceiverThreads, type ReceiverStanding, type ThreadOptions } from './receiver-threads.ts';

export interface SpanReceiver {
  readonly url: string;
  /** What was received up to a quarter of a second before. */
  readonly seal: (nowMs: EpochMs) => readonly WindowDelta[];
  /** What each sender sent, what of it was left out, and how late it comes. */
  readonly senders: () => readonly SenderReport[];
  /** Whether spans are received, for whoever asks if the service is ready. */
  readonly standing: () => ReceiverStanding;
  /** Resolves when the port is free; what was taken before is in the seal after it. */
  close(): Promise<void>;
}

export interface ReceiverPorts extends Pick<ThreadOptions, 'startThread'> {
  readonly clock: Clock;
  readonly timers: Timers;
  /** The alias that leads to a version, where it is known. */
  readonly aliasOf: (functionArn: string, version: string) => string | undefined;
  /** Absent: a thread that died is started again in silence. */
  readonly log?: Log;
}

/** @throws InputError when the port is not to be had. */
export async function openSpanReceiver(
  otlp: OtlpSettings,
  config: Pick<Config, 'functions' | 'signals'>,
  ports: ReceiverPorts,
): Promise<SpanReceiver> {
  const { host, port } = otlp;
  const keys = config.functions.map(({ spec }) => spec.key);
  const tokens = Object.fromEntries(otlp.senders.map(({ name, token }) => [name, token.reveal()]));
  const threads = await openReceiverThreads({
    ...ports,
    where: { host, port, tokens },
    folding: {
      home: onePlaceOf(keys),
      samplings: samplingsOf(otlp),
      functionArns: keys.map(arnOf),
      signals: config.signals.map(({ keyAttribute, where, ...signal }) => ({
        ...signal,
        ...(keyAttribute !== undefined && { keyAttribute }),
        ...(where && { where }),
      })),
    },
  }).catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined || error instanceof InputError) throw error;
    const message = `cannot receive traces on ${host} port ${port} (${code}): set telemetry.otlp.port to a free one`;
    throw new InputError('otlp-port', message, { cause: error });
  });
  const { url, senders, standing } = threads;
  return { url, seal: () => threads.take(), senders, standing, close: () => threads.close() };
}

function samplingsOf({ senders, samplingRatio }: OtlpSettings): Readonly<Record<string, Sampling>> {
  if (senders.length === 0) return { [localSender]: samplingOf(samplingRatio) };
  return Object.fromEntries(senders.map((sender) => [sender.name, samplingOf(sender.samplingRatio)]));
}

function arnOf(key: FunctionKey): string {
  const { accountId, region, functionName } = parseFunctionKey(key)!;
  return `arn:aws:lambda:${region}:${accountId}:function:${functionName}`;
}

function samplingOf(ratio: SamplingRatio): Sampling {
  return typeof ratio === 'number' ? { kind: 'ratio', ratio } : { kind: ratio };
}
