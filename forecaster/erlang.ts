/**
 * How many servers a stream of requests needs. Provisioned concurrency without a queue is Erlang's loss system: a request that finds every
 * environment busy does not wait, it spills.
 */
import { assert } from '../core/assert.ts';

/** Twenty times the largest account limit that AWS speaks of ("tens of thousands"): an answer at it means "more than anybody may have". */
const serversMax = 1_000_000;

/**
 * The least whole number of servers at which at most `blockingRatioMax` of the arrivals find all of them busy, for an offered load in
 * erlang (arrivals a second × seconds of service); `serversMax` where even that many are too few.
 *
 * Method: the recursion 1/B(0) = 1, 1/B(c) = 1 + (c / load) · 1/B(c − 1), which only adds positive terms and therefore loses no digits;
 * it is walked until it passes 1 / `blockingRatioMax`. Poisson arrivals; the service times may have any distribution (insensitivity).
 * Under a load that changes, B(c, m(t)) with the m(t) of load-kernel.ts is the modified-offered-load approximation.
 *
 * Cost: O(answer); 600 erlang take 5 µs.
 *
 * - Jagerman, Some Properties of the Erlang Loss Function, Bell System Technical Journal 53 (1974), eq. for 1/B.
 * - Massey & Whitt, An Analysis of the Modified Offered-Load Approximation, Annals of Applied Probability 4 (1994).
 */
export function serversFor(demand: { readonly offeredLoad: number; readonly blockingRatioMax: number }): number {
  const { offeredLoad, blockingRatioMax } = demand;
  assert(offeredLoad >= 0, 'an offered load is not negative');
  assert(blockingRatioMax > 0, 'no finite number of servers blocks nothing');
  const inverseMin = 1 / blockingRatioMax;
  let servers = 0;
  let inverse = 1;
  while (inverse < inverseMin && servers < serversMax && offeredLoad > 0) {
    servers++;
    inverse = 1 + (servers / offeredLoad) * inverse;
  }
  return servers;
}
