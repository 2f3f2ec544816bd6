import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import * as cdk from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { acknowledge } from '../../lib/acknowledgements';
import { BUNDLES, DIST } from '../../lib/constructs/bundle';
import { withoutFalseAlarm } from '../../lib/constructs/false-alarm';
import type { FourWaysStackProps } from '../../lib/props';
import { defineStacks, type STACKS } from '../../lib/stacks';
import { WAYS as LIST } from '../../lib/ways';
import { COMPUTES, type Compute } from '../../workload/contract';
import { type Json, plain, type Template } from './plain';

export type { Json, Resource, Template } from './plain';
export { plain };

withoutFalseAlarm();

/** The only place where tests build an app. No network, no credentials, no Docker, and no bundles built before. */

const ROOT = path.resolve(__dirname, '../..');

export const WAYS = COMPUTES;
export type Way = Compute;

/** What the reader may decide. */
export type Settings = Pick<FourWaysStackProps, 'production' | 'spot' | 'zones' | 'clusterAdmin' | 'alarmEmail'>;

/** The settings that most tests look at, by name. */
export const SETTINGS = {
  default: {},
  production: { production: true },
  spot: { spot: true },
} as const satisfies Record<string, Settings>;

export interface Synthesized {
  /** With references as text, see {@link plain}. */
  readonly template: Template;
  /** What CDK's command line tells whoever deploys it. */
  readonly notes: readonly string[];
  /** What is uploaded with it. */
  readonly assets: { readonly files: Record<string, Json>; readonly dockerImages: Record<string, Json> };
}

let folder: string | undefined;
let folders = 0;
afterAll(() => {
  if (folder) rmSync(folder, { recursive: true });
});

/** A new directory that ends with the test file. */
function scratch(): string {
  folder ??= mkdtempSync(path.join(tmpdir(), 'four-ways-synth-'));
  folders += 1;
  const directory = path.join(folder, String(folders));
  mkdirSync(directory);
  return directory;
}

const bundles = new Map<string, string>();

/** A `dist` folder in which every bundle is one file of this content. */
function stubBundles(content: string): string {
  const known = bundles.get(content);
  if (known) return known;
  const dist = scratch();
  for (const name of BUNDLES) {
    mkdirSync(path.join(dist, name));
    writeFileSync(path.join(dist, name, 'index.js'), content);
  }
  for (const name of ['image-arm64', 'image-x64']) {
    writeFileSync(path.join(dist, name, 'Dockerfile'), 'FROM scratch\nCOPY index.js /\n');
  }
  bundles.set(content, dist);
  return dist;
}

/** The context of `cdk.json`, feature flags first of all: without it tests would look at another template. */
function context(content: string): Record<string, unknown> {
  const { context: flags } = JSON.parse(readFileSync(path.join(ROOT, 'cdk.json'), 'utf8'));
  // Assets are hashed but not copied: the kubectl layer alone is 59 MB.
  return { ...flags, [DIST]: stubBundles(content), 'aws:cdk:disable-asset-staging': true };
}

function build(
  ways: readonly Way[],
  settings: Settings,
  { content = 'one', validation = false, suffixes = [''], define = defineStacks } = {},
) {
  const { app, outdir } = newApp(content, validation);
  const props = { ...settings, tags: { project: 'four-ways' } };
  const stacks = suffixes.flatMap((suffix) => [...define(app, props, suffix, ways)]);
  return { app, stacks, outdir };
}

function newApp(content = 'one', validation = false) {
  const outdir = scratch();
  const app = new cdk.App({
    context: context(content),
    outdir,
    // Takes longer than everything else together: see `audit`.
    builtinCloudFormationValidation: validation,
    stackTraces: validation,
    analyticsReporting: false,
    treeMetadata: false,
  });
  return { app, outdir };
}

/** The template of any stack of this kind, such as a copy of ours, under any name. References are as they are. */
export function templateOf(Stack: (typeof STACKS)[Way], id: string, settings: Settings): Template {
  const { app, outdir } = newApp();
  new Stack(app, id, settings);
  app.synth();
  return JSON.parse(readFileSync(path.join(outdir, `${id}.template.json`), 'utf8'));
}

const cache = new Map<string, Synthesized>();

/** Synthesizes one stack, once per test file. The bundles are stubs of the given content. */
export function synth(way: Way, settings: Settings = {}, content = 'one'): Synthesized {
  const key = JSON.stringify([way, settings, content]);
  const known = cache.get(key);
  if (known) return known;
  const { app, stacks, outdir } = build([way], settings, { content });
  app.synth();
  const read = (kind: string) => JSON.parse(readFileSync(path.join(outdir, `${LIST[way].stack}.${kind}.json`), 'utf8'));
  const notes = stacks.flatMap(([, { node }]) => node.metadata.filter(({ type }) => type === 'aws:cdk:info'));
  const synthesized = {
    template: plain(read('template')) as Template,
    notes: notes.map(({ data }) => String(data)),
    assets: read('assets'),
  };
  cache.set(key, synthesized);
  return synthesized;
}

/** One replacement in a file of the repository. */
export interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A copy of what a stack is made of, with one change of its text. */
function changedSources({ file, from, to }: Change): string {
  const copy = scratch();
  for (const each of ['lib', 'workload']) cpSync(path.join(ROOT, each), path.join(copy, each), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
  const parts = readFileSync(path.join(copy, file), 'utf8').split(from);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times, and not once: ${from}`);
  writeFileSync(path.join(copy, file), parts.join(to));
  return copy;
}

/** Defines one stack from a copy of the sources with one change. */
const buildChanged = (way: Way, settings: Settings, change: Change, options: { validation?: boolean } = {}) => {
  const stacks = path.join(changedSources(change), 'lib/stacks');
  const { defineStacks: define } = jest.requireActual<typeof import('../../lib/stacks')>(stacks);
  return build([way], settings, { ...options, define });
};

/**
 * Synthesizes one stack for CDK's command line, which takes the folder as its `--app`.
 * @param change of its sources, where it is not the stack as it is
 * @returns the folder, with `<Stack>.template.json` in it
 */
export function assemble(way: Way, settings: Settings = {}, change?: Change): string {
  const { app, outdir } = change ? buildChanged(way, settings, change) : build([way], settings);
  app.synth();
  return outdir;
}

/** What CloudFormation's rules have against a stack after a change of its sources, each as JSON. */
export function refusals(way: Way, change: Change): string[] {
  const { app, outdir } = buildChanged(way, {}, change, { validation: true });
  return violationsOf(app, outdir);
}

/** Synthesizes an app. @returns what its validation finds */
function violationsOf(app: cdk.App, outdir: string): string[] {
  const report = path.join(outdir, 'validation-report.json');
  try {
    app.synth();
  } catch (error) {
    // The error only counts what the report lists.
    if (!existsSync(report)) throw error;
  }
  const { pluginReports } = JSON.parse(readFileSync(report, 'utf8'));
  return pluginReports.flatMap((each: Json) => each.violations.map((one: Json) => JSON.stringify(one)));
}

/** What CloudFormation's validation and cdk-nag have to say about the stacks. */
export interface Audit {
  /** Everything, beyond what is acknowledged. */
  readonly violations: string[];
  /** What cdk-nag finds, and what is acknowledged, by ids without the name of the rule pack. */
  readonly found: Record<Way, string[]>;
  readonly acknowledged: Record<Way, string[]>;
}

const audits = new Map<Settings, Audit>();

/** Validates the stacks in one app, as `cdk synth` does, once for each settings. */
export function audit(settings: Settings): Audit {
  const known = audits.get(settings);
  if (known) return known;
  const { app, stacks, outdir } = build(WAYS, settings, { validation: true });
  const byWay = (ids: (stack: cdk.Stack) => string[]) =>
    Object.fromEntries(
      stacks.map(([way, stack]) => [way, ids(stack).flatMap((id) => /AwsSolutions-(.*)/.exec(id)?.[1] ?? [])]),
    ) as Record<Way, string[]>;
  const nag = new AwsSolutionsChecks();
  const found = byWay((stack) => nag.validateScope(stack).violations.map(({ ruleName }) => ruleName));
  for (const [way, stack] of stacks) acknowledge(way, stack);
  const acknowledged = byWay((stack) =>
    stack.node.metadata
      .filter(({ type }) => type === cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.keys(data)),
  );
  cdk.Validations.of(app).addPlugins(nag);
  const violations = violationsOf(app, outdir);
  const audited = { violations, found, acknowledged };
  audits.set(settings, audited);
  return audited;
}

/**
 * All stacks and a second copy of each beside them, validated by cdk-nag as `cdk synth` does.
 * @throws Error when it finds anything that is not acknowledged
 */
export function synthTwice(suffix: string): Record<Way, readonly [first: Template, second: Template]> {
  const suffixes = ['', suffix];
  const { app, stacks, outdir } = build(WAYS, {}, { suffixes });
  for (const [way, stack] of stacks) acknowledge(way, stack);
  cdk.Validations.of(app).addPlugins(new AwsSolutionsChecks());
  app.synth();
  const read = (way: Way) =>
    suffixes.map((each) =>
      plain(JSON.parse(readFileSync(path.join(outdir, `${LIST[way].stack}${each}.template.json`), 'utf8'))),
    );
  return Object.fromEntries(WAYS.map((way) => [way, read(way)])) as Record<Way, [Template, Template]>;
}

/** What a run of the app came to. */
export interface AppRun {
  readonly status: number | null;
  readonly stderr: string;
  /** The tags that CloudFormation puts on everything in a stack. */
  tags(way: Way): Json;
  template(way: Way): Template;
}

/**
 * Runs `bin/app.ts` as `cdk synth` does, on stub bundles, in an environment that has nothing else in it: no PATH, no
 * credentials, no Docker.
 */
export async function runApp(settings: Readonly<Record<string, string>>): Promise<AppRun> {
  const outdir = scratch();
  const app = spawn(process.execPath, ['bin/start.cjs', 'bin/app.ts'], {
    cwd: ROOT,
    env: {
      CDK_OUTDIR: outdir,
      CDK_CONTEXT_JSON: JSON.stringify({ ...context('one'), ...settings, 'aws:cdk:version-reporting': false }),
      // `audit` has it.
      CDK_VALIDATION: 'false',
    },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const [stderr, [status]] = await Promise.all([text(app.stderr), once(app, 'close')]);
  const read = (file: string) => JSON.parse(readFileSync(path.join(outdir, file), 'utf8'));
  return {
    status,
    stderr,
    tags: (way) => read('manifest.json').artifacts[LIST[way].stack].properties.tags,
    template: (way) => plain(read(`${LIST[way].stack}.template.json`)) as Template,
  };
}
