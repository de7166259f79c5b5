/** Traces received for one session: the listener, what its spans are folded into, and what is said of its senders. */
import { listenOtlp } from '../collectors/otlp-http.ts';
import { localSender } from '../collectors/otlp-tokens.ts';
import type { Sampling } from '../collectors/otlp-sampling.ts';
import { createWindower, type SenderReport } from '../collectors/windower.ts';
import type { Config } from '../config/load.ts';
import type { OtlpSettings, SamplingRatio } from '../config/trace-settings.ts';
import { InputError } from '../core/errors.ts';
import type { Clock, EpochMs, Timers } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import { onePlaceOf } from './from-config.ts';

export interface SpanReceiver {
  readonly url: string;
  readonly seal: (nowMs: EpochMs) => readonly WindowDelta[];
  /** What each sender sent, what of it was left out, and how late it comes. */
  readonly senders: () => readonly SenderReport[];
  /** Resolves when the port is free. */
  close(): Promise<void>;
}

export interface ReceiverPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  /** The alias that leads to a version, where it is known. */
  readonly aliasOf: (functionArn: string, version: string) => string | undefined;
}

/** @throws InputError when the port is not to be had. */
export async function openSpanReceiver(
  otlp: OtlpSettings,
  config: Pick<Config, 'functions' | 'signals'>,
  { clock, timers, aliasOf }: ReceiverPorts,
): Promise<SpanReceiver> {
  const { host, port } = otlp;
  const windower = createWindower({
    aliasOf,
    home: onePlaceOf(config.functions.map(({ spec }) => spec.key)),
    samplingOf: (sender) => samplingOf(ratioOf(otlp, sender)),
    signals: config.signals.map(({ keyAttribute, where, ...signal }) => ({
      ...signal,
      ...(keyAttribute !== undefined && { keyAttribute }),
      ...(where && { where }),
    })),
  });
  const tokens = Object.fromEntries(otlp.senders.map(({ name, token }) => [name, token.reveal()]));
  const listener = await listenOtlp({ windower, clock, timers, tokens, host, port }).catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined || error instanceof InputError) throw error;
    const message = `cannot receive traces on ${host} port ${port} (${code}): set telemetry.otlp.port to a free one`;
    throw new InputError('otlp-port', message, { cause: error });
  });
  return {
    url: listener.url,
    seal: (nowMs) => windower.seal(nowMs),
    senders: () => windower.report(),
    close: () => listener.close(),
  };
}

function ratioOf({ senders, samplingRatio }: OtlpSettings, sender: string): SamplingRatio {
  if (sender === localSender && senders.length === 0) return samplingRatio;
  return senders.find(({ name }) => name === sender)?.samplingRatio ?? 'unknown';
}

function samplingOf(ratio: SamplingRatio): Sampling {
  return typeof ratio === 'number' ? { kind: 'ratio', ratio } : { kind: ratio };
}
