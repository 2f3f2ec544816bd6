import { COMPUTES, type Compute } from '../../../workload/contract';
import billLines from '../data/bill.json';
import { type Arrivals, burst, bursts, total } from './arrivals';
import { assume, ENDS, type End, figures, OF_MUCH_WORK, ranges } from './assumptions';
import { serviceOf } from './service';
import { maxUnits, simulate } from './simulate';
import type {
  Assumptions,
  Delays,
  Estimate,
  Facts,
  Figure,
  Inputs,
  Price,
  PriceTable,
  Region,
  Tables,
  Tier,
  WayFacts,
} from './types';

/**
 * What a way costs in a month, line by line: quantity x price = amount. What runs, and for how long, is simulated. Pure, and
 * free of Node, so that a page runs the same code. List prices without taxes.
 */

/** 365 days / 12, as AWS counts. */
export const HOURS_PER_MONTH = 730;
const SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600;
const DAYS_PER_MONTH = HOURS_PER_MONTH / 24;
/** AWS's GB of storage and of logs is a GiB. */
export const GB = 1024 ** 3;

// --- Prices ---------------------------------------------------------------------------------------------------------

export function findPrice(table: PriceTable, id: string, region: Region): Price | undefined {
  return table.prices.find((price) => price.id === id && price.region === region);
}

/** The amount for a quantity, tier by tier. @param tiers from 0 on, ascending */
export function amount(tiers: readonly Tier[], quantity: number): number {
  return tiers.reduce((total, { from, usd }, index) => {
    const to = tiers[index + 1]?.from ?? Number.POSITIVE_INFINITY;
    return total + Math.max(0, Math.min(quantity, to) - from) * usd;
  }, 0);
}

/** @param market where in its range a market price is, from 0 to 1 */
export function usdAt({ tiers, highUsd }: Price, quantity: number, market = 0): number {
  const low = amount(tiers, quantity);
  return highUsd === undefined ? low : low + market * (highUsd * quantity - low);
}

// --- The bill's parts -------------------------------------------------------------------------------------------------

/** Quantity in `unit`s a month, before what is free, and its amount. */
export interface LineItem {
  readonly id: string;
  readonly label: string;
  readonly quantity: Estimate;
  readonly usdPerMonth: Estimate;
  readonly price: Price;
  /** Paid with no images at all. */
  readonly idle: boolean;
  /** The same on all ways: pictures in buckets. */
  readonly shared: boolean;
}

export interface Cost {
  readonly way: Compute;
  readonly items: readonly LineItem[];
  /** What is billed and that no number here is known for. */
  readonly unknown: readonly { readonly label: string; readonly why: string }[];
  readonly usdPerMonth: Figure;
  /** Without what is the same on all ways. */
  readonly computeUsdPerMonth: Figure;
  /** Of that, what is paid with no images at all. */
  readonly idleUsdPerMonth: Figure;
  /** Of the compute, idle time included; `null` without images. */
  readonly usdPerMillion: Figure | null;
  /** Images a month that the template's maximum can do; `null` where nothing limits it. */
  readonly ceilingImagesPerMonth: Figure | null;
  /** More images than that, typically: the amounts are those of a raised maximum. */
  readonly overCeiling: boolean;
}

// --- What a month takes ---------------------------------------------------------------------------------------------

/** What runs in a month beyond what always runs. */
interface Month {
  readonly images: number;
  readonly unitHours: number;
  readonly hostHours: number;
  /** Of slots. */
  readonly busyHours: number;
  /** Function environments that start. */
  readonly starts: number;
  /** Hours in which something is done. */
  readonly activeHours: number;
  /** Whether something runs in every hour. */
  readonly hourly: boolean;
  readonly overCeiling: boolean;
}

const NOTHING: Month = {
  images: 0,
  unitHours: 0,
  hostHours: 0,
  busyHours: 0,
  starts: 0,
  activeHours: 0,
  hourly: false,
  overCeiling: false,
};

/** Images a second that units of this number do. */
const speed = (facts: WayFacts, a: Assumptions, inputs: Inputs, units: number) =>
  (units * facts.unit.slots) / serviceOf(facts, a, inputs).slotSeconds;

/** Units that would be busy all the time, or that it takes so that no message of a burst waits longer than its queue keeps it. */
export function unitsNeeded(facts: WayFacts, a: Assumptions, inputs: Inputs): number {
  const perSecond = speed(facts, a, inputs, 1);
  const size = Math.min(inputs.imagesPerBurst, inputs.imagesPerMonth);
  return Math.max(inputs.imagesPerMonth / SECONDS_PER_MONTH, size / facts.waitsSeconds) / perSecond;
}

/** Where more comes than units can do, there is to be a unit more for each tenth of the work. */
const SPARE = 1.1;

/** Hours are simulated that are as long as so many jobs, one after the other. */
const MANY_JOBS = 50;

/** So many units are no longer simulated: they are taken to be there all month, with what is to spare. */
const MANY_UNITS = 2000;

/** A way with another maximum, and with the step that the stack derives from it: all but one at once. */
function raised(facts: WayFacts, max: number): WayFacts {
  const { capacity, scaling } = facts;
  const last = (capacity.max ?? 0) - 1;
  const rules = scaling.kind === 'steps' ? scaling.rules : [];
  const steps = rules.map((rule) => ({
    ...rule,
    steps: rule.steps.map((step) => ({ ...step, change: step.change === last ? max - 1 : step.change })),
  }));
  return {
    ...facts,
    capacity: { ...capacity, max },
    ...(rules.length > 0 && { scaling: { kind: 'steps', rules: steps } }),
  };
}

/** One burst on its own where the next one finds everything gone; else as many as show what a month of them is like. */
function monthOf(deployed: WayFacts, delays: Delays, a: Assumptions, inputs: Inputs): Month {
  const images = inputs.imagesPerMonth;
  if (images === 0) return NOTHING;
  const size = Math.min(inputs.imagesPerBurst, images);
  const every = (SECONDS_PER_MONTH * size) / images;
  const needed = unitsNeeded(deployed, a, inputs);
  const overCeiling = needed > maxUnits(deployed, a, inputs);
  const most = Math.ceil(needed * SPARE);
  if (needed > MANY_UNITS) return { ...allMonth(deployed, images, most, needed), overCeiling };
  const facts = overCeiling ? raised(deployed, most) : deployed;
  const options = overCeiling ? { maxUnits: most } : {};
  const one = simulate(facts, delays, a, inputs, burst(size), { ...options, untilSeconds: every });
  const apart = one.settled && (facts.scaling.kind !== 'concurrency' || every > one.endSeconds + a['lambda-idle']);
  // Of long jobs it takes long until as many units run as they need.
  const { slotSeconds } = serviceOf(facts, a, inputs);
  const span = Math.max(2 * 3600, Math.min(Math.max(24 * every, MANY_JOBS * slotSeconds), SECONDS_PER_MONTH));
  const count = Math.max(2, Math.ceil(span / every));
  const from = every * Math.floor(count / 2);
  const of = apart
    ? one
    : simulate(facts, delays, a, inputs, bursts(size, every, count), {
        ...options,
        countFromSeconds: from,
        untilSeconds: every * count,
      });
  const seconds = apart ? of.endSeconds : every * count - from;
  // What has come and is not done yet at the end of the hours that are simulated has to be done as well.
  const left = apart ? 1 : Math.max(1, (seconds * images * slotSeconds) / SECONDS_PER_MONTH / of.busySeconds);
  const times = apart ? images / size : (SECONDS_PER_MONTH / seconds) * left;
  const beyond = (total: number, always: number) => (Math.max(0, total - always * seconds) * times) / 3600;
  const lasts = (of.lastResultSeconds ?? 0) - (of.firstResultSeconds ?? 0);
  const hoursEach = apart ? Math.floor(lasts / 3600) + 1 : 0;
  return {
    images,
    unitHours: beyond(of.unitSeconds, facts.capacity.min),
    hostHours: beyond(of.hostSeconds, facts.hosts?.min ?? 0),
    busyHours: (of.busySeconds * times) / 3600,
    starts: of.starts * times + images * a['lambda-cold-share'],
    activeHours: apart ? Math.min(HOURS_PER_MONTH, hoursEach * times) : HOURS_PER_MONTH,
    hourly: !apart || every <= 3600,
    overCeiling,
  };
}

/** A month in which so many units run all the time, and as many as are needed have something to do. */
function allMonth({ unit, hosts, capacity }: WayFacts, images: number, units: number, busy: number): Month {
  const beyond = (many: number, always: number) => Math.max(0, many - always) * HOURS_PER_MONTH;
  return {
    images,
    unitHours: beyond(units, capacity.min),
    hostHours: beyond(units / (hosts?.unitsPerHost ?? 1), hosts?.min ?? 0),
    busyHours: busy * unit.slots * HOURS_PER_MONTH,
    starts: 0,
    activeHours: HOURS_PER_MONTH,
    hourly: true,
    overCeiling: true,
  };
}

/** What each line of the bill is of, in units of its price. Pods that a cluster itself needs run always. */
function quantities(facts: WayFacts, delays: Delays, a: Assumptions, inputs: Inputs, month: Month) {
  const { hosts, fargate, resident, unit, capacity, queue, scaling, controlPlane } = facts;
  const { work, job } = inputs;
  const { images, busyHours } = month;
  const always = { hosts: (hosts?.min ?? 0) * HOURS_PER_MONTH, units: capacity.min * HOURS_PER_MONTH };
  const called = { hosts: hosts ? month.hostHours : 0, units: month.unitHours };
  const disks = (hours: number) => (hours / HOURS_PER_MONTH) * (hosts?.diskGib ?? 0);
  const addresses = (hours: typeof always) => (facts.publicIpv4 ? (hosts ? hours.hosts : hours.units) : 0);
  // Of a worker that finds nothing, each loop asks again when a long poll ends.
  const receives = (hours: number) => (queue ? (Math.max(0, hours) * 3600 * unit.held) / queue.longPollSeconds : 0);
  const polls = (hours: number, every: number) => (scaling.kind === 'keda' ? (hours * 3600) / every : 0);
  const stored = (bytes: number, days: number) => (images * bytes * days) / DAYS_PER_MONTH / GB;
  // A start of a function is billed like the work itself.
  const invoked = unit.kind === 'function' ? busyHours * 3600 + month.starts * a['lambda-cold-start'] : 0;
  return {
    'hosts.idle': always.hosts,
    'disks.idle': disks(always.hosts),
    'hosts.called': called.hosts,
    'disks.called': disks(called.hosts),
    'fargate.vcpu.idle': always.units * (fargate?.vcpus ?? 0) + HOURS_PER_MONTH * (resident?.vcpus ?? 0),
    'fargate.memory.idle': always.units * (fargate?.memoryGib ?? 0) + HOURS_PER_MONTH * (resident?.memoryGib ?? 0),
    'fargate.vcpu.called': called.units * (fargate?.vcpus ?? 0),
    'fargate.memory.called': called.units * (fargate?.memoryGib ?? 0),
    'ipv4.idle': addresses(always),
    'ipv4.called': addresses(called),
    'function.duration': (invoked * unit.memoryMib) / 1024,
    'function.requests': unit.kind === 'function' ? images : 0,
    'control-plane': controlPlane ? HOURS_PER_MONTH : 0,
    'control-plane.logs': controlPlane ? a['control-plane-logs'] : 0,
    queue: queue ? 3 * images : 0,
    'queue.idle': receives(always.units),
    'queue.empty': receives(called.units - busyHours / unit.slots),
    'queue.keda': scaling.kind === 'keda' ? polls(HOURS_PER_MONTH, scaling.pollingSeconds) : 0,
    // KEDA passes on what the Horizontal Pod Autoscaler asks, which it does while there are pods.
    'queue.autoscaler': polls(Math.min(HOURS_PER_MONTH, called.units), delays['hpa-sync'].high),
    alarms: facts.alarmMetrics,
    dashboards: facts.dashboards,
    nat: facts.natGateways * HOURS_PER_MONTH,
    'nat.ipv4': facts.natGateways * HOURS_PER_MONTH,
    endpoints: facts.interfaceEndpoints * HOURS_PER_MONTH,
    logs: (images * job.logBytes) / GB,
    metrics: job.customMetrics * (month.activeHours / HOURS_PER_MONTH),
    's3.upload': images,
    's3.get': images * job.s3Gets,
    's3.put': images * job.s3Puts,
    's3.source': stored(work.bytesIn, facts.sourceExpirationDays),
    's3.output': stored(work.bytesOut, facts.outputExpirationDays),
  };
}

/** Words with what belongs between their braces. */
export const fill = (text: string, values: Readonly<Record<string, unknown>>): string =>
  text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));

/** `ec2.{type}.hour` and the like, with what a way has there. */
function filled(text: string, { hosts, unit, way, spot, controlPlane }: WayFacts, inputs: Inputs): string {
  // EKS sells no Spot on Fargate.
  const isSpot = (inputs.spot || spot) && way !== 'eks-fargate';
  return fill(text, {
    type: hosts?.instanceTypes[0],
    gib: hosts?.diskGib,
    disk: hosts?.diskType,
    kind: unit.kind,
    memory: unit.memoryMib.toLocaleString('en'),
    x64: unit.architecture === 'x64' ? '.x64' : '',
    spot: isSpot ? '.spot' : '',
    logTypes: controlPlane?.logTypes,
  });
}

// --- The bill -------------------------------------------------------------------------------------------------------

interface Line {
  readonly id: keyof ReturnType<typeof quantities>;
  readonly label: string;
  readonly price: string;
  readonly idle?: boolean;
  readonly shared?: boolean;
  /** Of compute that a savings plan covers, if it runs in every hour. */
  readonly planned?: boolean;
}

interface Priced extends Line {
  readonly quantity: number;
  readonly found: Price | undefined;
  readonly usd: number;
}

/** All lines with every assumption at one value, and their amounts. */
function bill(
  facts: WayFacts,
  { prices, delays, allowances, savings }: Tables,
  a: Assumptions,
  inputs: Inputs,
  month = monthOf(facts, delays, a, inputs),
) {
  const left = new Map(inputs.freeTier ? allowances.map(({ id, perMonth }) => [id, perMonth]) : []);
  const amounts = quantities(facts, delays, a, inputs, month);
  const priced = (billLines as readonly Line[]).flatMap((line): Priced[] => {
    const quantity = amounts[line.id];
    if (quantity === 0) return [];
    const price = filled(line.price, facts, inputs);
    const found = findPrice(prices, price, inputs.region);
    const free = [...left.keys()].find((id) => price.startsWith(id));
    const given = Math.min(quantity, free === undefined ? 0 : (left.get(free) ?? 0));
    if (free !== undefined) left.set(free, (left.get(free) ?? 0) - given);
    const covered = inputs.savingsPlan && line.planned && (line.idle || month.hourly);
    const plan = covered ? savings.find(({ id, region }) => id === price && region === inputs.region) : undefined;
    const usd = found ? usdAt(found, quantity - given, a['spot-price']) * (1 - (plan?.discount ?? 0)) : 0;
    return [{ ...line, price, quantity, found, usd }];
  });
  const sum = (counts: (line: Priced) => boolean | undefined) =>
    priced.reduce((total, each) => total + (counts(each) ? each.usd : 0), 0);
  return { month, priced, sum };
}

/** What differs between the ways, in USD a month, with every assumption at one value. */
const computeUsd = (facts: WayFacts, tables: Tables, a: Assumptions, inputs: Inputs, month?: Month): number =>
  bill(facts, tables, a, inputs, month).sum(({ shared }) => !shared);

/** If nothing ever waited for work, and nothing was started for it. It costs more than that. */
function leastUsd(facts: WayFacts, tables: Tables, a: Assumptions, inputs: Inputs): number {
  const busy = inputs.imagesPerMonth / SECONDS_PER_MONTH / speed(facts, a, inputs, 1);
  const month = { ...allMonth(facts, inputs.imagesPerMonth, busy, busy), activeHours: 0 };
  return computeUsd(facts, tables, a, inputs, month);
}

/** A calculation with every assumption at its low end, typical, at its high end. */
function estimate(tables: Tables, inputs: Inputs, of: (a: Assumptions) => number): Estimate {
  const from = ranges(tables.delays, inputs);
  const [low, typical, high] = ENDS.map((end) => of(assume(from, end))) as [number, number, number];
  return { low: Math.min(low, typical, high), typical, high: Math.max(low, typical, high) };
}

/** Compute in USD a month. */
export const computeRange = (facts: WayFacts, tables: Tables, inputs: Inputs): Estimate =>
  estimate(tables, inputs, (a) => computeUsd(facts, tables, a, inputs));

/** USD a month, with every assumption typical: what differs between the ways, of that without any image, and what is the same. */
export type TypicalUsd = Readonly<Record<'idle' | 'compute' | 'shared', number>>;

export function typicalUsd(facts: WayFacts, tables: Tables, inputs: Inputs): TypicalUsd {
  const { sum } = bill(facts, tables, assume(ranges(tables.delays, inputs), 'typical'), inputs);
  return {
    idle: sum(({ idle, shared }) => idle && !shared),
    compute: sum(({ shared }) => !shared),
    shared: sum(({ shared }) => shared),
  };
}

/**
 * What some arrivals cost in USD beyond what the stack costs without any. Of a month only this happens in; what is written is kept until it expires.
 */
export function runUsd(facts: WayFacts, tables: Tables, inputs: Inputs, arrivals: Arrivals): Estimate {
  return estimate(tables, inputs, (a) => {
    const trace = simulate(facts, tables.delays, a, inputs, arrivals);
    const images = total(arrivals);
    const beyond = (seconds: number, always: number) => Math.max(0, seconds - always * trace.endSeconds) / 3600;
    const lasts = (trace.lastResultSeconds ?? 0) - (trace.firstResultSeconds ?? 0);
    const month: Month = {
      images,
      unitHours: beyond(trace.unitSeconds, facts.capacity.min),
      hostHours: beyond(trace.hostSeconds, facts.hosts?.min ?? 0),
      busyHours: trace.busySeconds / 3600,
      starts: trace.starts + images * a['lambda-cold-share'],
      activeHours: Math.floor(lasts / 3600) + 1,
      hourly: false,
      overCeiling: false,
    };
    return bill(facts, tables, a, inputs, month).sum(({ idle }) => !idle);
  });
}

/** Images a month. */
const MUCH = 1e7;

/** The cost of one way. What has no price in the region is in `unknown`, and in no sum. */
export function cost(facts: WayFacts, tables: Tables, inputs: Inputs): Cost {
  const from = ranges(tables.delays, inputs);
  const million = inputs.imagesPerMonth > 0 ? 1e6 / inputs.imagesPerMonth : null;
  const all = figures(
    from,
    (a): Record<string, number | null> => {
      const { priced, sum } = bill(facts, tables, a, inputs);
      const most = maxUnits(facts, a, inputs);
      const compute = sum(({ shared }) => !shared);
      const each = (of: (line: Priced) => number, name: string) =>
        billLines.map(({ id }): [string, number] => {
          const line = priced.find((one) => one.id === id);
          return [`${name}:${id}`, line ? of(line) : 0];
        });
      return {
        ...Object.fromEntries([...each(({ quantity }) => quantity, 'quantity'), ...each(({ usd }) => usd, 'usd')]),
        total: sum(() => true),
        compute,
        idle: sum(({ idle, shared }) => idle && !shared),
        perMillion: million === null ? null : compute * million,
        ceiling: Number.isFinite(most) ? speed(facts, a, inputs, most) * SECONDS_PER_MONTH : null,
      };
    },
    inputs.imagesPerMonth > MUCH ? OF_MUCH_WORK : undefined,
  );
  const { month, priced } = bill(facts, tables, assume(from, 'typical'), inputs);
  return {
    way: facts.way,
    items: priced.flatMap(({ id, label, found, idle = false, shared = false }) => {
      const [quantity, usdPerMonth] = [all[`quantity:${id}`] as Figure, all[`usd:${id}`] as Figure];
      return found
        ? [{ id, label: filled(label, facts, inputs), quantity, usdPerMonth, price: found, idle, shared }]
        : [];
    }),
    unknown: [
      ...priced.flatMap(({ label, price, found }) =>
        found ? [] : [{ label: filled(label, facts, inputs), why: `no price for ${price} in ${inputs.region}` }],
      ),
      ...uncounted(facts),
    ],
    usdPerMonth: all.total as Figure,
    computeUsdPerMonth: all.compute as Figure,
    idleUsdPerMonth: all.idle as Figure,
    usdPerMillion: all.perMillion ?? null,
    ceilingImagesPerMonth: all.ceiling ?? null,
    overCeiling: month.overCeiling,
  };
}

/** What is billed and not counted, because nothing here says how much of it there is. */
function uncounted({
  unit,
  natGateways,
  interfaceEndpoints,
  way,
  controlPlane,
  withoutLine,
}: WayFacts): Cost['unknown'] {
  const known: readonly (readonly [when: boolean, label: string, why: string])[] = [
    [unit.kind === 'function', 'the start and report lines of the platform', 'how long they are was not measured'],
    [unit.kind === 'task' || unit.kind === 'pod', 'the image in ECR', 'its size is not in the template'],
    [natGateways > 0, 'bytes through the NAT gateway', 'only S3 goes past it; the rest was not measured'],
    [interfaceEndpoints > 0, 'bytes through interface endpoints', 'they were not measured'],
    [controlPlane !== null, 'traffic between zones inside the cluster', 'it was not measured'],
    [way === 'eks-fargate', 'log lines of the cluster\u2019s own pods', 'they were not measured'],
    ...withoutLine.map((type) => [true, type, 'what it costs is in no table here'] as const),
    [true, 'storage of logs', 'they are compressed, by how much is not known'],
    [true, 'retries and rejected images', 'how many there are depends on the images'],
  ];
  return known.flatMap(([when, label, why]) => (when ? [{ label, why }] : []));
}

// --- Where which way is cheapest ------------------------------------------------------------------------------------

/** One volume with one burst size. */
export interface Cell {
  readonly imagesPerMonth: number;
  readonly imagesPerBurst: number;
  /** Those that are the cheapest, or within a tenth of it, with all assumptions at one end or another. Typically the first. */
  readonly contenders: readonly Compute[];
}

/** Amounts that differ by less than this part are not told apart. */
const ALIKE = 0.1;

/** Compares all ways, with the same assumptions for all of them at a time. */
export function cell(facts: Facts, tables: Tables, inputs: Inputs): Cell {
  const { imagesPerMonth, imagesPerBurst } = inputs;
  const from = ranges(tables.delays, inputs);
  const near = (end: End): Compute[] => {
    const a = assume(from, end);
    const least = COMPUTES.map((way) => ({ way, usd: leastUsd(facts[way], tables, a, inputs) }));
    const found: { way: Compute; usd: number }[] = [];
    const best = () => Math.min(...found.map(({ usd }) => usd)) * (1 + ALIKE);
    // Those that cannot come near are not simulated.
    for (const { way, usd } of least.toSorted((one, other) => one.usd - other.usd)) {
      if (usd <= best()) found.push({ way, usd: computeUsd(facts[way], tables, a, inputs) });
    }
    const nearest = found.filter(({ usd }) => usd <= best());
    return nearest.toSorted((one, other) => one.usd - other.usd).map(({ way }) => way);
  };
  const contenders = [...new Set([...near('typical'), ...near('low'), ...near('high')])];
  return { imagesPerMonth, imagesPerBurst, contenders };
}

/** Half decades, and decades. */
export const VOLUMES: readonly number[] = [1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8];
export const BURSTS: readonly number[] = [1, 10, 100, 1e3, 1e4, 1e5, 1e6];

/** A map of volume by burst size. Bursts that are more than a month brings are left out. */
export const costMap = (
  facts: Facts,
  tables: Tables,
  inputs: Inputs,
  at = { volumes: VOLUMES, bursts: BURSTS },
): Cell[] =>
  at.bursts.flatMap((imagesPerBurst) =>
    at.volumes
      .filter((imagesPerMonth) => imagesPerMonth >= imagesPerBurst)
      .map((imagesPerMonth) => cell(facts, tables, { ...inputs, imagesPerMonth, imagesPerBurst })),
  );
