/**
 * Reads YAML 1.2 so that every value can be traced back to its line. The text is hostile: aliases are counted, tags are refused, keys are plain
 * text and stand once, and no message repeats what the file holds, because a secret may have been pasted anywhere in it.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Document, type Node } from 'yaml';
import type { ErrorCode } from 'yaml';

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
    prettyErrors: false,
    lineCounter: lines,
  });
  const placeAt = (offset: number | undefined): Place => {
    const { line, col } = lines.linePos(offset ?? 0);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const find = (path: Path): Found => findNode(document, path);
  const places = {
    placeOf: (path: Path) => placeAt(find(path).valueOffset),
    placeOfKey: (path: Path) => placeAt(find(path).keyOffset),
  };
  const stopAt = (offset: number | undefined, got: string, expected: string): YamlFile => ({
    ...places,
    faults: [{ path: [], ...placeAt(offset), got, expected }],
  });

  // After one slip of syntax the rest is guesswork: its faults would only hide the first.
  const syntax = [...document.errors, ...document.warnings].find((error) => error.code !== 'DUPLICATE_KEY');
  if (syntax) return stopAt(syntax.pos[0], 'text that cannot be read as YAML', explainSyntax(syntax.code));
  const { duplicates, unreadable } = findKeyFaults(document);
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
function findNode(document: Document, path: Path): Found {
  let node: unknown = document.contents;
  let found: Found = { keyOffset: offsetOf(node), valueOffset: offsetOf(node) };
  for (const segment of path) {
    if (isAlias(node)) node = node.resolve(document);
    let key: unknown;
    if (isMap(node)) {
      // The last of two equal keys is the one whose value counts.
      const pair = node.items.findLast((item) => isScalar(item.key) && String(item.key.value) === String(segment));
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

function offsetOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

/** Keys that stand twice, and keys that are not plain text: lists, maps, aliases. */
function findKeyFaults(document: Document): KeyFaults {
  const secondTimes = new Set(
    document.errors.filter((error) => error.code === 'DUPLICATE_KEY').map((error) => error.pos[0]),
  );
  const duplicates: KeyFault[] = [];
  const unreadable: KeyFault[] = [];
  visit(document, {
    Pair(_, pair, ancestors) {
      const offset = offsetOf(pair.key) ?? 0;
      const path = pathOf(ancestors);
      if (!isScalar(pair.key)) {
        unreadable.push({ path, offset, got: 'a key that is not plain text', expected: 'keys of plain text' });
      } else if (secondTimes.has(offset)) {
        const expected = 'each key once';
        duplicates.push({ path: [...path, String(pair.key.value)], offset, got: 'the key a second time', expected });
      }
    },
  });
  return { duplicates, unreadable };
}

interface KeyFault {
  readonly path: Path;
  readonly offset: number;
  readonly got: string;
  readonly expected: string;
}

interface KeyFaults {
  readonly duplicates: readonly KeyFault[];
  readonly unreadable: readonly KeyFault[];
}

/** The path of a node from its ancestors as `visit` hands them: document, map, pair, map, … */
function pathOf(ancestors: readonly unknown[]): Path {
  const path: PropertyKey[] = [];
  for (const [index, ancestor] of ancestors.entries()) {
    const child = ancestors[index + 1];
    if (isSeq(ancestor)) path.push(ancestor.items.indexOf(child));
    else if (isMap(ancestor)) {
      const pair = ancestor.items.find((item) => item === child);
      if (isScalar(pair?.key)) path.push(String(pair.key.value));
    }
  }
  return path;
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
