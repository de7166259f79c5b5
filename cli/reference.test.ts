import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { formatReference } from './reference.ts';
import { verbs } from './verbs.ts';

it('is the page in docs, to the letter', () => {
  expect(readFileSync('docs/cli.md', 'utf8')).toBe(formatReference());
});

it('lists verbs in order, each once, each with a summary and a usage that shows --json', () => {
  const names = verbs.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)].sort());
  for (const verb of verbs) expect(`${verb.summary}${verb.usage}`, verb.name).toContain('--json');
});
