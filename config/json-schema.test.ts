import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { renderJsonSchema } from './json-schema.ts';

const committed = readFileSync(new URL('foreshock.schema.json', import.meta.url), 'utf8');

it('the committed schema is the one that the loader checks by (else: node config/json-schema.ts)', () => {
  expect(committed).toBe(renderJsonSchema());
});

it('an editor accepts every example, and marks a misspelt key, a missing one and two spill targets', () => {
  const schema = z.fromJSONSchema(JSON.parse(committed) as z.core.JSONSchema.JSONSchema);
  const folder = new URL('examples/', import.meta.url);
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.yaml'))) {
    const text = readFileSync(new URL(name, folder), 'utf8');
    expect(schema.safeParse(parse(text)).error, name).toBeUndefined();
    expect(schema.safeParse(parse(text.replace('memoryMb', 'memoryMB'))).success).toBe(false);
    expect(schema.safeParse(parse(text.replace('usdPerEventMax', '# '))).success).toBe(false);
    expect(
      schema.safeParse(parse(text.replace('spilloverRatioMax', 'usdPerColdStart: 1\n    spilloverRatioMax'))).success,
    ).toBe(false);
  }
});

it('every setting says what it is', () => {
  const undescribed: string[] = [];
  const walk = (node: z.core.JSONSchema.JSONSchema, path: string): void => {
    for (const [key, child] of Object.entries(node.properties ?? {})) {
      const at = `${path}.${key}`;
      const inner = child as z.core.JSONSchema.JSONSchema;
      if (inner.description === undefined) undescribed.push(at);
      walk(inner, at);
      if (inner.items !== undefined) walk(inner.items as z.core.JSONSchema.JSONSchema, `${at}[]`);
    }
  };
  walk(JSON.parse(committed) as z.core.JSONSchema.JSONSchema, '');
  expect(undescribed).toEqual([]);
});
