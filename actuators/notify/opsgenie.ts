/**
 * Opsgenie's Alert API, which Jira Service Management answers to as well under another address. Alerts of one episode share an `alias`: as long as one is
 * open, creating it again counts up and opens nothing.
 *
 * - https://docs.opsgenie.com/docs/alert-api
 */
import type { IncidentSeverity } from '../../core/incident.ts';
import { postJson, type Format, type Notification } from './notification.ts';
import { boundAttributes, sectionsOf, truncate } from './text.ts';

const messageLengthMax = 130;
const descriptionLengthMax = 15_000;
const detailsLengthMax = 8_000;
const entityLengthMax = 512;
const noteLengthMax = 1_000;

const priorities: Readonly<Record<IncidentSeverity, string>> = { critical: 'P1', major: 'P2', minor: 'P3' };
/** "Informational": rules of Opsgenie that page do not page for it, unless somebody made them. */
const quietPriority = 'P5';

export const formatOpsgenie: Format = (notification, { url, secrets }) => {
  const headers = { authorization: `GenieKey ${secrets[0] ?? ''}` };
  const { dedupKey, step, level, summary, source, severity } = notification;
  if (step !== 'trigger') {
    const verb = step === 'acknowledge' ? 'acknowledge' : 'close';
    const note = { source: 'Foreshock', note: truncate(summary, noteLengthMax) };
    return postJson(`${url}/v2/alerts/${dedupKey}/${verb}?identifierType=alias`, note, headers);
  }
  const alert = {
    message: truncate(summary, messageLengthMax),
    alias: dedupKey,
    description: descriptionOf(notification),
    details: withinLength(boundAttributes(notification.attributes)),
    entity: truncate(source, entityLengthMax),
    source: 'Foreshock',
    tags: [level, ...(notification.isEscalation ? ['escalation'] : [])],
    priority: level === 'page' ? priorities[severity] : quietPriority,
  };
  return postJson(`${url}/v2/alerts`, alert, headers);
};

function descriptionOf(notification: Notification): string {
  const sections = sectionsOf(notification).map(([heading, lines]) => [`${heading}:`, ...lines].join('\n- '));
  const links = notification.links.map(({ text, href }) => `${text}: ${href}`);
  const points = Array.from([...sections, ...links].join('\n\n'));
  return points.length <= descriptionLengthMax
    ? points.join('')
    : `${points.slice(0, descriptionLengthMax - 1).join('')}…`;
}

/** Names and values together are limited, so what comes last is left out. */
function withinLength(details: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  let length = 0;
  return Object.fromEntries(
    Object.entries(details).filter(([name, value]) => (length += name.length + value.length) <= detailsLengthMax),
  );
}
