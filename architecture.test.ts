/**
 * Keeps the picture of the system true: reads every import of every source file against the table of who may import whom, and looks for
 * clocks, dice and sockets where judgement is made.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

interface Row {
  readonly folder: string;
  /** Folders, or files by a pattern with one `*`. A folder always knows itself. */
  readonly imports: readonly string[] | 'everything';
  readonly andSo: string;
}

const parts = ['core', 'calendar', 'models', 'store', 'collectors', 'actuators', 'forecaster', 'detector', 'config'];

const table: readonly Row[] = [
  { folder: 'core', imports: [], andSo: 'any file can be read knowing only these words' },
  { folder: 'calendar', imports: ['core'], andSo: 'a calendar is facts, and nothing else' },
  { folder: 'models', imports: ['core'], andSo: 'a model runs in a notebook' },
  { folder: 'store', imports: ['core'], andSo: 'a store keeps bytes without knowing what they decide' },
  { folder: 'simulation/twin', imports: ['core'], andSo: 'the twin is a second opinion' },
  { folder: 'collectors', imports: ['core', 'calendar'], andSo: 'a source can be swapped' },
  { folder: 'actuators', imports: ['core', 'calendar'], andSo: 'an actuator can be swapped' },
  {
    folder: 'forecaster',
    imports: ['core', 'models', 'calendar'],
    andSo: 'it does not know how actions are carried out',
  },
  {
    folder: 'detector',
    imports: ['core', 'models', 'calendar'],
    andSo: 'it does not know how actions are carried out',
  },
  { folder: 'config', imports: ['core', '*/index.ts'], andSo: 'options arrive in the parts as plain values' },
  { folder: 'service', imports: parts, andSo: 'it is the only place where the parts meet in production' },
  { folder: 'simulation/policies', imports: 'everything', andSo: 'no part knows of it' },
  { folder: 'simulation/world', imports: 'everything', andSo: 'no part knows of it' },
  { folder: 'clients', imports: [], andSo: 'functions carry it without the rest of us' },
  { folder: 'cli', imports: 'everything', andSo: 'no part knows of it' },
  { folder: 'bench', imports: 'everything', andSo: 'no part knows of it' },
];

/** Pure judgement: the world is handed to it. Prefixes of paths. */
const judgement = [
  'core/',
  'calendar/',
  'models/',
  'forecaster/',
  'detector/',
  'actuators/gate',
  'actuators/pursuit',
  'service/engine',
];

/** The edges, which may ask for the time of day and throw dice. Everybody else, in a test as well, takes both as arguments. */
const edges = ['service/real-time.ts', 'service/log.ts', 'cli/', 'bench/'];

/** Builtins that compute and do not reach out. */
const builtinsForJudgement = ['node:crypto'];

const globalsOfTheWorld = [
  'process',
  'performance',
  'crypto',
  'fetch',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'globalThis',
];

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};

/** What breaks the rules in one file, a sentence each. `file` is its path from the root, with slashes. */
function findBreaches(file: string, text: string): readonly string[] {
  const row = table.find(({ folder }) => file.startsWith(`${folder}/`));
  if (!row) return [`${file} lies in a folder without a row in the table`];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const isTest = /\.(?:test|contract)\.ts$/.test(file);
  const isJudgement = judgement.some((prefix) => file.startsWith(prefix));
  const isEdge = edges.some((prefix) => file.startsWith(prefix));
  const breaches: string[] = [];
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    const breach =
      specifier === undefined
        ? ((isEdge ? undefined : breachOfReplay(node)) ?? (isJudgement ? breachOfPurity(node) : undefined))
        : breachOfImport({ file, row, specifier, isTest, isJudgement });
    if (breach !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      breaches.push(`${file}:${line + 1} ${breach}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return breaches;
}

/** What is imported, exported from, or named in a type: `import x`, `export from`, `import()`, `typeof import()`. */
function specifierOf(node: ts.Node): string | undefined {
  const named =
    ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
      ? node.moduleSpecifier
      : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
        ? node.arguments[0]
        : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
          ? node.argument.literal
          : undefined;
  if (named === undefined) return undefined;
  // A path that is computed cannot be read against a table.
  return ts.isStringLiteralLike(named) ? named.text : '(a computed path)';
}

interface Import {
  readonly file: string;
  readonly row: Row;
  readonly specifier: string;
  readonly isTest: boolean;
  readonly isJudgement: boolean;
}

function breachOfImport({ file, row, specifier, isTest, isJudgement }: Import): string | undefined {
  if (specifier.startsWith('.')) {
    const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
    if (row.imports === 'everything' || [row.folder, ...row.imports].some((allowed) => lies(target, allowed))) return;
    return `imports ${target}: ${row.folder} imports ${row.imports.join(', ') || 'nothing'}, and so ${row.andSo}`;
  }
  if (isBuiltin(specifier)) {
    if (!specifier.startsWith('node:')) return `imports ${specifier} without node: before it`;
    if (isTest || !isJudgement || (builtinsForJudgement.includes(specifier) && row.folder !== 'core')) return;
    return `imports ${specifier}: judgement is handed what it needs`;
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  if (isTest || row.folder === 'bench') {
    return name in manifest.devDependencies || name in manifest.dependencies
      ? undefined
      : `imports ${name}, which nobody installs`;
  }
  if (row.folder === 'core') return `imports ${name}: core imports nothing`;
  return name in manifest.dependencies ? undefined : `imports ${name}, which is no dependency of the published package`;
}

function lies(target: string, allowed: string): boolean {
  if (allowed.startsWith('*/')) return target.split('/').slice(1).join('/') === allowed.slice(2);
  return target.startsWith(`${allowed}/`);
}

/** The clock and the dice: what reads them cannot be replayed. Looks at the names themselves, so that no alias slips through. */
function breachOfReplay(node: ts.Node): string | undefined {
  if (!ts.isIdentifier(node) || isMerelyAName(node)) return undefined;
  const { parent } = node;
  const member = ts.isPropertyAccessExpression(parent) ? parent.name.text : undefined;
  if (node.text === 'Date') {
    const isGivenATime = ts.isNewExpression(parent) && (parent.arguments?.length ?? 0) > 0;
    if (!isGivenATime && member !== 'UTC' && member !== 'parse') return 'reads the clock (Date): take nowMs';
  }
  if (node.text === 'Math' && (member === undefined || member === 'random'))
    return 'throws dice (Math.random): take a Random';
  return undefined;
}

/** The environment, the network, timers. */
function breachOfPurity(node: ts.Node): string | undefined {
  if (!ts.isIdentifier(node) || isMerelyAName(node) || !globalsOfTheWorld.includes(node.text)) return undefined;
  return `reaches for ${node.text}: judgement is handed what it needs`;
}

/** The name of a member, of a key, of something declared here, or of a type: not the global of that name. */
function isMerelyAName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isShorthandPropertyAssignment(parent)) return false;
  if (ts.isTypeReferenceNode(parent) || ts.isQualifiedName(parent)) return true;
  return 'name' in parent && parent.name === node;
}

function readSources(): readonly { readonly file: string; readonly text: string }[] {
  const root = import.meta.dirname;
  const folders = readdirSync(root, { withFileTypes: true }).filter(
    (entry) =>
      entry.isDirectory() && !entry.name.startsWith('.') && !['node_modules', 'dist', 'coverage'].includes(entry.name),
  );
  return folders.flatMap(({ name: folder }) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.split(path.sep).includes('node_modules'))
      .map((name) => ({
        file: path.posix.join(folder, name.replaceAll(path.sep, '/')),
        text: readFileSync(path.join(root, folder, name), 'utf8'),
      })),
  );
}

it('every source file keeps to the table', () => {
  const sources = readSources();
  expect(sources.length).toBeGreaterThan(50);
  expect(sources.flatMap(({ file, text }) => findBreaches(file, text))).toEqual([]);
});

describe('the check itself', () => {
  it.each([
    [
      'a part that knows another',
      'forecaster/x.ts',
      `import { gate } from '../actuators/gate.ts';`,
      'imports actuators/gate.ts',
    ],
    [
      'even for a type',
      'models/x.ts',
      `import type { Forecast } from '../forecaster/forecaster.ts';`,
      'imports forecaster/forecaster.ts',
    ],
    ['or in a type', 'models/x.ts', `type F = import('../calendar/event.ts').F;`, 'imports calendar/event.ts'],
    ['or by passing on', 'core/x.ts', `export * from '../calendar/event.ts';`, 'imports calendar/event.ts'],
    [
      'or late',
      'service/x.ts',
      `const twin = await import('../simulation/twin/twin.ts');`,
      'imports simulation/twin/twin.ts',
    ],
    ['or by a path made up on the way', 'core/x.ts', 'await import(`../${name}`);', 'imports (a computed path)'],
    [
      'the twin reading our prices',
      'simulation/twin/x.ts',
      `import { prices } from '../../config/schema.ts';`,
      'imports config/schema.ts',
    ],
    [
      'a test beside a part, like the part',
      'store/x.test.ts',
      `import { plan } from '../forecaster/planner.ts';`,
      'imports forecaster/planner.ts',
    ],
    [
      'config reaching past an index',
      'config/x.ts',
      `import { x } from '../detector/breaker.ts';`,
      'imports detector/breaker.ts',
    ],
    ['a package in core', 'core/x.ts', `import { z } from 'zod';`, 'core imports nothing'],
    ['a tool in production', 'models/x.ts', `import fc from 'fast-check';`, 'no dependency of the published package'],
    ['a package from nowhere', 'models/x.test.ts', `import x from 'left-pad';`, 'which nobody installs'],
    ['a file read by judgement', 'models/x.ts', `import { readFileSync } from 'node:fs';`, 'imports node:fs'],
    ['a builtin in disguise', 'store/x.ts', `import { readFileSync } from 'fs';`, 'without node:'],
    ['the clock', 'forecaster/x.ts', 'const nowMs = Date.now();', 'reads the clock'],
    ['the clock, anew', 'core/x.ts', 'const now = new Date();', 'reads the clock'],
    ['the clock, renamed', 'core/x.ts', 'const { now } = Date;', 'reads the clock'],
    ['the other clock', 'calendar/x.ts', 'performance.now();', 'reaches for performance'],
    ['the clock, in a twin that runs on a virtual one', 'simulation/twin/x.ts', 'Date.now();', 'reads the clock'],
    ['dice', 'models/x.ts', 'Math.random();', 'throws dice'],
    ['the clock, packed up', 'core/x.ts', 'const world = { Date };', 'reads the clock'],
    ['dice, renamed', 'models/x.ts', 'const { random } = Math;', 'throws dice'],
    ['the environment', 'actuators/gate.ts', `process.env['X'];`, 'reaches for process'],
    ['a timer', 'detector/x.ts', 'setTimeout(run, 1);', 'reaches for setTimeout'],
    ['a folder that nobody placed', 'utilities/x.ts', '', 'without a row'],
  ])('finds %s', (_, file, text, sentence) => {
    const breaches = findBreaches(file, text);
    expect(breaches).toHaveLength(1);
    expect(breaches[0]).toContain(sentence);
  });

  it.each([
    ['what the table grants', 'forecaster/x.ts', `import { quantile } from '../models/quantile.ts';`],
    ['a folder to itself', 'simulation/twin/x.ts', `import { limits } from './limits.ts';`],
    ['an index to config', 'config/x.ts', `import { detectors } from '../detector/index.ts';`],
    [
      'tools to tests and contract suites',
      'models/model.contract.ts',
      `import { it } from 'vitest';\nimport { readFileSync } from 'node:fs';`,
    ],
    ['everything to the command line', 'cli/x.ts', `import { twin } from '../simulation/twin/twin.ts';`],
    [
      'instants that are given',
      'core/x.ts',
      'const day = new Date(atMs).getUTCDay() + Date.UTC(2026, 1) + Math.max(1, 2);',
    ],
    ['members and keys of the same names', 'core/x.ts', 'const x = { process: 1, fetch(Date: number) {} }; x.process;'],
    ['a clock to the edge', 'service/real-time.ts', 'const nowMs = Date.now();'],
    ['hashes to judgement', 'models/x.ts', `import { createHash } from 'node:crypto';`],
    [
      'an import in a comment or a text',
      'core/x.ts',
      `// import '../cli/main.ts'\nconst text = "import '../cli/main.ts'";`,
    ],
  ])('leaves %s', (_, file, text) => expect(findBreaches(file, text)).toEqual([]));
});
