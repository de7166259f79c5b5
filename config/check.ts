/**
 * From the value of a file to a document with its defaults, or to all of its faults: the schema's, and those of the rules that span keys.
 */
import { z } from 'zod';
import type { Path } from './document.ts';
import { describeValue, formatPath, nearestKey } from './faults.ts';
import { findBreaches, type Breach, type ConfigDraft, type Draft } from './rules.ts';
import { configSchema, secretPaths, type ConfigDocument } from './schema.ts';

export interface DocumentFault {
  readonly path: Path;
  /** Whether the key is at fault, or its value. */
  readonly at: 'key' | 'value';
  readonly got: string;
  readonly expected: string;
  /** For an unknown key: the known one that was probably meant. */
  readonly meant?: string | undefined;
}

export interface Checked<Document = ConfigDocument> {
  /** Present when there is no fault. */
  readonly document?: Document;
  /** What is right by itself; the rest is undefined. */
  readonly draft: Draft<Document>;
  readonly faults: readonly DocumentFault[];
}

/** A kind of file: what it is made of, and the rules that span its keys. */
export interface DocumentKind<Document> {
  readonly schema: z.ZodType<Document>;
  readonly findBreaches: (draft: Draft<Document>) => readonly Breach[];
  /** Values that are never repeated in a message. */
  readonly secretPaths: readonly RegExp[];
}

export function checkDocument(value: unknown): Checked & { readonly draft: ConfigDraft } {
  return checkAs(value, { schema: configSchema, findBreaches, secretPaths });
}

export function checkAs<Document>(value: unknown, kind: DocumentKind<Document>): Checked<Document> {
  const parsed = kind.schema.safeParse(value);
  const breachesOf = (draft: Draft<Document>) => kind.findBreaches(draft).map((breach) => faultOfBreach(value, breach));
  if (parsed.success) {
    const draft = parsed.data as Draft<Document>;
    const faults = breachesOf(draft);
    return faults.length === 0 ? { document: parsed.data, draft, faults } : { draft, faults };
  }
  const faults = onePerPath(parsed.error.issues.flatMap((issue) => faultsOfIssue(value, issue, kind)));
  const draft = withoutFaulty(value, faults) as Draft<Document>;
  return { draft, faults: [...faults, ...breachesOf(draft)] };
}

type Known = Pick<DocumentKind<unknown>, 'schema' | 'secretPaths'>;

function faultsOfIssue(value: unknown, issue: z.core.$ZodIssue, kind: Known): readonly DocumentFault[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(issue.path, key, kind));
  const found = valueAt(value, issue.path);
  if (found === undefined && isMisspelt(value, issue.path, kind)) return [];
  return [{ path: issue.path, at: 'value', got: describe(issue, found, kind), expected: issue.message }];
}

function unknownKey(path: Path, key: string, kind: Known): DocumentFault {
  const known = keysAt(path, kind);
  const nearest = nearestKey(key, known);
  const expected = nearest === undefined ? `one of ${known.join(', ')}` : `a known key: did you mean ${nearest}?`;
  return { path: [...path, key], at: 'key', got: 'an unknown key', expected, meant: nearest };
}

/** A missing key whose place a misspelt one took: one mistake, and the other fault names it. */
function isMisspelt(value: unknown, path: Path, kind: Known): boolean {
  const parentPath = path.slice(0, -1);
  const parent = valueAt(value, parentPath);
  if (typeof parent !== 'object' || parent === null) return false;
  const known = keysAt(parentPath, kind);
  return Object.keys(parent).some((key) => !known.includes(key) && nearestKey(key, known) === path.at(-1));
}

/** The value as a fault may show it: not where it should be a secret, nor where a list or map was expected and some text stands. */
function describe(issue: z.core.$ZodIssue, found: unknown, { secretPaths: secrets }: Known): string {
  if (found === undefined || found === null) return describeValue(found);
  const path = formatPath(issue.path);
  if (secrets.some((secretPath) => secretPath.test(path))) return 'an inline value (not shown)';
  if (typeof found !== 'string') return describeValue(found);
  const wantsParts = issue.code === 'invalid_type' && (issue.expected === 'object' || issue.expected === 'array');
  if (wantsParts) return 'some text';
  // Credentials in an address, by its user or by its query.
  return /:\/\/.*[@?]/.test(found) ? 'an address with more in it' : describeValue(found);
}

function faultOfBreach(
  value: unknown,
  { path, got, expected }: { path: Path; got?: string; expected: string },
): DocumentFault {
  return { path, at: 'value', got: got ?? describeValue(valueAt(value, path)), expected };
}

/** The first fault of a value says what is expected of it; a second would repeat it. */
function onePerPath(faults: readonly DocumentFault[]): readonly DocumentFault[] {
  const seen = new Set<string>();
  return faults.filter((fault) => {
    const path = formatPath(fault.path);
    if (seen.has(path)) return false;
    seen.add(path);
    return true;
  });
}

/** A copy in which every faulty value is undefined, and so is what a misspelt key was meant to say. */
function withoutFaulty(value: unknown, faults: readonly DocumentFault[]): unknown {
  const copy: unknown = structuredClone(value);
  for (const { path, meant } of faults) {
    if (path.length === 0) return {};
    const parent = valueAt(copy, path.slice(0, -1));
    // Gone already: it was faulty itself.
    if (typeof parent !== 'object' || parent === null) continue;
    const key = meant ?? path.at(-1)!;
    if (meant === undefined && !Object.hasOwn(parent, key)) continue;
    Object.defineProperty(parent, key, { value: undefined, enumerable: true, configurable: true, writable: true });
  }
  return copy;
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const segment of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, segment)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[segment];
  }
  return at;
}

/** The keys that the schema knows at a path. */
function keysAt(path: Path, kind: Known): readonly string[] {
  let schema: z.core.$ZodType = kind.schema;
  for (const segment of path) {
    schema = bareSchema(schema);
    if (schema instanceof z.ZodObject) schema = schema.shape[String(segment)] as z.core.$ZodType;
    else if (schema instanceof z.ZodArray) schema = schema.element;
  }
  const bare = bareSchema(schema);
  return bare instanceof z.ZodObject ? Object.keys(bare.shape) : [];
}

function bareSchema(schema: z.core.$ZodType): z.core.$ZodType {
  const isWrapped =
    schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional;
  return isWrapped ? bareSchema(schema.unwrap()) : schema;
}
