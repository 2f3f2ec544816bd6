import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The lint configuration holds the arrows between the folders: it is tried on a project of files made for it. */

const ROOT = path.resolve(__dirname, '..');
const BIOME = path.join(ROOT, 'node_modules/@biomejs/biome/bin/biome');

type Rule = 'noRestrictedImports' | 'noProcessEnv';

/** A file of its own in a folder, and the rule that refuses it. */
interface Case {
  readonly folder: string;
  readonly source: string;
  readonly rule?: Rule;
}

const cases = (folders: readonly string[], sources: readonly string[], rule?: Rule): Case[] =>
  folders.flatMap((folder) => sources.map((source) => ({ folder, source, ...(rule && { rule }) })));

const imports = (...modules: readonly string[]) =>
  modules.map((name) => `import { a } from '${name}'; export const b = a;`);

const RUNTIME = ['workload', 'lambda/resize', 'containers/resizer'];
const INFRASTRUCTURE = ['lib', 'lib/ways/deep'];
const CONTRACT_MODULES = ['node:fs', './keys', '../lib/stack', 'constructs', 'sharp'];

const REFUSED: readonly Case[] = [
  ...cases(
    RUNTIME,
    imports(
      'aws-cdk-lib',
      'aws-cdk-lib/aws-s3',
      '@aws-cdk/lambda-layer-kubectl-v34',
      'constructs',
      '../lib/stack',
      '../../lib/ways/deep/stack',
      '../../tools/local/run',
      '../bin/four-ways',
      '../test/support/events',
    ),
    'noRestrictedImports',
  ),
  ...cases(
    INFRASTRUCTURE,
    imports(
      '../workload/job',
      '../../../workload/env',
      '../workload/contracts',
      '../workload/contract/../job',
      '../lambda/resize/index',
      '../../../tools/build/build',
      '../bin/four-ways',
      '../test/support/events',
    ),
    'noRestrictedImports',
  ),
  // However it is written.
  ...cases(
    ['lib'],
    [
      "import '../workload/job';",
      "import type { A } from '../workload/job'; export type B = A;",
      "import a = require('../workload/job'); export const b = a;",
      "export * from '../workload/job';",
      "export { a } from '../workload/job';",
      "export const a = () => import('../workload/job');",
    ],
    'noRestrictedImports',
  ),
  ...cases(
    ['lib', 'tools/local', 'test'],
    [
      'export const a = process.env.HOME;',
      'export const a = { ...process.env };',
      "import { env } from 'node:process'; export const a = env.HOME;",
    ],
    'noProcessEnv',
  ),
];

const ACCEPTED: readonly Case[] = [
  ...cases(
    RUNTIME,
    imports('./contract', '../../workload/job', '@aws-sdk/lib-storage', 'aws-lambda', 'sharp', 'node:fs'),
  ),
  ...cases(INFRASTRUCTURE, imports('../workload/contract', '../../../workload/contract', './stack', 'node:fs')),
  ...cases(INFRASTRUCTURE, imports('aws-cdk-lib', 'aws-cdk-lib/aws-lambda', 'constructs')),
  ...cases(['tools/local', 'test'], imports('../../workload/job', '../../lambda/resize/index', '../lib/stack')),
  ...cases(['bin', 'workload', 'lambda/resize'], ['export const a = process.env.HOME;']),
];

interface Report {
  readonly diagnostics: readonly {
    readonly category: string;
    readonly severity: string;
    readonly location: { readonly path: string; readonly start: { readonly line: number } };
  }[];
}

let project: string;
beforeAll(() => {
  project = mkdtempSync(path.join(tmpdir(), 'arrows-'));
  for (const name of ['biome.json', '.gitignore']) copyFileSync(path.join(ROOT, name), path.join(project, name));
});
afterAll(() => rmSync(project, { recursive: true }));

/** Lints these files and no others. */
function lint(files: Readonly<Record<string, string>>): { status: number | null; found: Record<string, string[]> } {
  for (const folder of ['workload', 'lambda', 'containers', 'lib', 'tools', 'bin', 'test']) {
    rmSync(path.join(project, folder), { recursive: true, force: true });
  }
  for (const [file, source] of Object.entries(files)) {
    mkdirSync(path.join(project, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(project, file), source);
  }
  const args = ['lint', '--reporter=json', '--max-diagnostics=none', '.'];
  const { status, stdout } = spawnSync(process.execPath, [BIOME, ...args], { cwd: project, encoding: 'utf8' });
  const found: Record<string, string[]> = {};
  for (const { category, severity, location } of (JSON.parse(stdout) as Report).diagnostics) {
    const place = `${location.path.split(path.sep).join('/')}:${location.start.line}`;
    found[place] = [...(found[place] ?? []), `${severity} ${category}`];
  }
  return { status, found };
}

const lintCases = (tried: readonly Case[]) =>
  lint(Object.fromEntries(tried.map(({ folder, source }, index) => [`${folder}/case-${index}.ts`, `${source}\n`])));

/** What is expected of a case, or found of it, as one line to compare. */
const line = ({ folder, source }: Case, complaints: readonly string[] = []) =>
  `${folder}: ${source} -> ${complaints.join() || 'accepted'}`;

describe('the linter', () => {
  test('refuses every import against the arrows, and process.env where it is not read', () => {
    const { status, found } = lintCases(REFUSED);
    expect(REFUSED.map((tried, index) => line(tried, found[`${tried.folder}/case-${index}.ts:1`]))).toEqual(
      REFUSED.map((tried) => line(tried, [`error lint/style/${tried.rule}`])),
    );
    expect(status).toBe(1);
  });

  test('accepts what follows the arrows', () => {
    const { status, found } = lintCases(ACCEPTED);
    expect(ACCEPTED.map((tried, index) => line(tried, found[`${tried.folder}/case-${index}.ts:1`]))).toEqual(
      ACCEPTED.map((tried) => line(tried)),
    );
    expect(status).toBe(0);
  });

  test('lets the contract import nothing at all', () => {
    const lines = [
      ...CONTRACT_MODULES.map((name, index) => `export { a as a${index} } from '${name}';`),
      "import type { A } from './env'; export type B = A;",
      "export const b = () => import('./env');",
    ];
    const { found } = lint({ 'workload/contract.ts': [...lines, 'export const c = 1;', ''].join('\n') });
    expect(found).toEqual(
      Object.fromEntries(
        lines.map((_, index) => [`workload/contract.ts:${index + 1}`, ['error lint/style/noRestrictedImports']]),
      ),
    );
  });
});
