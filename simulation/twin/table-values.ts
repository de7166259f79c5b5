/** Values as DynamoDB writes them: one member that names the type. Checked to the depth of what is kept; numbers are texts, and stay as they came. */
import { errorAnswer, Refusal } from './answer.ts';

const types = ['B', 'BOOL', 'BS', 'L', 'M', 'N', 'NS', 'NULL', 'S', 'SS'] as const;
export type ValueType = (typeof types)[number];

export type Value = Readonly<Record<string, unknown>>;
export type Item = Readonly<Record<string, Value>>;

/** The deepest that DynamoDB takes. */
const depthMax = 32;

export function itemIn(members: Readonly<Record<string, unknown>>, depth = 0): Item {
  for (const value of Object.values(members)) valueIn(value, depth);
  return members as Item;
}

/** @throws Refusal when it is no value. */
export function valueIn(value: unknown, depth = 0): Value {
  if (depth > depthMax) throw invalid('Nesting Levels have exceeded supported limits');
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const [type, content] = entries[0] ?? [];
  if (entries.length !== 1 || !types.includes(type as ValueType) || !isOf(type as ValueType, content, depth)) {
    throw invalid('Supplied AttributeValue is empty, must contain exactly one of the supported datatypes');
  }
  return value as Value;
}

export function typeOf(value: Value): ValueType {
  return Object.keys(value)[0] as ValueType;
}

export function contentOf(value: Value): unknown {
  return Object.values(value)[0];
}

/** One of two numbers, texts or bytes against the other: below 0, 0, above 0; undefined where they cannot be compared. */
export function compared(one: Value, other: Value): number | undefined {
  const type = typeOf(one);
  if (type !== typeOf(other)) return undefined;
  const [a, b] = [String(contentOf(one)), String(contentOf(other))];
  if (type === 'N') return Number(a) - Number(b);
  if (type === 'S') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return type === 'B' ? Buffer.compare(Buffer.from(a, 'base64'), Buffer.from(b, 'base64')) : undefined;
}

export function areEqual(one: Value, other: Value): boolean {
  return compared(one, other) === 0 || JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

/** Whatever order its members and the elements of its sets came in. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, content]): [string, unknown] =>
    ['BS', 'NS', 'SS'].includes(name) && Array.isArray(content)
      ? [name, [...(content as unknown[])].sort()]
      : [name, sorted(content)],
  );
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isOf(type: ValueType, content: unknown, depth: number): boolean {
  switch (type) {
    case 'B':
    case 'S':
      return typeof content === 'string';
    case 'N':
      return isNumber(content);
    case 'BOOL':
      return typeof content === 'boolean';
    case 'NULL':
      return content === true;
    case 'BS':
    case 'SS':
      return isSet(content, (one) => typeof one === 'string');
    case 'NS':
      return isSet(content, isNumber);
    case 'L':
      if (!Array.isArray(content)) return false;
      for (const one of content as readonly unknown[]) valueIn(one, depth + 1);
      return true;
    case 'M':
      if (typeof content !== 'object' || content === null || Array.isArray(content)) return false;
      itemIn(content as Readonly<Record<string, unknown>>, depth + 1);
      return true;
  }
}

function isNumber(content: unknown): boolean {
  return typeof content === 'string' && /^-?\d{1,38}(\.\d{1,38})?([eE][+-]?\d{1,3})?$/.test(content);
}

function isSet(content: unknown, isElement: (one: unknown) => boolean): boolean {
  return Array.isArray(content) && content.length > 0 && content.every(isElement);
}

/** In the words of the real service. */
export function invalid(message: string): Refusal {
  return new Refusal(errorAnswer(400, 'ValidationException', { message }));
}
