/** The verbs as a page of documentation: `node cli/reference.ts > docs/cli.md`. A test keeps the page true. */
import { verbs } from './verbs.ts';

export function formatReference(): string {
  const sections = verbs.map(
    ({ name, summary, usage }) => `## ${name}\n\n${summary}\n\n\`\`\`\n${usage.replace(/^\n+|\s+$/g, '')}\n\`\`\`\n`,
  );
  return `${preface}\n${sections.join('\n')}`;
}

const preface = `# The command line

\`npx foreshock VERB\` in a clone. This page is what \`foreshock VERB --help\` says, written by \`node cli/reference.ts > docs/cli.md\`.

Every verb takes \`--json\`: stdout then carries the result and nothing else. Progress and logs go to stderr, progress only on a terminal. What is wrong
with an input is one line on stderr that names what, where, and what to do.

| exit | means |
|---|---|
| 0 | done |
| 1 | the answer is no (a chain that does not hold, a demo that was interrupted) |
| 2 | bad usage or input |

Times are ISO 8601; a date means 00:00Z, and a time without a zone is UTC. A function is named \`123456789012/us-east-1/orders-validate:live\`, always with
its alias. A history is CSV (or \`.csv.gz\`) with \`ts,volume\`, UTC bucket starts, missing buckets allowed; a calendar is CSV with
\`ts,kind,title,importance,symbol,source\` and, where wanted, \`id\`, \`status\`, \`precision\`; or YAML, a list of maps with the same words as keys
(\`date\` in place of \`ts\` for a day); or iCalendar (\`.ics\`). A day without a time takes the time of its kind (payrolls 08:30 in New York), and is shown
as assumed.
`;

if (import.meta.main) process.stdout.write(formatReference());
