/** A doubt about a calendar, as `calendar check` and `calendar diff` tell it. */
import type { CalendarFinding } from '../calendar/finding.ts';

/** `finding: unusual-hour: cpi at …`, or `notice:` for the coming 24 hours. */
export function formatFinding({ severity, kind, because }: CalendarFinding): string {
  return `${severity}: ${kind}: ${because}`;
}
