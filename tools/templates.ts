import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { App } from 'aws-cdk-lib/core';
import { context } from '../cdk.json';
import { BUNDLES, DIST } from '../lib/constructs/bundle';
import { withoutFalseAlarm } from '../lib/constructs/false-alarm';
import type { FourWaysStackProps } from '../lib/props';
import { defineStacks } from '../lib/stacks';
import { COMPUTES, type Compute } from '../workload/contract';
import { temporaryFolder } from './files';

withoutFalseAlarm();

/** A CloudFormation template, as far as it is read here. */
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
}

export interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: as deep and as varied as CloudFormation.
  readonly Properties: any;
  /** What it waits for, beside what it refers to. */
  readonly DependsOn?: string | readonly string[];
  /** Under which it is made at all. */
  readonly Condition?: string;
}

/**
 * Synthesizes the stacks in this process, with the feature flags of cdk.json. Bundles are stood in for by empty
 * folders: nothing here reads them, and they need not have been built.
 */
export function templates<Way extends Compute = Compute>(
  props: FourWaysStackProps = {},
  suffix = '',
  ways = COMPUTES as readonly string[] as readonly Way[],
): Record<Way, Template> {
  const folder = temporaryFolder();
  try {
    const dist = path.join(folder, 'dist');
    for (const name of BUNDLES) {
      mkdirSync(path.join(dist, name), { recursive: true });
      writeFileSync(path.join(dist, name, 'Dockerfile'), '');
    }
    const app = new App({
      context: { ...context, [DIST]: dist },
      outdir: path.join(folder, 'out'),
      analyticsReporting: false,
      // `cdk synth` validates; this only reads.
      builtinCloudFormationValidation: false,
    });
    const stacks = defineStacks(app, props, suffix, ways);
    const assembly = app.synth();
    const entries = [...stacks].map(([way, { artifactId }]) => [way, assembly.getStackArtifact(artifactId).template]);
    return Object.fromEntries(entries) as Record<Way, Template>;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
