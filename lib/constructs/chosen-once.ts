import { Annotations, type Stack } from 'aws-cdk-lib/core';
import type { FourWaysStackProps } from '../props';

/**
 * Says at synthesis, of the switches that are on, what a change would do to a cluster that is deployed. An information and
 * not a warning: nothing is wrong with a first deployment.
 */
export function chosenOnce(stack: Stack, { production, spot, zones }: FourWaysStackProps): void {
  const say = (name: string, text: string) => Annotations.of(stack).addInfoV2(`four-ways:${name}`, text);
  const first = 'Choose it before the first deployment';
  if (production)
    say('production', `production=true: ${first}, and keep it: a cluster that is deployed cannot follow.`);
  if (zones) say('zones', `zones=${zones.join(',')}: ${first}, and keep it: subnets cannot move.`);
  if (spot) say('spot', `spot=true: ${first}. Later it replaces the node group, and stops every pod once.`);
}
