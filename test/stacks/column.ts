import { WAYS } from '../../lib/ways';
import { environmentOf, userDataOf } from '../support/boot-script';
import { type Json, type Resource, type Settings, synth, type Template, type Way } from '../support/synth';

/** One way's template, and how to find in it what every way has: its worker, its role, its environment. */
export class Column {
  private readonly needed = new Map<string, string[]>();

  constructor(
    readonly way: Way,
    readonly settings: Settings,
    readonly template: Template,
  ) {}

  static of(way: Way, settings: Settings = {}): Column {
    return new Column(way, settings, synth(way, settings).template);
  }

  get resources(): [id: string, resource: Resource][] {
    return Object.entries(this.template.Resources);
  }

  /** Ids and properties of all resources of a type. */
  all(type: string): [id: string, properties: Json][] {
    return this.resources
      .filter(([, { Type }]) => Type === type)
      .map(([id, { Properties }]) => [id, Properties ?? {}] as const as [string, Json]);
  }

  /** The properties of the one resource of a type whose id begins like this. */
  one(type: string, idPrefix = ''): Json {
    return this.template.Resources[this.id(type, idPrefix)]?.Properties;
  }

  /** The id of the one resource of a type whose id begins like this. */
  id(type: string, idPrefix = ''): string {
    const ids = this.all(type).flatMap(([id]) => (id.startsWith(idPrefix) ? id : []));
    expect(`${type} ${idPrefix}: ${ids}`).toBe(`${type} ${idPrefix}: ${ids[0]}`);
    return ids[0] as string;
  }

  /** Ids of all that a resource waits for when it is made, and that therefore waits for it when it is deleted. */
  waitsFor(id: string, seen = new Set<string>()): Set<string> {
    for (const name of this.needs(id)) if (!seen.has(name)) this.waitsFor(name, seen.add(name));
    return seen;
  }

  /** What a resource depends on or refers to. */
  private needs(id: string): string[] {
    let needs = this.needed.get(id);
    if (!needs) {
      const { DependsOn = [], ...resource } = this.template.Resources[id] ?? {};
      const references = [...JSON.stringify(resource).matchAll(/<(\w+)(?:\.\w+)*>/g)].map(([, name]) => name as string);
      needs = [...new Set([DependsOn, references].flat())].filter((name) => name in this.template.Resources);
      this.needed.set(id, needs);
    }
    return needs;
  }

  /** The id of the role that the worker works as. */
  get workerRole(): string {
    const role = {
      instance: () => this.one('AWS::IAM::InstanceProfile').Roles[0],
      function: () => this.one('AWS::Lambda::Function', 'Worker').Role,
      task: () => this.one('AWS::ECS::TaskDefinition').TaskRoleArn,
      // By an association, or by an annotation of the account.
      pod: () =>
        this.all('AWS::EKS::PodIdentityAssociation').find(([, pod]) => pod.Namespace === 'resizer')?.[1].RoleArn ??
        this.object('ServiceAccount', 'resizer').metadata.annotations['eks.amazonaws.com/role-arn'],
    }[WAYS[this.way].unit]();
    return referenced(role);
  }

  /** The environment that the worker is handed. */
  get environment(): Record<string, string> {
    const pairs = {
      instance: () => Object.entries(environmentOf(this.userData)),
      function: () => Object.entries(this.one('AWS::Lambda::Function', 'Worker').Environment.Variables),
      task: () => this.container.Environment.map(({ Name, Value }: Json) => [Name, Value]),
      pod: () => this.pod.containers[0].env.map(({ name, value }: Json) => [name, value]),
    }[WAYS[this.way].unit]();
    return Object.fromEntries(pairs);
  }

  /**
   * All that a role may do, one line for each action and resource, sorted: `s3:GetObject <Source.Arn>/incoming/*`. A
   * condition follows as JSON, a managed policy is its name.
   */
  grants(role: string): string[] {
    const { ManagedPolicyArns = [], Policies = [] } = this.template.Resources[role]?.Properties ?? {};
    const attached = ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy', 'AWS::IAM::RolePolicy']
      .flatMap((type) => this.all(type))
      .filter(([, { Roles, RoleName }]) => [...(Roles ?? []), RoleName].includes(`<${role}>`))
      .map(([, policy]) => policy);
    return [
      ...ManagedPolicyArns.map((arn: Json) =>
        typeof arn === 'string' ? arn.split(':policy/')[1] : JSON.stringify(arn),
      ),
      ...[...Policies, ...attached].flatMap(({ PolicyDocument }) => PolicyDocument.Statement.flatMap(lines)),
    ].sort();
  }

  /** EC2: what an instance runs when it starts. */
  get userData(): string {
    return userDataOf(this.template);
  }

  /** ECS: the one container of the task. */
  get container(): Json {
    const { ContainerDefinitions } = this.one('AWS::ECS::TaskDefinition');
    expect(ContainerDefinitions).toHaveLength(1);
    return ContainerDefinitions[0];
  }

  /** EKS: the one Kubernetes object of a kind and name that the stack applies. */
  object(kind: string, name: string): Json {
    const found = this.objects.filter((object) => object.kind === kind && object.metadata.name === name);
    expect(found.map(({ metadata }) => `${kind} ${metadata.name}`)).toEqual([`${kind} ${name}`]);
    return found[0];
  }

  /** EKS: all Kubernetes objects that the stack applies itself. */
  get objects(): Json[] {
    return this.all('Custom::AWSCDK-EKS-KubernetesResource').flatMap(([, { Manifest }]) => JSON.parse(Manifest));
  }

  /** EKS: the worker's pod. */
  get pod(): Json {
    return this.object('Deployment', 'resizer').spec.template.spec;
  }
}

/** The id in `<Id>` or `<Id.Arn>`. */
export function referenced(reference: string): string {
  return /^<(\w+)(?:\.\w+)*>$/.exec(reference)?.[1] ?? `${reference} is no reference`;
}

function lines({ Effect, Action, NotAction, Resource: resource, NotResource, Condition }: Json): string[] {
  const effect = Effect === 'Allow' ? '' : `${Effect} `;
  const condition = Condition ? ` ${JSON.stringify(Condition)}` : '';
  const actions = [Action ?? [], NotAction ? `all but ${NotAction}` : []].flat(2);
  const resources = [resource ?? [], NotResource ? `all but ${NotResource}` : []].flat(2);
  return actions.flatMap((action) => resources.map((each) => `${effect}${action} ${each}${condition}`));
}
