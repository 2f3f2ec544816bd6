import { readFileSync } from 'node:fs';
import path from 'node:path';
import { synth } from '../support/synth';
import { Column } from './column';
import { snapshotOf } from './snapshot';

snapshotOf('eks-ec2');

test.each([
  [{}, []],
  [{ production: true }, [/^production=true: .*before the first deployment/]],
  [{ spot: true }, [/^spot=true: .*before the first deployment.*replaces the node group/]],
  [{ zones: ['a', 'c'] }, [/^zones=a,c: .*before the first deployment/]],
])('what %j would do to a cluster that is deployed is said at synthesis', (settings, said) => {
  expect(synth('eks-ec2', settings).notes).toEqual(said.map((text) => expect.stringMatching(text)));
});

describe('docs/eks-ec2.md', () => {
  const page = readFileSync(path.resolve(__dirname, '../../docs/eks-ec2.md'), 'utf8');
  const column = Column.of('eks-ec2');
  /** The words that a loop of the page goes through. */
  const loop = (variable: string) =>
    new RegExp(`^ *for ${variable} in (.+); do$`, 'm').exec(page)?.[1]?.split(' ').sort();

  test('takes KEDA’s finalizers off all objects that are KEDA’s', () => {
    const kinds = column.objects.filter(({ apiVersion }) => apiVersion.startsWith('keda.sh/')).map(({ kind }) => kind);
    expect(loop('kind')).toEqual(kinds.map((kind) => kind.toLowerCase()).sort());
    // A namespace does not go while an API is registered that nobody answers for, and KEDA registers this one.
    expect(page).toMatch(/^ *kubectl delete apiservice v1beta1\.external\.metrics\.k8s\.io /m);
  });

  test('updates all add-ons, and leaves their settings as they are', () => {
    const addons = column.all('AWS::EKS::Addon').map(([, addon]) => addon);
    expect(loop('addon')).toEqual(addons.map(({ AddonName }) => AddonName).sort());
    const set = addons.filter(({ ConfigurationValues }) => ConfigurationValues);
    expect(set.map(({ AddonName }) => AddonName)).toEqual(['vpc-cni']);
    expect(page).toContain(`if [ $addon = vpc-cni ]; then settings='${set[0]?.ConfigurationValues}'; fi`);
  });

  test('names the switches that are to be chosen first, as the synthesis does', () => {
    const [, section = ''] = /^## Before the first deployment\n(.*?)^## /ms.exec(page) ?? [];
    const named = [...section.matchAll(/^\| `(\w+)=/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual(['production', 'spot', 'zones']);
  });
});
