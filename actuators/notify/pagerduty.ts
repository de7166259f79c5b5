/**
 * PagerDuty Events API v2. Alerts of one episode share a `dedup_key`: a repeated trigger opens nothing new. What wakes nobody (a notice, a pre-warm) goes to the
 * change events, which stand beside incidents and never page.
 *
 * - https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ and /send-change-events/
 */
import type { IncidentSeverity } from '../../core/incident.ts';
import { formatInstant } from '../../core/time.ts';
import { postJson, type Format, type Notification } from './notification.ts';
import { boundAttributes, sectionsOf, truncate } from './text.ts';

const summaryLengthMax = 1_024;
const sourceLengthMax = 255;

const severities: Readonly<Record<IncidentSeverity, string>> = {
  critical: 'critical',
  major: 'error',
  minor: 'warning',
};

/** A change event is said once: it has no end. */
export function isSpokenInPagerduty({ level, step }: Pick<Notification, 'level' | 'step'>): boolean {
  return level === 'page' || step === 'trigger';
}

export const formatPagerduty: Format = (notification, { url, secrets }) => {
  const [routingKey] = secrets;
  const { level, step, dedupKey } = notification;
  if (level !== 'page')
    return postJson(`${url}/v2/change/enqueue`, {
      routing_key: routingKey,
      payload: {
        ...headOf(notification),
        timestamp: formatInstant(notification.atMs),
        custom_details: detailsOf(notification),
      },
      links: linksOf(notification),
    });
  const action = { routing_key: routingKey, event_action: step, dedup_key: dedupKey };
  if (step !== 'trigger') return postJson(`${url}/v2/enqueue`, action);
  return postJson(`${url}/v2/enqueue`, {
    ...action,
    client: 'Foreshock',
    payload: {
      ...headOf(notification),
      severity: severities[notification.severity],
      timestamp: formatInstant(notification.startsAtMs),
      component: truncate(notification.source, sourceLengthMax),
      class: notification.isEscalation ? 'escalation' : 'incident',
      custom_details: detailsOf(notification),
    },
    links: linksOf(notification),
  });
};

function headOf({ summary, source }: Notification) {
  return { summary: truncate(summary, summaryLengthMax), source: truncate(source, sourceLengthMax) };
}

function detailsOf(notification: Notification): Readonly<Record<string, string | readonly string[]>> {
  return { ...boundAttributes(notification.attributes), ...Object.fromEntries(sectionsOf(notification)) };
}

function linksOf({ links }: Notification) {
  return links.map(({ text, href }) => ({ href, text: truncate(text, 100) }));
}
