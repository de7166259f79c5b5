/** The release that runs, as package.json names it: written into the audit log at each start. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The package's folder, from a clone (service/) as from the built package (dist/service/). */
const packageFolder = [path.join(import.meta.dirname, '..'), path.join(import.meta.dirname, '..', '..')].find(
  (folder) => isPackage(folder),
)!;

export const release = (
  JSON.parse(readFileSync(path.join(packageFolder, 'package.json'), 'utf8')) as { version: string }
).version;

export const webFolder = path.join(packageFolder, 'web');

function isPackage(folder: string): boolean {
  try {
    return (
      (JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { name?: string }).name === 'foreshock'
    );
  } catch {
    return false;
  }
}
