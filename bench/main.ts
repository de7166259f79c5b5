/** `npm run bench -- NAME [flags]`: one canonical workload each. A figure comes with its data, seed, versions, and a ratio to a peer from the same run. */
const names = ['csv', 'fit', 'forecast', 'store'] as const;

const [name, ...args] = process.argv.slice(2);
const known = names.find((candidate) => candidate === name);
if (known) {
  const bench = (await import(`./${known}.ts`)) as { run(args: readonly string[]): Promise<void> };
  await bench.run(args);
} else {
  process.stderr.write(`bench: ${name === undefined ? 'name one' : `there is no "${name}"`}: ${names.join(', ')}\n`);
  process.exitCode = 2;
}
