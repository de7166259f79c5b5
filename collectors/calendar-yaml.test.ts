import { expect, it } from 'vitest';
import { InputError } from '../core/errors.ts';
import { parseCalendarYaml } from './calendar-yaml.ts';

const parse = (text: string) => parseCalendarYaml(text, 'calendars/us.yaml');
const refusal = (text: string): string => {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return 'taken';
};

const events = `# The agency's schedule, by hand.
- ts: 2025-09-05T08:30:00-04:00
  kind: nfp
  title: "Employment Situation: August"
  importance: 3
  source: bls.gov

- date: 2025-10-29 # the second day
  kind: fomc
  importance: 3
- { ts: 2025-10-30, kind: earnings, importance: 2, symbol: [MSFT, AAPL], id: q3, status: cancelled }
`;

it('reads a list that a person wrote, each event with its line', () => {
  expect(parse(events).events).toMatchObject([
    { id: 'nfp@2025-09-05T12:30:00Z', title: 'Employment Situation: August', source: { line: 2, says: 'bls.gov' } },
    { id: 'fomc@2025-10-29', startsAtMs: Date.UTC(2025, 9, 29, 18), isTimeAssumed: true, source: { line: 8 } },
    { id: 'q3', precision: 'date', symbols: ['AAPL', 'MSFT'], status: 'cancelled', source: { line: 11 } },
  ]);
});

it.each(['', '# nothing yet\n', '[]\n', 'null\n'])('takes a calendar without events, with a warning: %j', (text) =>
  expect(parse(text)).toMatchObject({ events: [], warnings: ['there is no event in it'] }),
);

it('reads what humans expect', () => {
  const [campaign] = parse(
    '- ts: 2025-09-05T12:30Z\n  kind: campaign\n  importance: 3\n  expect: { group: app, lift: 4, minutes: 45 }',
  ).events;
  expect(campaign).toMatchObject({ expect: { group: 'app', lift: 4, minutes: 45 } });
});

const event = '- { ts: 2025-09-05T12:30:00Z, kind: nfp, importance: 3 }';

it.each([
  ['a map', 'events: []', '1: got no list, expected a list of events'],
  ['a list of words', '- nfp', '1: got no map, expected an event'],
  ['a time without a zone', `# x\n${event.replace('Z', '')}`, '2 ts: got "2025-09-05T12:30:00"'],
  ['a date with a time', event.replace('ts', 'date'), '1: got "2025-09-05T12:30:00Z", expected a date'],
  ['a mistyped key', event.replace('kind', 'knid'), '1: got an unknown key "knid", expected some of ts,'],
  ['a key that objects have', event.replace('kind', '__proto__'), '1: got an unknown key "__proto__"'],
  ['a key twice', event.replace('}', ', kind: cpi }'), '1: got the key kind again, expected each once'],
  ['a date and an instant', event.replace('}', ', date: 2025-09-05 }'), 'expected ts or date, once'],
  ['a value in values', event.replace('nfp', '{ a: b }'), '1: got no plain text for kind'],
  ['an anchor', event.replace('nfp', '&a nfp'), '1: got no plain text for kind'],
  ['an alias', `${event}\n- { ts: 2025-09-05, kind: *a, importance: 3 }`, '2: got'],
  ['a tag', event.replace('nfp', '!kind nfp'), '1: got text that cannot be read as YAML, expected no tags'],
  ['a missing word', '- { ts: 2025-09-05, kind: nfp }', '1 importance: got "", expected 1, 2 or 3'],
  ['an expectation that is no map', event.replace('3 }', '3, expect: 4 }'), '1: got no map for expect'],
  [
    'a mistyped key in it',
    event.replace('3 }', '3, expect: { lifts: 4 } }'),
    '1: got an unknown key "lifts" in expect',
  ],
  ['half of one', event.replace('3 }', '3, expect: { lift: 4, minutes: 9 } }'), '1 expect_group: got ""'],
  ['the words of the CSV', event.replace('3 }', '3, expect_lift: 4 }'), '1: got an unknown key "expect_lift"'],
  ['two documents', `${event}\n---\n${event}`, 'expected one document'],
  ['a title that was to be quoted', '- title: CPI: September\n  kind: cpi', '1: got text that cannot be read as YAML'],
  ['a bottomless well', '['.repeat(5_000), '1: got text that cannot be read as YAML'],
])('refuses %s by its line', (_, text, message) => {
  const lines = refusal(text).split('\n');
  expect(lines[0]).toContain(`calendars/us.yaml:${message.startsWith('expected') ? '' : message}`);
  expect(lines.join()).toContain(message);
});

it('names all faults of a file at once', () => {
  expect(refusal(`${event.replace('nfp', 'NFP')}\n${event.replace('3 }', 'high }')}`).split('\n')).toHaveLength(2);
});
