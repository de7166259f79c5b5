/** The page behind the link of a message: what is asked, within which bounds, until when; and a form. Works without a script. */
import { formatInstant } from '../../core/time.ts';
import type { ApprovalView } from '../acting-view.ts';

export interface PageState {
  readonly wantsToken: boolean;
  /** What became of the last answer. */
  readonly said?: string;
  readonly isDone?: boolean;
}

export function approvalPage(approval: ApprovalView, { wantsToken, said, isDone = false }: PageState): string {
  const { because, kind, subject, functions, bounds, state, expiresAtMs, answeredBy } = approval;
  const rows: (readonly [string, string])[] = [
    ['What', kind === 'prewarm' ? `keep functions warm for ${subject}` : subject],
    ['Why', because],
    ['Functions', functions.join(', ')],
    ...(bounds.concurrencyMax > 0 ? [['At most', `${bounds.concurrencyMax} environments`] as const] : []),
    ...(bounds.usdMax > 0 ? [['At most', `${bounds.usdMax.toFixed(2)} dollars`] as const] : []),
    ['Until', formatInstant(expiresAtMs)],
    ['It is', answeredBy === null ? state : `${state} (${answeredBy})`],
  ];
  const table = rows.map(([name, value]) => `<tr><th>${escape(name)}</th><td>${escape(value)}</td></tr>`).join('\n');
  const told = said === undefined ? '' : `<p id="problem">${escape(said)}</p>\n`;
  return page(`${told}<table>\n${table}\n</table>\n${isDone || state === 'expired' ? '' : form(wantsToken)}`);
}

export function notFoundPage(): string {
  return page('<p>Nothing of that id waits for an answer.</p>');
}

function form(wantsToken: boolean): string {
  const token = wantsToken
    ? '<p><label>Your own token <input type="password" name="token" autocomplete="off" required></label></p>\n'
    : '';
  return `<form method="post">
<p><label>Because <input name="because" maxlength="500" required size="60"></label></p>
${token}<p><button name="answer" value="yes">Approve</button> <button name="answer" value="no">Deny</button></p>
</form>`;
}

function page(content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>Foreshock asks</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header><h1>Foreshock asks</h1></header>
${content}
</body>
</html>
`;
}

/** Of what comes from calendars and spans: nobody writes markup into it. */
function escape(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (sign) => names[sign]!);
}
