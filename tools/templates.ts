import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { App } from 'aws-cdk-lib/core';
import { context } from '../cdk.json';
import { DIST } from '../lib/constructs/bundle';
import { withoutFalseAlarm } from '../lib/constructs/false-alarm';
import { Ec2Stack } from '../lib/ec2-stack';
import { EcsFargateStack } from '../lib/ecs-fargate-stack';
import { EksEc2Stack } from '../lib/eks-ec2-stack';
import { LambdaStack } from '../lib/lambda-stack';
import type { FourWaysStackProps } from '../lib/props';
import type { Compute } from '../workload/contract';
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
 * Synthesizes the four stacks in this process, with the feature flags of cdk.json. Bundles are stood in for by empty
 * folders: nothing here reads them, and they need not have been built.
 */
export function templates(props: FourWaysStackProps = {}, suffix = ''): Record<Compute, Template> {
  const folder = temporaryFolder();
  try {
    const dist = path.join(folder, 'dist');
    for (const name of ['lambda-arm64', 'worker-arm64', 'image-arm64']) {
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
    const stacks = {
      ec2: new Ec2Stack(app, `ResizeOnEc2${suffix}`, props),
      lambda: new LambdaStack(app, `ResizeOnLambda${suffix}`, props),
      'ecs-fargate': new EcsFargateStack(app, `ResizeOnEcsFargate${suffix}`, props),
      'eks-ec2': new EksEc2Stack(app, `ResizeOnEksEc2${suffix}`, props),
    };
    const assembly = app.synth();
    const entries = Object.entries(stacks).map(([compute, stack]) => [
      compute,
      assembly.getStackArtifact(stack.artifactId).template,
    ]);
    return Object.fromEntries(entries);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
