/** What is done without any controller: enough for the busiest minute of four weeks, held day and night. */
import { msPerDay, msPerSecond } from '../../core/time.ts';
import { endOf, sliceSeries, type VolumeSeries } from '../../core/volume-series.ts';
import { policyEntry } from './policy.ts';
import { levelForRate } from './sizing.ts';

const lookBackMs = 28 * msPerDay;

export const staticPeak = policyEntry({
  summary: 'held at the highest minute of the 28 days before',
  parameters: {},
  create: (_settings, { spec, requestsPerUnit }) => ({
    begin({ history }) {
      const recent = sliceSeries(history, endOf(history) - lookBackMs, endOf(history));
      const requestsPerSecond = (highestOf(recent) * requestsPerUnit * msPerSecond) / recent.stepMs;
      const level = levelForRate(requestsPerSecond, spec.runDurationMs);
      return { initialLevel: level, levelAt: () => level };
    },
  }),
});

/** The highest recorded value; 0 where none was. */
export function highestOf({ values }: VolumeSeries): number {
  let highest = 0;
  for (const value of values) if (value > highest) highest = value;
  return highest;
}
