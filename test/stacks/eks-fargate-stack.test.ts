import { readFileSync } from 'node:fs';
import path from 'node:path';
import { tables } from '../../tools/compare/data/tables';
import { synth } from '../support/synth';
import { Column } from './column';
import { fargateSize, podsOf } from './column-checks';
import { snapshotOf } from './snapshot';

snapshotOf('eks-fargate');

test.each([
  [{}, []],
  [{ production: true }, [/^production=true: .*before the first deployment/]],
  [{ spot: true }, []],
  [{ zones: ['a', 'c'] }, [/^zones=a,c: .*before the first deployment/]],
])('what %j would do to a cluster that is deployed is said at synthesis', (settings, said) => {
  expect(synth('eks-fargate', settings).notes).toEqual(said.map((text) => expect.stringMatching(text)));
});

test('Spot changes nothing, because EKS has none on Fargate', () => {
  expect(synth('eks-fargate', { spot: true }).template).toEqual(synth('eks-fargate').template);
});

test.each([
  [{ cpu: '1', memory: '2048Mi' }, [1, 3]],
  [{ cpu: '250m', memory: '256M' }, [0.25, 0.5]],
  // The example of AWS's page: with what is added, no size with 1 vCPU is large enough.
  [{ cpu: '1', memory: '8192Mi' }, [2, 9]],
  [{ cpu: '1', memory: '1792Mi' }, [1, 2]],
  [{ cpu: '300m', memory: '600Mi' }, [0.5, 1]],
])('a pod that asks for %j is billed as %j', (asks, size) => {
  expect(fargateSize(asks)).toEqual(size);
});

describe('docs/eks-fargate.md', () => {
  const text = readFileSync(path.resolve(__dirname, '../../docs/eks-fargate.md'), 'utf8');
  const page = text.replaceAll('\n', ' ');
  const column = Column.of('eks-fargate');
  const price = (id: string) => {
    const found = tables.prices.prices.filter((each) => each.id === id && each.region === 'us-east-1');
    expect(found).toHaveLength(1);
    return found[0]?.tiers[0]?.usd as number;
  };
  const usd = (amount: number) => Number(amount.toFixed(4));
  /** The words that a loop of the page goes through. */
  const loop = (variable: string) =>
    new RegExp(`^ *for ${variable} in (.+); do$`, 'm').exec(text)?.[1]?.split(' ').sort();

  test('says what the worker is billed as, and what runs when nothing is to do', () => {
    const [worker, ...others] = podsOf(column).map(({ resources }) => fargateSize(resources.requests));
    expect(page).toContain(`${worker?.[0]} vCPU and ${worker?.[1]} GB are billed`);
    const [vcpus, gigabytes] = [0, 1].map((part) => others.reduce((sum, size) => sum + (size[part] as number), 0));
    expect(others).toHaveLength(5);
    const hour =
      (vcpus as number) * price('fargate.vcpu-hour.x64') + (gigabytes as number) * price('fargate.gb-hour.x64');
    expect(page).toContain(
      `five small pods, together ${vcpus} vCPU and ${gigabytes} GB, ${usd(hour)} USD an hour, by the second`,
    );
    const workers = column.object('ScaledObject', 'resizer').spec.maxReplicaCount * (worker?.[0] as number);
    const trips = readFileSync(path.resolve(__dirname, '../../docs/first-deployment.md'), 'utf8');
    expect(trips).toContain(`Four workers and the five pods beside them take ${workers + (vcpus as number)}`);
    expect(column.all('AWS::CloudWatch::Alarm')).toHaveLength(2);
    expect(page).toContain('two alarms;');
  });

  test('adds up what the rest costs by the hour, from the table of prices', () => {
    const there = (type: string) => column.all(type).length;
    const hour =
      there('AWS::EKS::Cluster') * price('eks.cluster-hour') +
      there('AWS::EC2::NatGateway') * price('nat.hour') +
      there('AWS::EC2::EIP') * price('ipv4.hour');
    expect(page).toContain(`${usd(hour)} USD an hour in us-east-1`);
  });

  test('takes KEDA’s finalizers off all objects that are KEDA’s', () => {
    const kinds = column.objects.filter(({ apiVersion }) => apiVersion.startsWith('keda.sh/')).map(({ kind }) => kind);
    expect(loop('kind')).toEqual(kinds.map((kind) => kind.toLowerCase()).sort());
  });

  test('updates all add-ons', () => {
    expect(loop('addon')).toEqual(column.all('AWS::EKS::Addon').map(([, { AddonName }]) => AddonName));
  });

  test('names the switches that are to be chosen first, as the synthesis does', () => {
    const [, section = ''] = /^## Before the first deployment\n(.*?)^## /ms.exec(text) ?? [];
    const named = [...section.matchAll(/^\| `(\w+)=/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual(['production', 'zones']);
  });
});
