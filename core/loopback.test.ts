import { expect, it } from 'vitest';
import { isLoopback } from './loopback.ts';

it.each(['localhost', '127.0.0.1', '127.255.255.255', '::1', '[::1]'])('%s is this machine', (host) =>
  expect(isLoopback(host)).toBe(true),
);

it.each([
  '0.0.0.0',
  '::',
  '128.0.0.1',
  '126.255.255.255',
  '127.0.0',
  '127.0.0.256', // a name to be looked up, not an address
  '127.0.0.1.example.com',
  'localhost.example.com',
  'LOCALHOST\n',
  '',
])('%j is not', (host) => expect(isLoopback(host)).toBe(false));
