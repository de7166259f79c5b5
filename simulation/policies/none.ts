/** Nothing is ever provisioned: on demand alone, and what everybody else is compared with for cold starts. */
import { policyEntry } from './policy.ts';

export const none = policyEntry({
  summary: 'no provisioned concurrency',
  parameters: {},
  create: () => ({ begin: () => ({ initialLevel: 0, levelAt: () => 0 }) }),
});
