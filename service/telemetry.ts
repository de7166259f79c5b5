/**
 * Our own traces, by OpenTelemetry. Off until an endpoint is set. One span for each plan and each call to the control plane: never one for a
 * tick without work, never one for an ingested span.
 */
import { trace, SpanStatusCode, type Tracer } from '@opentelemetry/api';

export interface Telemetry {
  readonly tracer: Tracer;
  stop(): Promise<void>;
}

/**
 * Starts the SDK when `otlpEndpoint` is set (`http://collector:4318`); otherwise the no-op tracer of the API costs nothing. The SDK is loaded only
 * then: it takes half a second and 40 MB.
 */
export async function startTelemetry(otlpEndpoint: string | undefined): Promise<Telemetry> {
  if (otlpEndpoint === undefined) return { tracer: trace.getTracer('foreshock'), stop: async () => undefined };
  const [{ NodeSDK }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const sdk = new NodeSDK({
    serviceName: 'foreshock',
    traceExporter: new OTLPTraceExporter({ url: `${otlpEndpoint.replace(/\/$/, '')}/v1/traces` }),
    // Automatic instrumentation would trace every request of the SDKs we use; ours says what it was for.
    instrumentations: [],
  });
  sdk.start();
  return {
    tracer: trace.getTracer('foreshock'),
    // An unreachable collector must not hold up the stop.
    stop: () =>
      Promise.race([
        sdk.shutdown().catch(() => undefined),
        new Promise<void>((resolve) => setTimeout(resolve, 2_000).unref()),
      ]),
  };
}

/** Runs `work` in a span; a throw marks it and goes on. */
export async function inSpan<T>(
  tracer: Tracer,
  name: string,
  attributes: Record<string, string | number>,
  work: () => Promise<T>,
): Promise<T> {
  return tracer.startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
      throw error;
    } finally {
      span.end();
    }
  });
}
