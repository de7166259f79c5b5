import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { realFiles } from './files.ts';
import { loadConfig } from './load.ts';
import { faultsOf, linesOf, load, minimal } from './sample.ts';

describe('text that is no configuration', () => {
  it.each([
    ['nothing at all', '', '1:1: got nothing, expected a map of store, http, aws, telemetry, …'],
    ['a sentence', 'hello', '1:1: got some text, expected a map of store, http, aws, telemetry, …'],
    [
      'tabs',
      'limits:\n\tconcurrencyMax: 1',
      '2:1: got text that cannot be read as YAML, expected spaces for indentation, not tabs',
    ],
    [
      'a bracket left open',
      'functions: [',
      '1:13: got text that cannot be read as YAML, expected indentation that lines up, and every bracket closed',
    ],
    [
      'two documents',
      'a: 1\n---\nb: 1',
      '2:1: got text that cannot be read as YAML, expected one document in the file (no "---" between two)',
    ],
    [
      'a tag',
      'store: !!binary aGk=',
      '1:8: got text that cannot be read as YAML, expected plain values, without tags (!name)',
    ],
    ['a list as a key', '? [a]\n: 1', '1:3: got a key that is not plain text, expected keys of plain text'],
    [
      'an alias of nothing',
      'a: *b',
      '1:1: got aliases (*name), expected anchors that are defined before they are used, and at most 100 uses of them',
    ],
    [
      'a bomb of aliases',
      bombOf(9),
      '1:1: got aliases (*name), expected anchors that are defined before they are used, and at most 100 uses of them',
    ],
  ])('%s', async (_, text, line) => expect(await linesOf(text)).toEqual([line]));

  it('nested beyond reason, looping, or named to poison a prototype, it is refused like any other', async () => {
    for (const text of [
      '['.repeat(50_000),
      '- '.repeat(50_000),
      '&a [*a]',
      '&a { functions: *a }',
      '__proto__: { store: x }',
      'constructor: 1',
    ])
      expect((await faultsOf(text)).length).toBeGreaterThan(0);
    expect(({} as { store?: string }).store).toBeUndefined();
  });

  it('that is not UTF-8, not there, or not a file is one line', async () => {
    await expect(load(new Uint8Array([0x61, 0xff, 0xfe]))).rejects.toThrow(
      'cannot read /etc/foreshock.yaml: it is not UTF-8 text',
    );
    const ports = { env: {}, files: realFiles };
    await expect(loadConfig('/nowhere/foreshock.yaml', ports)).rejects.toThrow(
      'cannot read /nowhere/foreshock.yaml: no such file',
    );
    await expect(loadConfig('/', ports)).rejects.toThrow('cannot read /: not a regular file');
  });

  it('longer than allowed is refused, to the byte', async () => {
    const file = new URL(import.meta.url).pathname;
    const { length } = await realFiles.readFile(file, 1_000_000);
    await expect(realFiles.readFile(file, length)).resolves.toHaveLength(length);
    await expect(realFiles.readFile(file, length - 1)).rejects.toThrow(`longer than ${length - 1} bytes`);
    await expect(realFiles.readFile('/dev/zero', 10)).rejects.toThrow('not a regular file');
  });

  it('a broken or mutated file ends in a config or in faults, and nothing else', async () => {
    const full = minimal + 'http: { tokens: ["${env:FORESHOCK_TOKEN}"] }\nprices:\n  - region: us-east-1\n';
    const edit = fc.tuple(
      fc.nat(full.length),
      fc.nat(6),
      fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('*a', '&a ', ': ', '- ', '{', '\n', '<<: ', '? ', '.inf')),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        let text = full;
        for (const [at, removed, added] of edits) text = text.slice(0, at) + added + text.slice(at + removed);
        for (const fault of await faultsOf(text)) {
          expect(fault.line).toBeGreaterThan(0);
          expect(`${fault.path}${fault.got}`).toMatch(/^[^\p{Cc}]*$/u);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** Nine letters, each a list of nine of the one before: 9^9 items in 300 bytes. */
function bombOf(width: number): string {
  const letters = 'abcdefghi'.slice(0, width).split('');
  const lines = letters.map((letter, index) => {
    const item = index === 0 ? 'x' : `*${letters[index - 1]!}`;
    return `${letter}: &${letter} [${Array.from({ length: width }, () => item).join(', ')}]`;
  });
  return lines.join('\n');
}
