/** Who is told in tests: two owners, a boss, and hours of New York. */
import type { OncallOptions } from './oncall-options.ts';

const targetNames = ['boss', 'orders-channel', 'orders-pager', 'quotes-channel', 'quotes-pager'];

export const sampleOncall: OncallOptions = {
  tenant: 'sample',
  targets: targetNames.map((name) => ({
    name,
    kind: name.endsWith('pager') || name === 'boss' ? 'pagerduty' : 'cloudevent',
    url: `https://${name}.example.com`,
    isPrivate: false,
  })),
  owners: [
    {
      name: 'orders',
      page: ['orders-pager'],
      notice: ['orders-channel'],
      escalate: ['boss'],
      keys: ['service:orders-*'],
    },
    { name: 'quotes', page: ['quotes-pager'], notice: ['quotes-channel'], escalate: [], keys: ['service:quotes-*'] },
  ],
  defaultOwner: 'orders',
  routes: [{ owners: ['quotes'], severities: ['minor'], tell: 'digest' }],
  timeZone: 'America/New_York',
  night: { fromMinute: 1_200, untilMinute: 420 },
  nightHarmedRatioMin: 0.2,
  digestAtMinute: 480,
  escalateAfterMs: 900_000,
  attributes: ['owner', 'harmed', 'harmedRatio', 'evidence'],
};
