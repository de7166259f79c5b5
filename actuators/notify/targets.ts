/** The kinds of target, each in a file of its own: what it is called in the configuration, and who writes for it. */
import { formatAlertmanager, isSpokenInAlertmanager } from './alertmanager.ts';
import { formatCloudevent } from './cloudevent.ts';
import type { Format, Notification } from './notification.ts';
import { formatOpsgenie } from './opsgenie.ts';
import { formatPagerduty, isSpokenInPagerduty } from './pagerduty.ts';
import { formatSlack } from './slack.ts';

interface TargetKindEntry {
  readonly format: Format;
  /** What has no form there is not sent there. */
  readonly isSpoken: (notification: Pick<Notification, 'level' | 'step'>) => boolean;
  /** Messages that it takes in a second. */
  readonly perSecondMax: number;
}

const isTrouble = ({ level }: Pick<Notification, 'level'>): boolean => level !== 'change';

export const targetKinds = {
  alertmanager: {
    format: formatAlertmanager,
    isSpoken: (notification) => isTrouble(notification) && isSpokenInAlertmanager(notification),
    perSecondMax: 4,
  },
  cloudevent: { format: formatCloudevent, isSpoken: () => true, perSecondMax: 4 },
  opsgenie: { format: formatOpsgenie, isSpoken: isTrouble, perSecondMax: 4 },
  pagerduty: { format: formatPagerduty, isSpoken: isSpokenInPagerduty, perSecondMax: 4 },
  slack: { format: formatSlack, isSpoken: isTrouble, perSecondMax: 1 },
} as const satisfies Readonly<Record<string, TargetKindEntry>>;

export type TargetKind = keyof typeof targetKinds;

/** One target as the configuration names it, without what is secret. */
export interface Target {
  readonly name: string;
  readonly kind: TargetKind;
  /** Empty where the address is the secret. */
  readonly url: string;
  /** It is inside the operator's own network: private addresses are allowed. */
  readonly isPrivate: boolean;
}
