/** Who is told in a demo: one desk that owns the fleet, and its lead for when nobody answers. Both have a service of their own at the demo's pager. */
import type { FunctionKey } from '../../core/series-key.ts';
import type { SecretTarget } from '../../service/messenger.ts';
import type { OncallOptions } from '../../service/oncall-options.ts';

const deskName = 'desk-pager';
const leadName = 'lead-pager';
/** A port that is free today would be another decision tomorrow: what is on record has the address without it. */
const recordedUrl = 'http://localhost';

export function demoOncall(keys: readonly FunctionKey[]): OncallOptions {
  return {
    tenant: 'demo',
    targets: [deskName, leadName].map((name) => ({ name, kind: 'pagerduty', url: recordedUrl, isPrivate: false })),
    owners: [{ name: 'trading-desk', page: [deskName], notice: [deskName], escalate: [leadName], keys }],
    defaultOwner: 'trading-desk',
    routes: [],
    timeZone: 'America/New_York',
    night: { fromMinute: 20 * 60, untilMinute: 7 * 60 },
    nightHarmedRatioMin: 0.2,
    digestAtMinute: 8 * 60,
    escalateAfterMs: 15 * 60_000,
    attributes: ['owner', 'harmed', 'harmedRatio', 'evidence', 'actions'],
  };
}

/** The same targets as they are reached, each by a key of its own, which opens nothing but the demo's pager. */
export function demoTargets(url: string): readonly SecretTarget[] {
  return [deskName, leadName].map((name, index) => ({
    ...({ name, kind: 'pagerduty', url, isPrivate: false } as const),
    secrets: [{ reveal: () => String(index).padStart(32, 'demo') }],
  }));
}
