/** How CloudWatch is reached from a configuration. */
import { resolveEndpointUrl } from '../actuators/endpoint.ts';
import { openMetricReader, type MetricReader } from '../collectors/cloudwatch.ts';
import type { Config } from '../config/load.ts';
import { createRandom } from '../core/random.ts';
import type { Clock, Timers } from '../core/time.ts';

export interface MetricPorts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly timers: Timers;
}

/**
 * Of the region of the functions. The twin answers for CloudWatch on the port where it answers for Lambda.
 *
 * @throws InputError when an address in the environment is none.
 */
export function openConfiguredMetrics(
  { aws, sha256 }: Config,
  region: string,
  { env, clock, timers }: MetricPorts,
): MetricReader {
  const endpointUrl = resolveEndpointUrl(aws.endpoint, env, 'cloudwatch');
  return openMetricReader({ region, endpointUrl, clock, timers, random: createRandom(`${sha256}/cloudwatch`) });
}
