/**
 * Slack incoming webhooks. They know neither deduplication nor changing what was said: each step is a message of its own, and one that may be a repetition
 * says so. The address is the secret.
 *
 * - https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and /reference/block-kit/blocks
 */
import { formatInstant } from '../../core/time.ts';
import { postJson, type Format, type Notification } from './notification.ts';
import { boundAttributes, sectionsOf, truncate } from './text.ts';

const headerLengthMax = 150;
const sectionLengthMax = 3_000;
const blockCountMax = 50;
const fallbackLengthMax = 1_024;

const marks = { trigger: '', acknowledge: 'Seen: ', resolve: 'Over: ' } as const;

export const formatSlack: Format = (notification, { secrets, mayRepeat }) => {
  const [address = ''] = secrets;
  const title = titleOf(notification);
  const about = [
    `*${notification.severity}* since ${formatInstant(notification.startsAtMs)}`,
    ...(notification.isEscalation ? ['escalated'] : []),
    ...(mayRepeat ? ['sent again, because the answer to an earlier attempt was lost'] : []),
  ].join(', ');
  const isWhole = notification.step === 'trigger';
  const sections = isWhole ? sectionsOf(notification).map(([heading, lines]) => sectionText(heading, lines)) : [];
  const attributes = Object.entries(boundAttributes(notification.attributes)).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const texts = [about, ...sections, ...(isWhole && attributes.length > 0 ? [sectionText('More', attributes)] : [])];
  const links = notification.links.map(({ text, href }) => `<${href}|${escapeText(truncate(text, 100))}>`).join(' · ');
  const blocks = [
    { type: 'header', text: { type: 'plain_text', text: truncate(title, headerLengthMax) } },
    ...[...texts, ...(links === '' ? [] : [links])].map((text) => ({
      type: 'section',
      text: { type: 'mrkdwn', text },
    })),
  ];
  return postJson(address, {
    text: truncateEscaped(escapeText(truncate(title, fallbackLengthMax)), fallbackLengthMax),
    blocks: blocks.slice(0, blockCountMax),
    unfurl_links: false,
  });
};

function titleOf({ step, summary }: Notification): string {
  return `${marks[step]}${summary}`;
}

function sectionText(heading: string, lines: readonly string[]): string {
  return truncateEscaped(
    [`*${heading}*`, ...lines.map((line) => `• ${escapeText(line)}`)].join('\n'),
    sectionLengthMax,
  );
}

/** `<!channel>` in the name of a service would call everybody. */
function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Cuts between characters, and never inside `&amp;`. */
function truncateEscaped(text: string, lengthMax: number): string {
  const points = Array.from(text);
  if (points.length <= lengthMax) return text;
  return `${points
    .slice(0, lengthMax - 1)
    .join('')
    .replace(/&[a-z]*$/, '')}…`;
}
