import { WAYS, type Way } from '../../../lib/ways';
import { COMPUTES, type Compute } from '../../../workload/contract';
import alternativeList from '../data/alternatives.json';
import words from '../data/choose.json';
import limitList from '../data/limits.json';
import { assume, isClearlyBelow, ranges } from './assumptions';
import { computeRange, fill, type TypicalUsd, typicalUsd, unitsNeeded } from './cost';
import type { Needs } from './needs';
import { serviceOf } from './service';
import { maxUnits } from './simulate';
import type { Alternative, Estimate, Facts, Inputs, Limit, Tables, WayFacts } from './types';

/**
 * From what a job needs, how it comes and who is there, to a way, or to none of the six. First, what rules a way out: limits
 * of the platforms. Then what the ways that are left cost at that volume, by the model, and what they ask of people. Pure.
 */

/** Typical CPU time of a job, in seconds, where it is not that of a measured image. */
const LASTS: Readonly<Partial<Record<Needs['lasts'], number>>> = {
  minutes: 300,
  'near 15 minutes': 840,
  hours: 10_800,
};

// Not by data/tables, which would bring the prices as well into the page's worker: it is given those.
const limits = limitList as readonly Limit[];
const alternatives = alternativeList as readonly Alternative[];

/** A sentence, and where what it rests on is shown. */
export interface Reason {
  readonly text: string;
  readonly restsOn: string;
}

export interface Choice {
  /** `null`: none of the six. */
  readonly way: Compute | null;
  readonly orchestrator: Way['orchestrator'] | null;
  readonly servers: Way['servers'] | null;
  readonly because: readonly Reason[];
  readonly runnerUp: Compute | null;
  /** What would tip it to the runner-up. */
  readonly tips: string;
  /** What has to be changed in the stack, or asked for, first. */
  readonly notes: readonly string[];
  readonly against: Readonly<Partial<Record<Compute, readonly Reason[]>>>;
  /** Compute of those that are left, USD a month; absent where the model's box is not the job's. */
  readonly usd: Readonly<Partial<Record<Compute, TypicalUsd>>>;
  readonly instead: { readonly text: string; readonly service: Alternative | null };
}

export interface ChooserModel {
  readonly facts: Facts;
  readonly tables: Tables;
  readonly inputs: Inputs;
}

/**
 * What a step of {@link EFFORT} is worth, in USD a month: so much has to be saved before more to look after pays. Our
 * judgement and no measurement; nobody has no time at all, and a team the most of it.
 */
export const WORTH: Readonly<Record<Needs['people'], number>> = { nobody: 75, somebody: 50, 'platform team': 20 };

/** What there is to look after, in steps. */
const EFFORT: Readonly<Record<Compute, number>> = {
  lambda: 0,
  'ecs-fargate': 1,
  'eks-fargate': 2,
  'ecs-ec2': 2.5,
  ec2: 3,
  'eks-ec2': 4,
};

function effortOf(way: Compute, { people, kubernetes, host }: Needs): number {
  if (kubernetes === 'there already' && people === 'platform team') {
    // The nodes and their tools are there. Anything else is a second way to run things.
    return way === 'eks-ec2' ? 0 : EFFORT[way] + (way === 'eks-fargate' ? 0 : 20);
  }
  // An orchestrator only hides the host that the job is about.
  return host === 'kernel or device' && way === 'ec2' ? 1 : EFFORT[way];
}

export function choose({ facts, tables, inputs }: ChooserModel, needs: Needs): Choice {
  const against = Object.fromEntries(
    COMPUTES.map((way) => [way, objections(way, needs)] as const).filter(([, found]) => found.length > 0),
  ) as Partial<Record<Compute, readonly Reason[]>>;
  const left = COMPUTES.filter((way) => !against[way]);
  const none = {
    way: null,
    orchestrator: null,
    servers: null,
    because: [],
    runnerUp: null,
    tips: '',
    notes: [],
    usd: {},
  };
  if (left.length === 0) return { ...none, against, instead: instead(needs) };
  const asked = asInputs(inputs, needs);
  const adapted = (way: Compute) => adapt(facts[way], needs);
  const usd: Partial<Record<Compute, TypicalUsd>> = isPriced(needs)
    ? Object.fromEntries(left.map((way) => [way, typicalUsd(adapted(way), tables, asked)]))
    : {};
  const score = (way: Compute) => (usd[way]?.compute ?? 0) + effortOf(way, needs) * WORTH[needs.people];
  const [way, runnerUp = null] = left.toSorted((a, b) => score(a) - score(b)) as [Compute, Compute?];
  const { orchestrator, servers } = WAYS[way];
  return {
    way,
    orchestrator,
    servers,
    because: reasons(way, needs, usd, (each) => computeRange(adapted(each), tables, asked)),
    runnerUp,
    tips: runnerUp === null ? '' : tipping(way, runnerUp, needs, usd),
    notes: notes(adapted(way), facts[way], tables, asked, needs),
    against,
    usd,
    instead: { text: '', service: null },
  };
}

/** What a job needs that no price here is of. */
export const isPriced = ({ host }: Needs) => host === 'nothing special';

/** The inputs of a bill, with what the job needs. */
export function asInputs(inputs: Inputs, { lasts, imagesPerMonth, imagesPerBurst, account }: Needs): Inputs {
  const seconds = LASTS[lasts];
  const { work } = inputs;
  const cpuSeconds = seconds === undefined ? work.cpuSeconds : { low: seconds, typical: seconds, high: seconds };
  // How fast a CPU is there is part of how long the job takes.
  const cpuSpeed = seconds === undefined ? inputs.cpuSpeed : { low: 1, typical: 1, high: 1 };
  return { ...inputs, imagesPerMonth, imagesPerBurst, account, work: { ...work, cpuSeconds }, cpuSpeed };
}

const limit = (id: string): Limit => {
  const found = limits.find((each) => each.id === id);
  if (!found) throw new Error(`there is no limit ${id} in tools/compare/data/limits.json: add it`);
  return found;
};

/**
 * A way with as much memory as the job needs, billed: of a function and on Fargate. An instance is taken for as many of the
 * same size: per gigabyte, larger ones cost about as much.
 */
function withMemory(facts: WayFacts, memoryGb: number): WayFacts {
  const times = Math.max(1, (memoryGb * 1024) / facts.unit.memoryMib);
  const { unit, fargate, hosts } = facts;
  if (times === 1) return facts;
  const memoryGib = (fargate?.memoryGib ?? 0) * times;
  return {
    ...facts,
    unit: { ...unit, memoryMib: unit.memoryMib * (unit.kind === 'function' ? times : 1) },
    // Fargate has 8 GB for a vCPU at most.
    fargate: fargate && { vcpus: Math.max(fargate.vcpus, memoryGib / 8), memoryGib },
    hosts: hosts && { ...hosts, diskGib: hosts.diskGib / times, unitsPerHost: hosts.unitsPerHost / times },
  };
}

/** A way as it would be deployed for this: with the time-out that the platform allows, on a cluster that is there. */
export function adapt(deployed: WayFacts, { kubernetes, memoryGb }: Needs): WayFacts {
  const facts = withMemory(deployed, memoryGb);
  const most = limit(facts.unit.kind === 'function' ? 'lambda.duration' : 'sqs.receive');
  const longest = { ...facts, longestJobSeconds: most.value };
  if (kubernetes !== 'there already' || !facts.controlPlane) return longest;
  // Nodes are there, and are paid for while pods of this are on them.
  const hosts = facts.hosts && { ...facts.hosts, min: 0, scaling: null };
  return { ...longest, controlPlane: null, resident: null, natGateways: 0, hosts };
}

/** What rules a way out. */
function objections(way: Compute, needs: Needs): Reason[] {
  const { lasts, memoryGb, diskGb, host, answer, people, kubernetes } = needs;
  const { orchestrator, servers } = WAYS[way];
  const isFunction = way === 'lambda';
  const isEks = orchestrator === 'EKS';
  const theirs = servers !== 'yours';
  const platform = isFunction ? 'lambda' : way === 'eks-fargate' ? 'eks-fargate' : 'fargate';
  const memory = limit(`${platform}.memory`);
  const disk = limit(isFunction ? 'lambda.tmp' : `${platform}.storage`);
  const perGb = isFunction ? 1024 : 1;
  const unit = `fact:${way}.unit`;
  const rules: readonly (readonly [out: boolean, text: keyof typeof words.against, restsOn: string, most?: Limit])[] = [
    [host === 'windows' || host === 'desktop', 'linux', unit],
    [answer === 'at once', 'answer', unit],
    [lasts === 'over 12 hours' && !isFunction, 'sqs', 'limit:sqs.receive'],
    [isFunction && /hours/.test(lasts), 'invocation', 'limit:lambda.duration'],
    [isFunction && lasts === 'near 15 minutes', 'near', 'limit:lambda.duration'],
    [theirs && memoryGb * perGb > memory.value, 'memory', `limit:${memory.id}`, memory],
    [theirs && diskGb * perGb > disk.value, 'disk', `limit:${disk.id}`, disk],
    [theirs && host === 'gpu', 'gpu', 'limit:fargate.gpu'],
    [theirs && host === 'kernel or device', 'kernel', unit],
    [kubernetes === 'has to be' && !isEks, 'kubernetes', unit],
    [kubernetes === 'no' && isEks, 'control plane', 'price:eks.cluster-hour'],
    [people === 'nobody' && isEks, 'cluster', `owned:${way}.cluster version`],
    [people === 'nobody' && !theirs, 'machines', `owned:${way}.operating system`],
  ];
  const most = (of?: Limit) => of && `${of.value.toLocaleString('en')} ${of.unit}`;
  return rules.flatMap(([out, text, restsOn, of]) =>
    out ? [{ text: fill(words.against[text], { most: most(of) }), restsOn }] : [],
  );
}

/** Whether a limit of the platform rules a way out: then no figure of it means anything. */
export const cannot = (way: Compute, needs: Needs): boolean =>
  objections(way, needs).some(({ restsOn }) => restsOn.startsWith('limit:'));

/** Where none of the six is the answer. */
function instead({ host, answer, lasts, people, kubernetes, memoryGb, diskGb }: Needs): Choice['instead'] {
  const answers = 'Lambda function URL or API Gateway with response streaming';
  const isKubernetes = kubernetes !== 'no' && people !== 'nobody';
  const isLong = answer === 'at once' && /hours|near/.test(lasts);
  const isLarge = memoryGb > limit('fargate.memory').value || diskGb > limit('fargate.storage').value;
  const rules: readonly (readonly [when: boolean, service: string])[] = [
    [host === 'desktop', 'Amazon WorkSpaces'],
    [isKubernetes && answer === 'at once', 'A Deployment with an Ingress on EKS'],
    [isKubernetes && host === 'windows', 'Windows nodes on EKS'],
    [host === 'windows', 'Windows on Fargate and EC2'],
    [answer === 'at once' && host === 'gpu', 'Amazon SageMaker AI Asynchronous Inference'],
    [isLong, ''],
    [answer === 'at once', lasts === 'seconds' ? answers : 'Amazon ECS Express Mode'],
    [lasts === 'over 12 hours', 'AWS Batch'],
    [host === 'kernel or device', ''],
    [people === 'nobody' && kubernetes === 'has to be', 'Amazon EKS Auto Mode'],
    [host === 'gpu', 'AWS Batch'],
    [isLarge, 'Amazon ECS Managed Instances'],
  ];
  const name = rules.find(([when]) => when)?.[1] ?? '';
  const service = alternatives.find((each) => each.name === name) ?? null;
  return { text: service ? `${service.what} ${service.when}` : isLong ? words['at once'] : words.nobody, service };
}

const dollars = (value: number) =>
  `$${Number(value.toPrecision(2)).toLocaleString('en', { minimumFractionDigits: value < 9.95 ? 2 : 0 })}`;

function reasons(
  way: Compute,
  { kubernetes }: Needs,
  usd: Choice['usd'],
  rangeOf: (way: Compute) => Estimate,
): Reason[] {
  const isThere = kubernetes === 'there already' && WAYS[way].orchestrator === 'EKS';
  const found = [
    isThere
      ? { text: words.for['there already'], restsOn: 'price:eks.cluster-hour' }
      : { text: words.for[way], restsOn: `owned:${way}.operating system` },
  ];
  const own = usd[way];
  if (!own) return found;
  const others = Object.entries(usd).filter(([other]) => other !== way) as [Compute, TypicalUsd][];
  const [cheapest] = others.toSorted(([, a], [, b]) => a.compute - b.compute);
  const mine = dollars(own.compute);
  const [title, its] = cheapest ? [WAYS[cheapest[0]].title, dollars(cheapest[1].compute)] : ['', ''];
  const text = !cheapest
    ? `It is the only way left, at ${mine} a month.`
    : mine === its
      ? `It costs as much as the cheapest alternative, ${title}: ${mine} a month.`
      : own.compute < cheapest[1].compute
        ? `It is ${isClearlyBelow(rangeOf(way), rangeOf(cheapest[0])) ? '' : 'typically '}the cheapest of the ${others.length + 1} that fit: ${mine} a month; ${title} is ${its}.`
        : `${title} would cost less, ${its} a month instead of ${mine}, ${isThere && WAYS[cheapest[0]].orchestrator !== 'EKS' ? 'but is a second platform beside the cluster' : 'which does not pay for the extra work'}.`;
  return [...found, { text, restsOn: 'figure:cost' }];
}

function tipping(way: Compute, runnerUp: Compute, needs: Needs, usd: Choice['usd']): string {
  const more = (effortOf(runnerUp, needs) - effortOf(way, needs)) * WORTH[needs.people];
  const [own, its] = [usd[way], usd[runnerUp]];
  if (!own || !its) return words.tips.box;
  const dearer = its.compute - own.compute;
  const now =
    dollars(own.compute) === dollars(its.compute)
      ? 'as dear'
      : `about ${dollars(Math.abs(dearer))} a month ${dearer > 0 ? 'dearer' : 'cheaper'}`;
  const which = more <= 0 ? 'less' : dearer >= 0 ? 'dearer' : 'cheaper';
  return fill(words.tips[which], { now, usd: dollars(more) });
}

/** What the stack, or the account, has to be given first. */
function notes(adapted: WayFacts, deployed: WayFacts, { delays }: Tables, inputs: Inputs, needs: Needs): string[] {
  const { way, unit } = adapted;
  const isFunction = way === 'lambda';
  const typical = assume(ranges(delays, inputs), 'typical');
  const { jobSeconds } = serviceOf(adapted, typical, inputs);
  const needed = Math.ceil(unitsNeeded(adapted, typical, inputs));
  const most = maxUnits(adapted, typical, inputs);
  const quota = delays[adapted.fargate ? 'fargate-vcpu-quota-new' : 'ec2-vcpu-quota-new'].typical;
  const vcpus = (adapted.hosts?.vcpus ?? unit.vcpus) / (adapted.hosts?.unitsPerHost ?? 1);
  const rules: readonly (readonly [when: boolean, note: keyof typeof words.notes])[] = [
    [needed > most, isFunction ? 'quota' : 'ceiling'],
    [jobSeconds > deployed.longestJobSeconds, 'time-out'],
    [isFunction && needs.account === 'new', 'new'],
    [needs.lasts !== 'seconds', 'budgets'],
    [needs.memoryGb * 1024 > deployed.unit.memoryMib, 'memory'],
    [needs.x86 && unit.architecture === 'arm64', 'x86'],
    [!needs.internet, isFunction ? 'endpoint' : adapted.scaling.kind === 'keda' ? 'mirror' : 'endpoints'],
    [needed > most && !isFunction && needed * vcpus > quota, 'vcpus'],
    [needs.host === 'gpu', 'gpu'],
  ];
  const values = {
    vcpus: quota,
    asked: Math.ceil(needed * vcpus).toLocaleString('en'),
    most: most.toLocaleString('en'),
    needed: needed.toLocaleString('en'),
    deployed: deployed.longestJobSeconds,
    seconds: Math.ceil(jobSeconds * 1.5),
    new: delays['lambda-concurrency-new'].typical,
    kind: unit.kind,
    memory: deployed.unit.memoryMib.toLocaleString('en'),
    gigabytes: needs.memoryGb.toLocaleString('en'),
  };
  return rules.flatMap(([when, note]) => (when ? [fill(words.notes[note], values)] : []));
}
