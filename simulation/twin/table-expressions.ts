/**
 * The two little languages of DynamoDB, as far as writers of single items use them: conditions (comparisons, BETWEEN, attribute_exists, attribute_not_exists, begins_with, AND, OR, NOT, parentheses) and
 * updates (SET with +, - and if_not_exists, REMOVE, ADD of numbers). Paths name attributes of the item itself; a path into one is refused by name, not misread.
 */
import { membersOf, type Members } from './request-body.ts';
import { areEqual, compared, contentOf, invalid, typeOf, valueIn, type Item, type Value } from './table-values.ts';

export interface Bindings {
  nameOf(placeholder: string): string;
  valueOf(placeholder: string): Value;
  /** @throws Refusal: what is named and not used is refused, as in the real service. */
  refuseUnused(): void;
}

export function bindingsIn(members: Members): Bindings {
  const names = membersOf(members, 'ExpressionAttributeNames') ?? {};
  const values = membersOf(members, 'ExpressionAttributeValues') ?? {};
  const used = new Set<string>();
  return {
    nameOf(placeholder) {
      const name = Object.hasOwn(names, placeholder) ? names[placeholder] : undefined;
      if (typeof name !== 'string')
        throw invalid(
          `Invalid expression: An expression attribute name used in the document path is not defined; attribute name: ${placeholder}`,
        );
      used.add(placeholder);
      return name;
    },
    valueOf(placeholder) {
      if (!Object.hasOwn(values, placeholder))
        throw invalid(
          `Invalid expression: An expression attribute value used in expression is not defined; attribute value: ${placeholder}`,
        );
      used.add(placeholder);
      return valueIn(values[placeholder]);
    },
    refuseUnused() {
      const isUnused = (one: string): boolean => !used.has(one);
      const name = Object.keys(names).find(isUnused);
      if (name !== undefined)
        throw invalid(`Value provided in ExpressionAttributeNames unused in expressions: keys: {${name}}`);
      const value = Object.keys(values).find(isUnused);
      if (value !== undefined)
        throw invalid(`Value provided in ExpressionAttributeValues unused in expressions: keys: {${value}}`);
    },
  };
}

/** Whether a condition holds for an item; of one that is not there, for no attributes. @throws Refusal when it cannot be read. */
export function holds(expression: string, item: Item, bindings: Bindings): boolean {
  const reader = createReader(expression);
  const isHeld = readOr(reader, item, bindings);
  if (reader.next() !== undefined) throw syntaxError(expression);
  return isHeld;
}

/** The item after an update. Every right side sees it as it was before. @throws Refusal when it cannot be read. */
export function updated(expression: string, item: Item, bindings: Bindings): Item {
  const reader = createReader(expression);
  const changes = new Map<string, Value | undefined>();
  for (let clause = reader.next(); clause !== undefined; clause = reader.next()) {
    const kind = clause.toUpperCase();
    if (kind !== 'SET' && kind !== 'REMOVE' && kind !== 'ADD') throw syntaxError(expression);
    do {
      const name = readName(reader, bindings);
      if (changes.has(name)) throw invalid('Invalid UpdateExpression: Two document paths overlap with each other');
      if (kind === 'REMOVE') changes.set(name, undefined);
      else if (kind === 'ADD') changes.set(name, sumOf(item[name] ?? { N: '0' }, readValue(reader, item, bindings), 1));
      else {
        reader.take('=');
        changes.set(name, readSum(reader, item, bindings));
      }
    } while (reader.skip(','));
  }
  const after = Object.entries({ ...item, ...Object.fromEntries(changes) });
  return Object.fromEntries(after.filter((entry): entry is [string, Value] => entry[1] !== undefined));
}

interface Reader {
  readonly text: string;
  peek(): string | undefined;
  next(): string | undefined;
  /** Takes the token if it comes next. */
  skip(token: string): boolean;
  /** @throws Refusal when another comes. */
  take(token: string): void;
}

const tokenPattern = /\s*(?:(<=|>=|<>|[=<>(),+-])|([#:]?[A-Za-z0-9_]+))/y;

function createReader(text: string): Reader {
  if (text.length > 4_096) throw invalid('Invalid expression: Expression size has exceeded the maximum allowed size');
  const tokens: string[] = [];
  tokenPattern.lastIndex = 0;
  const end = text.trimEnd().length;
  while (tokenPattern.lastIndex < end) {
    const match = tokenPattern.exec(text);
    if (!match) throw syntaxError(text);
    tokens.push(match[1] ?? match[2]!);
  }
  let place = 0;
  const skip = (token: string): boolean => {
    if (tokens[place]?.toUpperCase() !== token) return false;
    place++;
    return true;
  };
  return {
    text,
    peek: () => tokens[place],
    next: () => tokens[place++],
    skip,
    take(token) {
      if (!skip(token)) throw syntaxError(text);
    },
  };
}

function readOr(reader: Reader, item: Item, bindings: Bindings): boolean {
  let isHeld = readAnd(reader, item, bindings);
  // Both sides are read whatever the first says: what they name is used.
  while (reader.skip('OR')) isHeld = readAnd(reader, item, bindings) || isHeld;
  return isHeld;
}

function readAnd(reader: Reader, item: Item, bindings: Bindings): boolean {
  let isHeld = readNot(reader, item, bindings);
  while (reader.skip('AND')) isHeld = readNot(reader, item, bindings) && isHeld;
  return isHeld;
}

function readNot(reader: Reader, item: Item, bindings: Bindings): boolean {
  let isNegated = false;
  while (reader.skip('NOT')) isNegated = !isNegated;
  return readClaim(reader, item, bindings) !== isNegated;
}

const claims: Readonly<Record<string, (value: Value | undefined) => boolean>> = {
  attribute_exists: (value) => value !== undefined,
  attribute_not_exists: (value) => value === undefined,
};

function readClaim(reader: Reader, item: Item, bindings: Bindings): boolean {
  if (reader.skip('(')) {
    const isHeld = readOr(reader, item, bindings);
    reader.take(')');
    return isHeld;
  }
  const word = reader.peek() ?? '';
  const claim = Object.hasOwn(claims, word) ? claims[word] : undefined;
  if (claim) {
    reader.take(word.toUpperCase());
    reader.take('(');
    const value = item[readName(reader, bindings)];
    reader.take(')');
    return claim(value);
  }
  if (word === 'begins_with') return readBegins(reader, item, bindings);
  const left = readOperand(reader, item, bindings);
  if (reader.skip('BETWEEN')) {
    const low = readOperand(reader, item, bindings);
    reader.take('AND');
    const high = readOperand(reader, item, bindings);
    return judge('>=', left, low) && judge('<=', left, high);
  }
  const sign = reader.next() ?? '';
  return judge(sign, left, readOperand(reader, item, bindings), reader.text);
}

function readBegins(reader: Reader, item: Item, bindings: Bindings): boolean {
  reader.take('BEGINS_WITH');
  reader.take('(');
  const value = readOperand(reader, item, bindings);
  reader.take(',');
  const start = readOperand(reader, item, bindings);
  reader.take(')');
  if (!value || !start || typeOf(value) !== 'S' || typeOf(start) !== 'S') return false;
  return String(contentOf(value)).startsWith(String(contentOf(start)));
}

/** Nothing is equal to what is not there, and only `<>` holds of it. */
function judge(sign: string, left: Value | undefined, right: Value | undefined, text = ''): boolean {
  if (!['=', '<>', '<', '<=', '>', '>='].includes(sign)) throw syntaxError(text);
  if (!left || !right) return sign === '<>';
  if (sign === '=') return areEqual(left, right);
  if (sign === '<>') return !areEqual(left, right);
  const order = compared(left, right);
  if (order === undefined) return false;
  if (sign === '<') return order < 0;
  if (sign === '<=') return order <= 0;
  return sign === '>' ? order > 0 : order >= 0;
}

function readOperand(reader: Reader, item: Item, bindings: Bindings): Value | undefined {
  const word = reader.peek() ?? '';
  if (word.startsWith(':')) {
    reader.next();
    return bindings.valueOf(word);
  }
  return item[readName(reader, bindings)];
}

const grammar = ['ADD', 'AND', 'BETWEEN', 'DELETE', 'IN', 'NOT', 'OR', 'REMOVE', 'SET'];

/** Of the 573 words that DynamoDB takes only behind a `#`, those that an item of this kind may well have. */
const reserved = [
  ...['COUNT', 'DATA', 'DATE', 'KEY', 'LAST', 'LEVEL', 'LIMIT', 'NAME', 'NEXT', 'OPEN', 'PERCENT', 'STATE', 'STATUS'],
  ...['TIME', 'TIMESTAMP', 'TTL', 'TYPE', 'UUID', 'VALUE'],
];

function readName(reader: Reader, bindings: Bindings): string {
  const word = reader.next() ?? '';
  if (word.startsWith('#')) return bindings.nameOf(word);
  // A full stop or a bracket ends what can be read as a token: a path into an attribute comes to nothing here.
  if (!/^[A-Za-z_]\w*$/.test(word) || grammar.includes(word.toUpperCase())) throw syntaxError(reader.text);
  if (reserved.includes(word.toUpperCase())) {
    throw invalid(`Invalid expression: Attribute name is a reserved keyword; reserved keyword: ${word}`);
  }
  return word;
}

function readSum(reader: Reader, item: Item, bindings: Bindings): Value {
  const left = readValue(reader, item, bindings);
  if (reader.skip('+')) return sumOf(left, readValue(reader, item, bindings), 1);
  if (reader.skip('-')) return sumOf(left, readValue(reader, item, bindings), -1);
  return left;
}

function readValue(reader: Reader, item: Item, bindings: Bindings): Value {
  if (reader.skip('IF_NOT_EXISTS')) {
    reader.take('(');
    const value = item[readName(reader, bindings)];
    reader.take(',');
    const otherwise = readValue(reader, item, bindings);
    reader.take(')');
    return value ?? otherwise;
  }
  const value = readOperand(reader, item, bindings);
  if (!value) throw invalid('The provided expression refers to an attribute that does not exist in the item');
  return value;
}

function sumOf(left: Value, right: Value, sign: 1 | -1): Value {
  if (typeOf(left) !== 'N' || typeOf(right) !== 'N') {
    throw invalid('An operand in the update expression has an incorrect data type');
  }
  return { N: String(Number(contentOf(left)) + sign * Number(contentOf(right))) };
}

function syntaxError(text: string): Error {
  return invalid(`Invalid expression: Syntax error, or not played here: ${text.slice(0, 200)}`);
}
