import type { Compute } from '../../../workload/contract';
import type { Resource, Template } from '../../templates';
import resourceTypes from '../data/resource-types.json';
import { valueAt } from './held';

// biome-ignore lint/suspicious/noExplicitAny: as deep and as varied as CloudFormation and Kubernetes.
type Any = any;

/** What a container asks for, or may use. */
export interface Resources {
  readonly cpu?: unknown;
  readonly memory?: unknown;
}

/** Services that start, stop or trigger units. What of them is not read here might do so unseen. */
const SCALING_SERVICES = /^AWS::(?:ApplicationAutoScaling|AutoScaling|Batch|ECS|EKS|Lambda|Pipes|Scheduler)::/;

/**
 * Types of resources that are read here, and types that neither cost anything by themselves nor scale anything. Any
 * other may be billed, and is told to be.
 */
const KNOWN = new Set(
  Object.entries(resourceTypes).flatMap(([service, types]) => types.map((type) => `${service}::${type}`)),
);

/** One template, asked by type. */
export class Reader {
  constructor(
    readonly way: Compute,
    private readonly template: Template,
  ) {
    const scaling = this.strangers().find((type) => SCALING_SERVICES.test(type));
    if (scaling) this.unknown(scaling, 'whether it starts or stops anything');
  }

  /** Types that the model has no line for. */
  strangers(): string[] {
    return Object.keys(this.counted()).filter((type) => !KNOWN.has(type));
  }

  /** @throws Error: what the template has would cost or scale otherwise than is shown */
  unknown(found: string, what: string): never {
    throw new Error(`the template of ${this.way} has ${found}: the model does not know ${what}`);
  }

  /** @throws Error when properties are there that the model does not count with */
  lacks(from: Any, ...properties: readonly string[]): void {
    for (const property of properties) if (from?.[property] !== undefined) this.unknown(property, 'what it changes');
  }

  entries(type: string): [id: string, properties: Any][] {
    return Object.entries(this.template.Resources)
      .filter(([, resource]) => resource.Type === type)
      .map(([id, { Properties }]: [string, Resource]) => [id, Properties ?? {}]);
  }

  all(type: string): Any[] {
    return this.entries(type).map(([, properties]) => properties);
  }

  /** How many resources there are of each type. */
  counted(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { Type } of Object.values(this.template.Resources)) counts[Type] = (counts[Type] ?? 0) + 1;
    return counts;
  }

  /** The only one that fits. */
  one(type: string, fits: (properties: Any, id: string) => boolean = () => true): Any {
    const [found, other] = this.entries(type).filter(([id, properties]) => fits(properties, id));
    if (!found) throw new Error(`the template of ${this.way} has no ${type} that the model can read`);
    if (other) this.unknown(`${found[0]} and ${other[0]}, of type ${type}`, 'more than one');
    return found[1];
  }

  /** A number at a path, which CloudFormation may have written as text. */
  number(from: Any, path: string): number {
    const value = valueAt(from, path);
    const number = typeof value === 'string' && value !== '' ? Number(value) : value;
    if (typeof number === 'number' && !Number.isNaN(number)) return number;
    throw new Error(`the template of ${this.way} has no number ${path}: found ${JSON.stringify(value)}`);
  }

  text(from: Any, path: string): string {
    const value = valueAt(from, path);
    if (typeof value === 'string') return value;
    throw new Error(`the template of ${this.way} has no text ${path}: found ${JSON.stringify(value)}`);
  }

  /** Text of a property that CloudFormation would put together, with references left as words. */
  joined(value: Any): string {
    if (typeof value === 'string') return value;
    const [separator, parts] = value?.['Fn::Join'] ?? [];
    return parts ? parts.map((part: Any) => this.joined(part)).join(separator) : 'reference';
  }

  /** Every Kubernetes object the stack applies. References are left as names: nothing here depends on them. */
  manifests(): Any[] {
    const all = this.all('Custom::AWSCDK-EKS-KubernetesResource');
    return all.flatMap(({ Manifest }) => JSON.parse(this.joined(Manifest)));
  }

  manifest(kind: string): Any {
    const [found, other] = this.manifests().filter((object) => object.kind === kind);
    if (!found) throw new Error(`the template of ${this.way} applies no Kubernetes object of kind ${kind}`);
    if (other) this.unknown(`${found.metadata.name} and ${other.metadata.name}, of kind ${kind}`, 'more than one');
    return found;
  }

  /** The values of a Helm chart. */
  values(chart: string): Any {
    return JSON.parse(this.joined(this.one('Custom::AWSCDK-EKS-HelmChart', ({ Chart }) => Chart === chart).Values));
  }

  /** `5m`, `90s` or `1h` in seconds. */
  seconds(name: string, text: unknown): number {
    const [, number, unit = ''] = /^(\d+)([smh])$/.exec(String(text)) ?? [];
    if (number) return Number(number) * ({ s: 1, m: 60, h: 3600 }[unit] ?? 1);
    throw new Error(`the template of ${this.way} has ${name} "${text}": expected a duration such as 5m`);
  }

  /** `1`, `500m` in vCPUs. */
  cpu(text: unknown): number {
    const [, number, milli] = /^([\d.]+)(m?)$/.exec(String(text)) ?? [];
    if (number) return Number(number) / (milli ? 1000 : 1);
    throw new Error(`the template of ${this.way} has a cpu of "${text}": expected vCPUs such as 1 or 500m`);
  }

  /** `2048Mi`, `2Gi`, `256M` in MiB. */
  mib(text: unknown): number {
    const [, number, unit = ''] = /^(\d+)(Mi|Gi|M)$/.exec(String(text)) ?? [];
    if (number) return Number(number) * ({ Mi: 1, Gi: 1024, M: 1e6 / 1024 ** 2 }[unit] ?? 1);
    throw new Error(`the template of ${this.way} has a memory of "${text}": expected a size such as 2048Mi`);
  }
}
