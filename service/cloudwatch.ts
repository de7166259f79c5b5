/** How CloudWatch is reached from a configuration. */
import { openMetricReader, type MetricReader } from '../collectors/cloudwatch.ts';
import type { Config } from '../config/load.ts';
import { InputError } from '../core/errors.ts';
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
  const endpointUrl = aws.endpoint ?? endpointOf(env);
  return openMetricReader({ region, endpointUrl, clock, timers, random: createRandom(`${sha256}/cloudwatch`) });
}

/** By the SDK's own rules: the service's variable before the general one. */
function endpointOf(env: MetricPorts['env']): string | undefined {
  if (env['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS']?.toLowerCase() === 'true') return undefined;
  for (const name of ['AWS_ENDPOINT_URL_CLOUDWATCH', 'AWS_ENDPOINT_URL']) {
    const url = env[name];
    if (!url) continue;
    if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
    throw new InputError('endpoint.url', `${name}: expected an http or https address such as http://127.0.0.1:4510`);
  }
  return undefined;
}
