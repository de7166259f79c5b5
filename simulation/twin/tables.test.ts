/** Items and the conditions that they are written under, as DynamoDB documents them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Refusal } from './answer.ts';
import { bindingsIn, holds, updated } from './table-expressions.ts';
import { itemIn, type Item } from './table-values.ts';

const item: Item = { id: { S: 'b' }, revision: { N: '10' }, state: { S: 'OPEN' }, tags: { SS: ['y', 'x'] } };
const bind = (values: object = {}, names: object = {}) =>
  bindingsIn({ ExpressionAttributeValues: values, ExpressionAttributeNames: names });
const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error.response.headers['x-amzn-errortype'] ?? '';
    throw error;
  }
  return 'none';
};

describe('a condition', () => {
  it.each<[string, object, boolean]>([
    ['attribute_exists(id)', {}, true],
    ['attribute_not_exists(id)', {}, false],
    ['attribute_not_exists(other)', {}, true],
    ['revision = :v', { ':v': { N: '10.0' } }, true],
    // As numbers and not as texts.
    ['revision < :v', { ':v': { N: '9' } }, false],
    ['revision > :v', { ':v': { N: '9' } }, true],
    ['revision <= :v', { ':v': { N: '10' } }, true],
    ['revision BETWEEN :v AND :v', { ':v': { N: '10' } }, true],
    // A number is no text.
    ['revision = :v', { ':v': { S: '10' } }, false],
    ['revision < :v', { ':v': { S: '9' } }, false],
    // Of what is not there nothing holds but that it differs.
    ['other = :v', { ':v': { N: '1' } }, false],
    ['other < :v', { ':v': { N: '1' } }, false],
    ['other <> :v', { ':v': { N: '1' } }, true],
    ['tags = :v', { ':v': { SS: ['x', 'y'] } }, true],
    ['begins_with(id, :v)', { ':v': { S: 'b' } }, true],
    ['NOT revision = :v', { ':v': { N: '10' } }, false],
    // AND binds before OR.
    ['attribute_exists(id) OR attribute_exists(other) AND attribute_exists(another)', {}, true],
    ['(attribute_exists(id) OR attribute_exists(other)) AND attribute_exists(another)', {}, false],
  ])('%s of %j is %s', (expression, values, isHeld) => {
    expect(holds(expression, item, bind(values))).toBe(isHeld);
  });

  it.each<[string, string]>([
    ['a reserved word', 'state = :v'],
    ['a path into an attribute', 'id.name = :v'],
    ['an element of a list', 'id[0] = :v'],
    ['two claims with nothing between', 'attribute_exists(id) attribute_exists(id)'],
    ['a parenthesis that stays open', '(attribute_exists(id)'],
    ['a value that nobody gave', 'id = :w'],
    ['a name that nobody gave', '#n = :v'],
    ['nothing', ''],
  ])('is refused for %s', (_, expression) => {
    expect(codeOf(() => holds(expression, item, bind({ ':v': { N: '1' } })))).toBe('ValidationException');
  });

  it('is read or refused, and never breaks', () => {
    const token = fc.constantFrom(
      'id',
      '#n',
      ':v',
      '(',
      ')',
      '=',
      '<>',
      '<',
      'AND',
      'OR',
      'NOT',
      'BETWEEN',
      'attribute_exists',
      ',',
      '.',
      '[0]',
      '+',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        const bindings = bind({ ':v': { N: '1' } }, { '#n': 'state' });
        expect(['none', 'ValidationException']).toContain(codeOf(() => holds(tokens.join(' '), item, bindings)));
      }),
    );
  });
});

describe('an update', () => {
  it('sees the item as it was before, on every right side', () => {
    const values = { ':s': { S: 'CLOSED' }, ':one': { N: '1' } };
    const expression =
      'SET #s = :s, #was = #s, revision = revision + :one, made = if_not_exists(made, :one) REMOVE tags';
    expect(updated(expression, item, bind(values, { '#s': 'state', '#was': 'before' }))).toEqual({
      id: { S: 'b' },
      revision: { N: '11' },
      state: { S: 'CLOSED' },
      before: { S: 'OPEN' },
      made: { N: '1' },
    });
  });

  it('adds to what is not there as to nothing', () => {
    expect(updated('ADD misses :one', item, bind({ ':one': { N: '1' } }))).toMatchObject({ misses: { N: '1' } });
  });

  it.each([
    ['two changes of one attribute', 'SET id = :v REMOVE id'],
    ['a sum of a text', 'SET id = id + :v'],
    ['what is not there', 'SET id = other'],
    ['a clause that is not played', 'DELETE tags :v'],
  ])('is refused for %s', (_, expression) => {
    expect(codeOf(() => updated(expression, item, bind({ ':v': { N: '1' } })))).toBe('ValidationException');
  });
});

it('what was named and not used is refused', () => {
  expect(codeOf(() => bind({ ':v': { N: '1' } }).refuseUnused())).toBe('ValidationException');
  const bindings = bind({ ':v': { N: '1' } });
  holds('attribute_exists(id) OR revision = :v', item, bindings);
  expect(codeOf(() => bindings.refuseUnused())).toBe('none');
});

it.each<[string, unknown]>([
  ['two types', { S: 'a', N: '1' }],
  ['no type', {}],
  ['a number that is one', { N: 1 }],
  ['a text that is no number', { N: 'one' }],
  ['an empty set', { SS: [] }],
  ['a list of what is no value', { L: ['a'] }],
  ['what goes too deep', Array.from({ length: 34 }).reduce<unknown>((inner) => ({ L: [inner] }), { S: 'a' })],
])('%s is no value', (_, value) => {
  expect(codeOf(() => itemIn({ value }))).toBe('ValidationException');
});
