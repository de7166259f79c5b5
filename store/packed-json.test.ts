import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Json } from '../core/json.ts';
import { packJson, unpackJson } from './packed-json.ts';

const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.constant(-0),
);
const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    number,
    fc.array(number),
    fc.constantFrom(null, true, false),
    fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
    fc.array(tie('value')),
    fc.dictionary(fc.constantFrom('a', 'b', 'a,b', ',', 'é', 'toString'), tie('value'), { noNullPrototype: true }),
  ),
}));

it('gives back what it was given, every number to the bit', () => {
  fc.assert(
    fc.property(fc.array(value), (values) => {
      expect([...unpackJson(packJson(values))]).toStrictEqual(values);
    }),
  );
});

it('leaves out members without a value, as JSON does', () => {
  expect([...unpackJson(packJson([{ a: undefined, b: 1 } as unknown as Json]))]).toStrictEqual([{ b: 1 }]);
  expect(() => packJson([NaN])).toThrow('finite');
  expect(() => packJson([[1, Infinity]])).toThrow('finite');
});

// Goal: neither side holds more than a piece. Method: many pieces' worth of values, taken as they come.
it('gives back values that fill many pieces, as they come', () => {
  const values = Array.from({ length: 60 }, (_, index) => ({
    name: `key ${index}`,
    numbers: Array.from({ length: 10_000 }, (__, place) => Math.sqrt(index * place)),
  }));
  let madeCount = 0;
  const packed = packJson(
    (function* () {
      for (const one of values) {
        madeCount++;
        yield one;
      }
    })(),
  );
  expect(madeCount).toBe(60);
  const read = unpackJson(packed);
  expect(read.next().value).toEqual(values[0]);
  expect([...read]).toEqual(values.slice(1));
});

it('refuses bytes that end too soon', () => {
  const packed = packJson([{ a: [1, 2, 3], b: 'text' }]);
  for (let length = 1; length < packed.length; length++)
    expect(() => [...unpackJson(packed.subarray(0, length))]).toThrow();
});
