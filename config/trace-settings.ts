/** From what the file says of traces to plain values. */
import type { MaintenanceWindow } from '../core/incident.ts';
import { parseInstant } from '../core/time.ts';
import type { ConfigDocument } from './schema.ts';
import type { Secret } from './secrets.ts';

/** Where traces are received. Without senders whoever is on this machine may send. */
export interface OtlpSettings {
  readonly host: string;
  readonly port: number;
  readonly samplingRatio: SamplingRatio;
  readonly senders: readonly OtlpSenderSettings[];
}

export interface OtlpSenderSettings {
  readonly name: string;
  readonly token: Secret;
  readonly samplingRatio: SamplingRatio;
  readonly countsDemand: boolean;
}

export type SamplingRatio = number | 'unknown' | 'tail';

/** As written: where a token is kept is no secret, and yet nobody's business. */
export function maskTelemetry({ otlp, ...telemetry }: ConfigDocument['telemetry']): unknown {
  if (!otlp) return telemetry;
  return { ...telemetry, otlp: { ...otlp, senders: otlp.senders.map((sender) => ({ ...sender, token: '[secret]' })) } };
}

export function buildTelemetry(
  { otlpEndpoint, otlp }: ConfigDocument['telemetry'],
  senderTokens: ReadonlyMap<number, Secret>,
): { readonly otlpEndpoint?: string; readonly otlp?: OtlpSettings } {
  const senders = otlp?.senders.map((sender, index) => ({ ...sender, token: senderTokens.get(index)! })) ?? [];
  return {
    ...(otlpEndpoint !== undefined && { otlpEndpoint }),
    ...(otlp && { otlp: { ...otlp, senders } }),
  };
}

export function buildMaintenance({ from, until, ...window }: ConfigDocument['maintenance'][number]): MaintenanceWindow {
  return { ...window, fromMs: parseInstant(from)!, untilMs: parseInstant(until)! };
}
