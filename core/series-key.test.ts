import { expect, it } from 'vitest';
import { functionKeyOf, parseFunctionKey } from './series-key.ts';

it.each([
  {
    text: '123456789012/us-east-1/orders-validate:live',
    region: 'us-east-1',
    functionName: 'orders-validate',
    alias: 'live',
  },
  { text: '000000000001/us-gov-west-1/a:1a', region: 'us-gov-west-1', functionName: 'a', alias: '1a' },
  {
    text: `123456789012/eu-central-2/${'f'.repeat(64)}:${'a'.repeat(128)}`,
    region: 'eu-central-2',
    functionName: 'f'.repeat(64),
    alias: 'a'.repeat(128),
  },
])('splits $text and puts it together again', ({ text, ...parts }) => {
  const name = parseFunctionKey(text);
  expect(name).toMatchObject(parts);
  expect(functionKeyOf(name!)).toBe(text);
});

it.each([
  { name: 'no alias', text: '123456789012/us-east-1/orders' },
  { name: '$LATEST, which cannot hold provisioned concurrency', text: '123456789012/us-east-1/orders:$LATEST' },
  { name: 'a version for an alias', text: '123456789012/us-east-1/orders:42' },
  { name: 'an account of 11 digits', text: '12345678901/us-east-1/orders:live' },
  { name: 'an account of 13 digits', text: '1234567890123/us-east-1/orders:live' },
  { name: 'a zone for a region', text: '123456789012/us-east-1a/orders:live' },
  { name: 'a function name of 65 characters', text: `123456789012/us-east-1/${'f'.repeat(65)}:live` },
  { name: 'an alias of 129 characters', text: `123456789012/us-east-1/orders:${'a'.repeat(129)}` },
  { name: 'an ARN', text: 'arn:aws:lambda:us-east-1:123456789012:function:orders:live' },
  { name: 'a path that climbs', text: '123456789012/us-east-1/../orders:live' },
  { name: 'a line more', text: '123456789012/us-east-1/orders:live\n' },
])('refuses $name', ({ text }) => {
  expect(parseFunctionKey(text)).toBeUndefined();
});
