import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject';
import { TriggerAuthentication } from '@kubernetes-models/keda/keda.sh/v1alpha1/TriggerAuthentication';
import { DaemonSet } from 'kubernetes-models/apps/v1/DaemonSet';
import { Deployment, type IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import { parseAllDocuments } from 'yaml';
import { readSwitches } from '../../bin/switches';
import { UsageError } from '../../tools/command-line';
import { manifests, type Step, steps, toYaml } from '../../tools/manifests';
import type { Template } from '../../tools/templates';
import { type Json, SETTINGS } from '../support/synth';
import { templates } from '../support/templates';

const MODELS = [
  ConfigMap,
  DaemonSet,
  Deployment,
  Namespace,
  NetworkPolicy,
  PodDisruptionBudget,
  ScaledObject,
  ServiceAccount,
  TriggerAuthentication,
];

/** @throws Error naming the field that is not as Kubernetes or KEDA has it */
function validate(object: Json): void {
  const Model = MODELS.find(({ apiVersion, kind }) => apiVersion === object.apiVersion && kind === object.kind);
  if (!Model) throw new Error(`there is no ${object.kind} in ${object.apiVersion}`);
  new Model(object).validate();
}

const ENDPOINT = 'http://172.18.0.1:4566';

/** All that is printed, by what is chosen. */
const choices = (way: 'eks-ec2' | 'eks-fargate'): Record<string, () => Step[]> => ({
  ...Object.fromEntries(
    Object.entries(SETTINGS).map(([name, settings]) => [
      name,
      () => {
        const warn = jest.spyOn(console, 'warn').mockImplementation();
        const { templates: make } = jest.requireActual<typeof import('../../tools/templates')>('../../tools/templates');
        const template = make(settings, '', [way])[way];
        warn.mockRestore();
        return steps(way, template);
      },
    ]),
  ),
  'an endpoint': () => steps(way, templates()[way], ENDPOINT),
});

const objects = (all: readonly Step[]): Json[] => all.flatMap((step) => step.objects);
const one = (all: readonly Step[], kind: string): Json => objects(all).find((object) => object.kind === kind);

const CHOICES = (['eks-ec2', 'eks-fargate'] as const).flatMap((way) =>
  Object.entries(choices(way)).map(([name, choose]) => [way, name, choose] as const),
);

describe.each(CHOICES)('on %s, with %s', (_way, _name, choose) => {
  const all = choose();

  test('every object is as Kubernetes and KEDA have it', () => {
    expect(objects(all).length).toBeGreaterThan(5);
    for (const object of objects(all)) validate(object);
  });

  test('what is printed is YAML, and says the same', () => {
    const documents = parseAllDocuments(toYaml(all, ['head']));
    expect(documents.map((document) => document.toJS())).toEqual(objects(all));
  });

  test('a namespace comes before what is in it, and KEDA before what it reads', () => {
    const made = all.flatMap((step) => [
      ...step.comment,
      ...step.objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
    ]);
    for (const { kind, metadata } of objects(all).filter((object) => object.metadata.namespace)) {
      expect(made).toContain(`Namespace ${metadata.namespace}`);
      expect(made.indexOf(`Namespace ${metadata.namespace}`)).toBeLessThan(made.indexOf(`${kind} ${metadata.name}`));
    }
    const keda = made.findIndex((each) => /^helm .* keda /.test(each));
    expect(keda).toBeGreaterThanOrEqual(0);
    expect(keda).toBeLessThan(made.indexOf('TriggerAuthentication resizer'));
  });
});

describe('the validators', () => {
  const [deployment, policy, scaled] = ['Deployment', 'NetworkPolicy', 'ScaledObject'].map((kind) =>
    one(steps('eks-ec2', templates()['eks-ec2']), kind),
  );
  const CHANGES: Record<string, () => void> = {
    'a container without a name': () => delete deployment.spec.template.spec.containers[0].name,
    'a grace period in words': () => {
      deployment.spec.template.spec.terminationGracePeriodSeconds = '90s';
    },
    'a policy without pods': () => {
      policy.spec.podSelector = ['resizer'];
    },
    'an interval in words': () => {
      scaled.spec.pollingInterval = '15s';
    },
    'a trigger without a type': () => delete scaled.spec.triggers[0].type,
  };

  test.each(Object.entries(CHANGES))('refuse %s', (_name, change) => {
    const before = structuredClone([deployment, policy, scaled]);
    change();
    expect(() => [deployment, policy, scaled].forEach(validate)).toThrow(/^data\//);
    Object.assign(deployment, before[0]);
    Object.assign(policy, before[1]);
    Object.assign(scaled, before[2]);
    [deployment, policy, scaled].forEach(validate);
  });

  test('leave a misspelt field to the compiler, which refuses it', () => {
    const misspelt = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      spec: {
        selector: {},
        // @ts-expect-error: there is no such field.
        replica: 4,
        template: { metadata: {}, spec: { containers: [{ name: 'a', image: 'b' }] } },
      },
    } satisfies IDeployment;
    expect(() => validate(misspelt)).not.toThrow();
  });
});

test.each([
  ['default', 'ON_DEMAND'],
  ['spot', 'SPOT'],
])('with %s, the nodes are %s', (choice, capacity) => {
  const comments = choices('eks-ec2')
    [choice]?.()
    .flatMap(({ comment }) => comment);
  expect(comments).toContainEqual(expect.stringMatching(new RegExp(`^Nodes: .*, ${capacity}$`)));
});

test('without an endpoint, add-ons, nodes and both charts are named, with their versions and values', () => {
  const comments = steps('eks-ec2', templates()['eks-ec2']).flatMap(({ comment }) => comment);
  for (const addon of ['vpc-cni', 'kube-proxy', 'eks-pod-identity-agent', 'coredns']) {
    expect(comments).toContainEqual(expect.stringContaining(`Add-on of EKS: ${addon},`));
  }
  expect(comments).toContainEqual(expect.stringMatching(/^Nodes: 1 to 4 x m7g\.large/));
  expect(comments).toContainEqual(expect.stringMatching(/^helm .* keda --version \d+\.\d+\.\d+ --repo https:/));
  expect(comments).toContainEqual(expect.stringMatching(/^helm .* cluster-autoscaler --version \d+\.\d+\.\d+ /));
  expect(comments).toContain('    memory: 300Mi');
});

test('with an endpoint, nothing is left that needs AWS, and all that calls it finds the endpoint', () => {
  const all = steps('eks-ec2', templates()['eks-ec2'], ENDPOINT);
  expect(objects(all).map(({ kind }) => kind)).not.toContain('DaemonSet');
  const comments = all.flatMap(({ comment }) => comment);
  expect(comments.filter((line) => /^(Add-on|Nodes)|cluster-autoscaler/.test(line))).toEqual([]);
  // KEDA has the credentials of the local run.
  expect(comments).toContain('  - name: AWS_ACCESS_KEY_ID');
  const [{ image, env }] = one(all, 'Deployment').spec.template.spec.containers;
  expect(image).toBe('four-ways:local');
  const variables = Object.fromEntries(env.map(({ name, value }: Json) => [name, value]));
  const queue = `${ENDPOINT}/000000000000/eks-ec2-jobs`;
  expect(variables).toMatchObject({ AWS_ENDPOINT_URL: ENDPOINT, QUEUE_URL: queue, SOURCE_BUCKET: 'eks-ec2-source' });
  const [{ metadata }] = one(all, 'ScaledObject').spec.triggers;
  expect(metadata).toMatchObject({ queueURL: queue, awsEndpoint: ENDPOINT });
  expect(one(all, 'NetworkPolicy').spec.egress).toContainEqual({ ports: [{ protocol: 'TCP', port: 4566 }] });
});

test('on Fargate, what pods need of it is named, and nothing of nodes; without AWS, not even that', () => {
  const on = (endpoint?: string) => steps('eks-fargate', templates()['eks-fargate'], endpoint);
  const comments = on().flatMap(({ comment }) => comment);
  expect(comments).toContainEqual('On Fargate: pods in resizer, keda, kube-system with k8s-app=kube-dns');
  expect(comments).toContainEqual(expect.stringMatching(/^Add-on of EKS: coredns, .*"computeType":"Fargate"/));
  expect(comments.filter((line) => /^Nodes|vpc-cni|cluster-autoscaler/.test(line))).toEqual([]);
  expect(objects(on()).map(({ metadata }) => metadata.name)).toContain('aws-logging');
  const local = on(ENDPOINT);
  expect(local.flatMap(({ comment }) => comment).filter((line) => /^(Add-on|On Fargate)/.test(line))).toEqual([]);
  expect(objects(local).map(({ metadata }) => metadata.name)).not.toContain('aws-logging');
  expect(one(local, 'Deployment').spec.template.spec.containers[0].image).toBe('four-ways:local');
});

test('what others wait for comes first, however the template is sorted', () => {
  const template = templates()['eks-ec2'];
  const Resources = Object.fromEntries(Object.entries(template.Resources).reverse());
  const kinds = objects(steps('eks-ec2', { Resources } as Template)).map(({ kind }) => kind);
  expect(kinds.indexOf('DaemonSet')).toBeLessThan(kinds.indexOf('Deployment'));
  expect(kinds.indexOf('Deployment')).toBeLessThan(kinds.indexOf('ScaledObject'));
});

describe('the command', () => {
  const run = (...args: string[]) => manifests(readSwitches)(args, () => new AbortController().signal);

  test.each([
    [['-c', 'production'], '-c production: expected SWITCH=VALUE, such as -c production=true'],
    [['-c', 'prodution=true'], /^There is no switch prodution .*did you mean production\?$/],
    [['-c', 'spot=yes'], 'The switch spot is "yes": expected true or false'],
    [
      ['--endpoint', '127.0.0.1:4566'],
      '--endpoint is "127.0.0.1:4566": expected an address such as http://172.18.0.1:4566',
    ],
    [['--endpoint', 'http://127.0.0.1:4566'], /where a pod finds only itself: name this machine as pods see it$/],
    [['--endpoint', `${ENDPOINT}/queue`], /^--endpoint is .*: expected an address/],
    [['ec2'], '"ec2" has no cluster: expected one of eks-ec2, eks-fargate'],
    [['eks-ec2', 'all'], /^unexpected "all"/],
  ])('says in one line what is wrong with %j', async (args, says) => {
    const failed = run(...args);
    await expect(failed).rejects.toThrow(UsageError);
    await expect(failed).rejects.toThrow(says);
  });

  test.each([
    [[], 'ResizeOnEksEc2'],
    [['eks-fargate'], 'ResizeOnEksFargate'],
  ])('prints the cluster of the stack that is chosen: %j', async (which, stack) => {
    const written = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    const warn = jest.spyOn(console, 'warn').mockImplementation();
    const code = await run(...which, '-c', 'production=true', '-c', 'name=blue');
    const text = written.mock.calls.map(([chunk]) => chunk).join('');
    written.mockRestore();
    warn.mockRestore();
    expect(code).toBe(0);
    expect(text).toContain(`# What ${stack}-blue gives to its cluster, in this order.\n`);
    const stacks = parseAllDocuments(text).map((document) => document.toJS());
    const env: Json[] = stacks.find(({ kind }) => kind === 'Deployment').spec.template.spec.containers[0].env;
    expect(env).toContainEqual({ name: 'STACK', value: `${stack}-blue` });
  });
});
