/**
 * One number in, every threshold out: how many incidents for nothing a function may have in a month.
 *
 * An e-detector stopped at 1/alpha runs at least 1/alpha ticks on average before a false alarm (evidence.ts). A function is watched by nine detectors, and each of up
 * to eight edges that it calls over by four: 41 watchers with an equal share of the budget. At one tick a second and half an incident a
 * function-month: 2,592,000 × 41 / 0.5 = 213 million ticks to an alarm of one watcher, a threshold of e^19.17.
 */
import { assert } from '../core/assert.ts';
import { msPerDay, msPerSecond } from '../core/time.ts';

const monthMs = 30 * msPerDay;

export interface AlertBudget {
  /** Incidents for nothing, of one function with all its edges and signals, in 30 days. An upper bound: data are rarely the worst that it allows for. */
  readonly incidentsPerFunctionMonth: number;
}

/** Half an incident a month, at most, for nothing: what ten functions in a team may cost its on-call engineer is one page in six days. */
export const defaultBudget: AlertBudget = { incidentsPerFunctionMonth: 0.5 };

/** log(1/alpha), for one of `watcherCount` watchers of a function that judge once every `tickMs`. */
export function logThresholdOf(budget: AlertBudget, watcherCount: number, tickMs: number = msPerSecond): number {
  assert(budget.incidentsPerFunctionMonth > 0 && watcherCount > 0 && tickMs > 0, 'a budget and those who share it');
  return Math.max(1, Math.log(((monthMs / tickMs) * watcherCount) / budget.incidentsPerFunctionMonth));
}
