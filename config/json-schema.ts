/**
 * The schema for editors, made from the one that checks the file. Run as a program it writes `foreshock.schema.json` beside itself:
 *
 *     node config/json-schema.ts
 *
 * Rules that span keys are not in it: `foreshock config check` knows them.
 */
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { configSchema } from './schema.ts';

/** Draft 7, which every editor's YAML plug-in understands. */
export function renderJsonSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { target: 'draft-7', io: 'input' });
  return `${JSON.stringify({ $schema, title: 'foreshock.yaml', ...schema }, null, 2)}\n`;
}

if (import.meta.main) writeFileSync(new URL('foreshock.schema.json', import.meta.url), renderJsonSchema());
