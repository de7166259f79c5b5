/**
 * Reads YAML 1.2 so that every value can be traced back to its line. The text is hostile: aliases are counted, tags are refused, keys are plain
 * text and stand once, and no message repeats what the file holds, because a secret may have been pasted anywhere in it.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, ErrorCode, Node, Pair, YAMLMap } from 'yaml';

/** Keys and indexes from the top of the document. */
export type Path = readonly PropertyKey[];

export interface Place {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export interface YamlFault extends Place {
  readonly path: Path;
  readonly got: string;
  readonly expected: string;
}

export interface YamlFile {
  /** Absent when the text is too broken to be read further. */
  readonly content?: { readonly value: unknown };
  readonly faults: readonly YamlFault[];
  /** Where the value at a path stands; where it is missing, the place of what should hold it. */
  placeOf(path: Path): Place;
  /** Where the key itself stands. */
  placeOfKey(path: Path): Place;
}

/** Ten functions that share a block ten times over stay below; a bomb of nested aliases does not. */
const aliasCountMax = 100;

export function parseYaml(text: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    resolveKnownTags: false,
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: lines,
  });
  const placeAt = (offset: number | undefined): Place => {
    const { line, col } = lines.linePos(offset ?? 0);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const pairsOf = createPairIndex();
  const find = (path: Path): Found => findNode(document, path, pairsOf);
  const places = {
    placeOf: (path: Path) => placeAt(find(path).valueOffset),
    placeOfKey: (path: Path) => placeAt(find(path).keyOffset),
  };
  const stopAt = (offset: number | undefined, got: string, expected: string): YamlFile => ({
    ...places,
    faults: [{ path: [], ...placeAt(offset), got, expected }],
  });

  // After one slip of syntax the rest is guesswork: its faults would only hide the first.
  const [syntax] = [...document.errors, ...document.warnings];
  if (syntax) return stopAt(syntax.pos[0], 'text that cannot be read as YAML', explainSyntax(syntax.code));
  const { duplicates, unreadable } = findKeyFaults(document.contents, [], { duplicates: [], unreadable: [] });
  const [badKey] = unreadable;
  if (badKey) return stopAt(badKey.offset, badKey.got, badKey.expected);
  try {
    const value: unknown = document.toJS({ maxAliasCount: aliasCountMax });
    const faults = duplicates.map(({ offset, ...fault }) => ({ ...fault, ...placeAt(offset) }));
    return { ...places, content: { value }, faults };
  } catch {
    // The parser itself finds no fault with aliases; to follow them is what fails.
    const expected = `anchors that are defined before they are used, and at most ${aliasCountMax} uses of them`;
    return stopAt(0, 'aliases (*name)', expected);
  }
}

interface Found {
  readonly keyOffset: number | undefined;
  readonly valueOffset: number | undefined;
}

/** Walks down a path as far as the document goes. */
function findNode(document: Document, path: Path, pairsOf: PairIndex): Found {
  let node: unknown = document.contents;
  let found: Found = { keyOffset: offsetOf(node), valueOffset: offsetOf(node) };
  for (const segment of path) {
    if (isAlias(node)) node = node.resolve(document);
    let key: unknown;
    if (isMap(node)) {
      const pair = pairsOf(node).get(String(segment));
      key = pair?.key;
      node = pair?.value;
    } else {
      node = isSeq(node) ? node.items[Number(segment)] : undefined;
    }
    if (key === undefined && node === undefined) return found;
    const keyOffset = offsetOf(key) ?? offsetOf(node);
    found = { keyOffset, valueOffset: offsetOf(node) ?? keyOffset };
  }
  return found;
}

type PairIndex = (map: YAMLMap) => ReadonlyMap<string, Pair>;

/** The pairs of a map by their keys, kept for the next question: a file can have as many faults as keys. */
function createPairIndex(): PairIndex {
  const indexes = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();
  return (map) => {
    // Of two equal keys the last one counts, as in the value.
    const index =
      indexes.get(map) ?? new Map(map.items.map((pair) => [isScalar(pair.key) ? String(pair.key.value) : '', pair]));
    indexes.set(map, index);
    return index;
  };
}

function offsetOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

interface KeyFault {
  readonly path: Path;
  readonly offset: number;
  readonly got: string;
  readonly expected: string;
}

interface KeyFaults {
  /** Keys that stand twice in one map. */
  readonly duplicates: KeyFault[];
  /** Keys that are lists, maps or aliases. */
  readonly unreadable: KeyFault[];
}

/** Looks at every key once. The parser's own search for equal keys takes a minute for sixty thousand of them. */
function findKeyFaults(node: unknown, path: Path, faults: KeyFaults): KeyFaults {
  if (isSeq(node)) for (const [index, item] of node.items.entries()) findKeyFaults(item, [...path, index], faults);
  if (!isMap(node)) return faults;
  const seen = new Set<string>();
  for (const { key, value } of node.items) {
    const offset = offsetOf(key) ?? 0;
    if (!isScalar(key)) {
      faults.unreadable.push({ path, offset, got: 'a key that is not plain text', expected: 'keys of plain text' });
      continue;
    }
    const name = String(key.value);
    const at = [...path, name];
    if (seen.has(name))
      faults.duplicates.push({ path: at, offset, got: 'the key a second time', expected: 'each key once' });
    seen.add(name);
    findKeyFaults(value, at, faults);
  }
  return faults;
}

const syntaxWords: Partial<Record<ErrorCode, string>> = {
  TAB_AS_INDENT: 'spaces for indentation, not tabs',
  BAD_INDENT: 'indentation that lines up, and every bracket closed',
  BLOCK_AS_IMPLICIT_KEY: 'one "key: value" a line',
  MULTIPLE_DOCS: 'one document in the file (no "---" between two)',
  MULTILINE_IMPLICIT_KEY: 'a key on one line, followed by ": "',
  MISSING_CHAR: 'every quote and bracket closed, and "key: value" with a space',
  UNEXPECTED_TOKEN: 'nothing more at this place',
  TAG_RESOLVE_FAILED: 'plain values, without tags (!name)',
  RESOURCE_EXHAUSTION: 'fewer levels, one inside the other',
};

function explainSyntax(code: ErrorCode): string {
  return syntaxWords[code] ?? `well-formed YAML 1.2 (${code.toLowerCase().replaceAll('_', ' ')})`;
}
