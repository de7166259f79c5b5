/** Log-normal durations, stated by two quantiles. */
import { assert } from '../../core/assert.ts';
import type { Random } from '../../core/random.ts';

/** Standard normal quantile of 0.99. */
const z99 = 2.3263478740408408;

/** Draws durations whose median and 99th percentile are the given ones; equal ones give a constant. */
export function createLogNormal(
  quantiles: { readonly p50: number; readonly p99: number },
  random: Random,
): () => number {
  const { p50, p99 } = quantiles;
  assert(p50 > 0 && p99 >= p50, 'a log-normal needs 0 < p50 <= p99');
  if (p99 === p50) return () => p50;
  const mu = Math.log(p50);
  const sigma = Math.log(p99 / p50) / z99;
  return () => Math.exp(mu + sigma * random.normal());
}
