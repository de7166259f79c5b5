/**
 * Market events from a YAML file: a list of maps whose keys are the columns of the CSV. People write it, with comments; what programs would put
 * into it (anchors, tags, nested values) is refused.
 *
 *     # The shutdown moved it.
 *     - ts: 2025-10-24T08:30:00-04:00
 *       kind: cpi
 *       importance: 3
 *
 * `ts` takes an instant with its zone, or a date; `date`, in its place, only a date. `symbol` may be a list. What humans expect is a map of its own:
 * `expect: { group: trading, lift: 4, minutes: 45 }`, or `requestsPerSecond` in place of `lift`.
 */
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type YAMLMap } from 'yaml';
import type { Calendar } from '../calendar/event.ts';
import { eventFields, expectFields, type EventWords } from '../calendar/event-text.ts';
import { InputError } from '../core/errors.ts';
import { createCalendarDraft, type CalendarDraft } from './calendar-draft.ts';
import { showText } from './csv-fields.ts';

type Words = { -readonly [Field in keyof EventWords]: string };

// People write eight thousand events at most; programs write CSV. The parser takes up to a few seconds for a mebibyte made to be slow.
const textLengthMax = 1024 * 1024;

/** See `parseCalendarCsv`. */
export function parseCalendarYaml(text: string, path: string): Calendar {
  if (text.length > textLengthMax)
    throw new InputError('calendar-size', `${path}: a YAML calendar is at most 1 MiB; split it, or write CSV`);
  const draft = createCalendarDraft(path);
  const lines = new LineCounter();
  const lineOf = (node: unknown): number => Math.max(1, lines.linePos((node as Node | null)?.range?.[0] ?? 0).line);
  const items = readList(text, draft, lines, lineOf);
  for (const item of items) {
    const line = lineOf(item);
    if (!isMap(item))
      draft.fault(line, 'no map', 'an event: a map such as { ts: 2025-09-05T12:30:00Z, kind: nfp, importance: 3 }');
    else addEvent(item, line, draft, lineOf);
  }
  return draft.finish();
}

function readList(
  text: string,
  draft: CalendarDraft,
  lineCounter: LineCounter,
  lineOf: (node: unknown) => number,
): readonly unknown[] {
  const document = parseDocument(text, {
    ...{ version: '1.2', schema: 'core', resolveKnownTags: false, uniqueKeys: false, prettyErrors: false },
    lineCounter,
  });
  const [syntax] = [...document.errors, ...document.warnings];
  if (syntax) {
    draft.fault(lineCounter.linePos(syntax.pos[0]).line, 'text that cannot be read as YAML', syntaxHint(syntax.code));
    draft.finish();
  }
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return [];
  if (isSeq(contents)) return contents.items;
  draft.fault(lineOf(contents), 'no list', 'a list of events, each beginning with "- "');
  return [];
}

function syntaxHint(code: string): string {
  if (code === 'MULTIPLE_DOCS') return 'one document';
  if (code === 'TAG_RESOLVE_FAILED') return 'no tags (!name)';
  if (code === 'RESOURCE_EXHAUSTION') return 'a list of events, each a map of words';
  if (code === 'TAB_AS_INDENT') return 'spaces as indent, not tabs';
  return 'a list of events such as "- ts: 2025-09-05T12:30:00Z"; quote a text that holds ": " or begins with a sign';
}

const keys: readonly string[] = [
  ...eventFields.filter((field) => !(expectFields as readonly string[]).includes(field)),
  ...['date', 'expect'],
];

function addEvent(map: YAMLMap, line: number, draft: CalendarDraft, lineOf: (node: unknown) => number): void {
  const words = Object.fromEntries(eventFields.map((field) => [field, ''])) as Words;
  const seen = new Set<string>();
  let faultCount = 0;
  const refuse = (at: number, got: string, expected: string): void => {
    draft.fault(at, got, expected);
    faultCount++;
  };
  for (const { key, value } of map.items) {
    const at = lineOf(key);
    const name = isScalar(key) ? String(key.value) : '';
    if (!keys.includes(name)) {
      refuse(at, `an unknown key ${showText(name)}`, `some of ${keys.join(', ')}`);
      continue;
    }
    if (seen.has(name) || (name === 'date' && seen.has('ts')) || (name === 'ts' && seen.has('date'))) {
      refuse(at, `the key ${name} again`, name === 'ts' || name === 'date' ? 'ts or date, once' : 'each once');
      continue;
    }
    seen.add(name);
    if (name === 'expect') {
      Object.assign(
        words,
        readExpect(value, (got, expected) => refuse(at, got, expected)),
      );
      continue;
    }
    const word = wordOf(value, name === 'symbol');
    if (word === undefined)
      refuse(at, `no plain text for ${name}`, name === 'symbol' ? 'a text or a list of them' : 'a text');
    else if (name === 'date' && !/^\d{4}-\d{2}-\d{2}$/.test(word))
      refuse(at, showText(word), 'a date such as 2025-10-29');
    else words[name === 'date' ? 'ts' : (name as keyof Words)] = word;
  }
  if (faultCount === 0) draft.add(words, line);
}

const expectFieldOf: Readonly<Record<string, (typeof expectFields)[number]>> = {
  group: 'expect_group',
  lift: 'expect_lift',
  requestsPerSecond: 'expect_requests_per_second',
  minutes: 'expect_minutes',
};

function readExpect(node: unknown, refuse: (got: string, expected: string) => void): Partial<Words> {
  const expected = `a map of ${Object.keys(expectFieldOf).join(', ')}`;
  const words: Partial<Words> = {};
  if (!isMap(node) || node.items.length === 0) refuse('no map for expect', expected);
  for (const { key, value } of isMap(node) ? node.items : []) {
    const name = isScalar(key) ? String(key.value) : '';
    const field = Object.hasOwn(expectFieldOf, name) ? expectFieldOf[name] : undefined;
    const word = wordOf(value, false);
    if (field === undefined) refuse(`an unknown key ${showText(name)} in expect`, expected);
    else if (words[field] !== undefined) refuse(`the key ${name} again in expect`, 'each once');
    else if (word === undefined) refuse(`no plain text for ${name} in expect`, 'a text');
    else words[field] = word;
  }
  return words;
}

/** The text as it was written: `3` is a word like any other here, and `no` is not false. */
function wordOf(node: unknown, mayBeList: boolean): string | undefined {
  if (node === null) return '';
  if (isScalar(node) && node.anchor === undefined && node.tag === undefined)
    return (node.value === null ? '' : (node.source ?? '')).trim();
  if (!mayBeList || !isSeq(node)) return undefined;
  const parts = node.items.map((item) => wordOf(item, false));
  return parts.includes(undefined) ? undefined : parts.join(';');
}
