#!/usr/bin/env node
// Starts Foreshock under Node 24 or later, whatever Node started this file: TypeScript is run as it is, which older ones cannot.
// Runs dist/ where the package was built, else cli/ as it stands in a clone.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.resolve(path.dirname(realpathSync(fileURLToPath(import.meta.url))), '..');
const nodeMajorMin = 24;
const nodeMajor = Number(process.versions.node.split('.')[0]);

if (nodeMajor < nodeMajorMin) {
  const node = path.join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (!existsSync(node)) {
    process.stderr.write(
      `foreshock: Node ${process.versions.node} is too old: install Node ${nodeMajorMin} or later, or run "npm ci" in a clone, which brings it\n`,
    );
    process.exit(2);
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // What ended by a signal is told as a shell tells it: raised again here, the signal would meet our own listener and be lost.
  child.on('exit', (code, signal) => process.exit(signal ? 128 + os.constants.signals[signal] : code));
} else {
  const built = path.join(root, 'dist', 'cli', 'main.js');
  const main = existsSync(built) ? built : path.join(root, 'cli', 'main.ts');
  await import(pathToFileURL(main).href);
}
