/**
 * The webhook of Prometheus Alertmanager, version 4: whatever understands its messages understands ours. One episode is one group of one alert; it is firing
 * or resolved, and an acknowledgement has no form here.
 *
 * - https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
 */
import { formatInstant } from '../../core/time.ts';
import { postJson, type Format, type Notification } from './notification.ts';
import { boundAttributes, boundLines, sectionsOf, truncate } from './text.ts';

/** How Go writes "not yet". */
const noEnd = '0001-01-01T00:00:00Z';
/** Alertmanager's fingerprints are 64 bits. */
const fingerprintLength = 16;

export function isSpokenInAlertmanager({ step }: Pick<Notification, 'step'>): boolean {
  return step !== 'acknowledge';
}

export const formatAlertmanager: Format = (notification, { url, secrets }) => {
  const [token] = secrets;
  const { dedupKey, step, severity, level, startsAtMs, atMs } = notification;
  const status = step === 'resolve' ? 'resolved' : 'firing';
  const labels = {
    alertname: 'ForeshockIncident',
    severity: level === 'page' ? severity : level,
    source: truncate(notification.source, 255),
    ...(notification.isEscalation && { escalation: 'true' }),
  };
  const annotations = {
    ...boundAttributes(notification.attributes),
    summary: truncate(notification.summary, 1_024),
    description: sectionsOf(notification)
      .map(([heading, lines]) => `${heading}: ${lines.join('; ')}`)
      .join('\n'),
  };
  const [href = ''] = notification.links.map((link) => link.href);
  return postJson(
    url,
    {
      version: '4',
      groupKey: `{}:{episode="${dedupKey}"}`,
      truncatedAlerts: 0,
      status,
      receiver: 'foreshock',
      groupLabels: { episode: dedupKey },
      commonLabels: labels,
      commonAnnotations: annotations,
      externalURL: boundLines([href])[0],
      alerts: [
        {
          status,
          labels,
          annotations,
          startsAt: formatInstant(startsAtMs),
          endsAt: step === 'resolve' ? formatInstant(atMs) : noEnd,
          generatorURL: href,
          fingerprint: dedupKey.slice(0, fingerprintLength),
        },
      ],
    },
    token === undefined ? {} : { authorization: `Bearer ${token}` },
  );
};
