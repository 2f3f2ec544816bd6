import { FOUR_WAYS, type FourWay } from '../../../lib/ways';
import { spanning, sum } from './range';
import { idleSeconds, serviceSeconds, startSeconds, stepChange, tailSeconds } from './service';
import type {
  BreakEven,
  Cost,
  CostInputs,
  CurvePoint,
  Delays,
  End,
  Facts,
  LineItem,
  Price,
  PriceTable,
  Range,
  Region,
  Tables,
  Tier,
  Unknown,
  WayFacts,
} from './types';

/**
 * What a way costs in a month, line by line: quantity x price = amount. Pure, and free of Node, so that a page runs the
 * same code. List prices: no taxes, no discounts, no free tier. Every quantity grows with the number of images.
 */

/** 365 days / 12, as AWS counts. */
export const HOURS_PER_MONTH = 730;
const SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600;
const DAYS_PER_MONTH = HOURS_PER_MONTH / 24;
/** AWS's GB of storage and of logs is a GiB. */
const GB = 1024 ** 3;

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

export function usdAt(price: Price, quantity: number, end: End): number {
  if (end === 'high' && price.highUsd !== undefined) return quantity * price.highUsd;
  return amount(price.tiers, quantity);
}

// --- Quantities -----------------------------------------------------------------------------------------------------

/** Prices differ by architecture; those of arm64, which the stacks are, have no suffix. */
const suffix = ({ unit, spot }: WayFacts, inputs?: CostInputs) =>
  `${unit.architecture === 'x64' ? '.x64' : ''}${inputs && (inputs.spot || spot) ? '.spot' : ''}`;

/** How much of something a month takes. */
interface Line {
  readonly id: string;
  readonly label: string;
  readonly price: string;
  readonly quantity: number;
  readonly idle?: boolean;
  readonly shared?: boolean;
}

interface Load {
  readonly images: number;
  /** Bursts a month, and images in each. */
  readonly bursts: number;
  readonly imagesPerBurst: number;
  readonly serviceSeconds: number;
  /** Units that would be busy all month. */
  readonly busyUnits: number;
}

function loadOf(facts: WayFacts, delays: Delays, inputs: CostInputs, end: End): Load {
  const images = inputs.imagesPerMonth;
  const imagesPerBurst = Math.max(1, Math.min(inputs.imagesPerBurst, images));
  const seconds = serviceSeconds(facts, delays, inputs, end, inputs.job);
  const busyUnits = (images * seconds) / facts.unit.slots / SECONDS_PER_MONTH;
  return { images, bursts: images / imagesPerBurst, imagesPerBurst, serviceSeconds: seconds, busyUnits };
}

/**
 * Units that the way's rule starts for one burst that finds none: what the first look at the queue asks for, and more
 * for as long as something waits when the next look is due. Units that still start have done nothing by then, and a look
 * may find the queue as it was a while ago.
 */
export function unitsForBurst(facts: WayFacts, delays: Delays, images: number, service: number, end: End): number {
  const max = facts.capacity.max ?? Number.POSITIVE_INFINITY;
  if (facts.scaling.kind === 'concurrency') return Math.min(images, max);
  if (facts.scaling.kind === 'keda') return Math.min(Math.ceil(images / facts.scaling.messagesPerUnit), max);
  const rule = facts.scaling.rules.find(({ direction }) => direction === 'out');
  if (!rule) return 0;
  const start = startSeconds(facts, delays, end);
  // A cooldown begins when units are told to start, at worst when they have.
  const pause = rule.warmupSeconds ?? (rule.cooldownSeconds ?? 0) + (end === 'high' ? start : 0);
  const every = delays['alarm-evaluation'].high;
  const lookSeconds = Math.max(1, Math.ceil(pause / every)) * every;
  const unseen = start + delays['sqs-metric'][end];
  const launches: { at: number; units: number }[] = [];
  let units = 0;
  for (let now = 0; units < max; now += lookSeconds) {
    const worked = launches.reduce((sum, launch) => sum + launch.units * Math.max(0, now - launch.at - unseen), 0);
    const waiting = images - (worked * facts.unit.slots) / service;
    if (waiting < rule.threshold) break;
    const more = Math.min(max - units, stepChange(rule, waiting));
    if (more > 0) launches.push({ at: now, units: more });
    units += more;
    if (units === 0) break;
  }
  return units;
}

/**
 * Seconds a month for which units are there that come and go with the work.
 *
 * Each burst has its work and the overhead, such as starting and leaving, of the units it calls. When bursts follow so
 * closely that the next one finds them, they stay all month, and more where they cannot do the work. That is not so at
 * the low end: whoever looks once in a while may find the queue empty each time, and then nobody is there until the next
 * burst has come and is seen. And at the high end a rule of steps adds for as long as anything waits, up to its maximum,
 * and takes nothing back while the queue is not empty: so when there is more work than the units can do, when a burst
 * that finds them is more than they take at once, and while the first of them start.
 */
function unitSeconds(
  facts: WayFacts,
  delays: Delays,
  load: Load,
  units: number,
  overheadSeconds: number,
  end: End,
): number {
  if (load.images === 0 || units === 0) return 0;
  const { busyUnits, bursts, imagesPerBurst } = load;
  const comingAndGoing = busyUnits * SECONDS_PER_MONTH + bursts * units * overheadSeconds;
  const every = delays['alarm-evaluation'].high;
  if (end === 'low') {
    if (busyUnits > units) return SECONDS_PER_MONTH * Math.ceil(busyUnits);
    const away = every + Math.min(overheadSeconds, SECONDS_PER_MONTH / bursts);
    const there = busyUnits + (units - busyUnits) * (overheadSeconds / (overheadSeconds + away));
    return Math.min(comingAndGoing, SECONDS_PER_MONTH * there);
  }
  if (comingAndGoing < units * SECONDS_PER_MONTH) return comingAndGoing;
  // What comes until one works, and that is seen, waits as a burst does.
  const first = every + startSeconds(facts, delays, end) + delays['sqs-metric'][end];
  const meanwhile = Math.ceil((load.images / SECONDS_PER_MONTH) * first);
  const more = unitsForBurst(facts, delays, meanwhile, load.serviceSeconds, end) > units;
  const adds = more || busyUnits > units || imagesPerBurst > units * facts.receiversPerUnit;
  return SECONDS_PER_MONTH * Math.max(units, Math.ceil(busyUnits), adds ? (facts.capacity.max ?? 0) : 0);
}

/** The share of the work that falls on units beyond the ones that always run, which work first. */
function calledShare({ capacity }: WayFacts, units: number, seconds: number): number {
  const running = Math.max(units, seconds / SECONDS_PER_MONTH);
  return running > 0 ? Math.max(0, running - capacity.min) / running : 0;
}

/** Hosts, in host-seconds a month: where units share hosts, the ones that are there anyway work first. */
function hostSeconds(facts: WayFacts, delays: Delays, load: Load, end: End): { idle: number; called: number } {
  const { hosts, scaling } = facts;
  if (!hosts) return { idle: 0, called: 0 };
  const idle = hosts.min * SECONDS_PER_MONTH;
  const units = unitsForBurst(facts, delays, load.imagesPerBurst, load.serviceSeconds, end);
  const start = scaling.kind === 'keda' ? delays['eks-node-join'][end] : startSeconds(facts, delays, end);
  const perUnit = unitSeconds(facts, delays, load, units, start + tailSeconds(facts, delays, end), end);
  if (units === 0 || perUnit === 0) return { idle, called: 0 };
  // The share of the work that falls on hosts beyond the ones that always run.
  const running = Math.max(units, perUnit / SECONDS_PER_MONTH);
  const called = Math.max(0, Math.ceil(running / hosts.unitsPerHost) - hosts.min);
  return { idle, called: (perUnit / running) * called };
}

function lines(facts: WayFacts, delays: Delays, inputs: CostInputs, end: End): Line[] {
  const load = loadOf(facts, delays, inputs, end);
  const compute = { ec2: hostLines, 'eks-ec2': hostLines, 'ecs-fargate': taskLines, lambda: functionLines }[facts.way];
  return [...compute(facts, delays, load, inputs, end), ...platformLines(facts, delays, load, inputs, end)];
}

function hostLines(facts: WayFacts, delays: Delays, load: Load, { spot }: CostInputs, end: End): Line[] {
  const { hosts } = facts;
  if (!hosts) return [];
  const seconds = hostSeconds(facts, delays, load, end);
  const [type] = hosts.instanceTypes;
  const price = `ec2.${type}.hour${spot || facts.spot ? '.spot' : ''}`;
  const of = (kind: 'idle' | 'called'): Line[] => {
    const hours = seconds[kind] / 3600;
    const idle = kind === 'idle';
    if (idle && hosts.min === 0) return [];
    const when = idle ? 'that always run' : 'that come with the work';
    return [
      {
        id: `hosts.${kind}`,
        label: `${type}, ${facts.way === 'ec2' ? 'instances' : 'nodes'} ${when}`,
        price,
        quantity: hours,
        idle,
      },
      {
        id: `disks.${kind}`,
        label: `${hosts.diskGib} GiB of ${hosts.diskType} for each`,
        price: `ebs.${hosts.diskType}.gib-month`,
        quantity: (hours / HOURS_PER_MONTH) * hosts.diskGib,
        idle,
      },
      ...(hosts.publicIpv4
        ? [{ id: `ipv4.${kind}`, label: 'a public IPv4 address for each', price: 'ipv4.hour', quantity: hours, idle }]
        : []),
    ];
  };
  return [
    ...(facts.controlPlane
      ? [
          {
            id: 'control-plane',
            label: 'the control plane',
            price: 'eks.cluster-hour',
            quantity: HOURS_PER_MONTH,
            idle: true,
          },
        ]
      : []),
    ...of('idle'),
    ...of('called'),
  ];
}

function taskLines(facts: WayFacts, delays: Delays, load: Load, inputs: CostInputs, end: End): Line[] {
  const units = unitsForBurst(facts, delays, load.imagesPerBurst, load.serviceSeconds, end);
  const overhead = startSeconds(facts, delays, end) + tailSeconds(facts, delays, end);
  const called = unitSeconds(facts, delays, load, units, overhead, end);
  const of = (seconds: number, idle: boolean): Line[] => {
    const hours = seconds / 3600;
    const kind = idle ? 'idle' : 'called';
    const when = idle ? 'that always run' : 'that come with the work';
    return [
      {
        id: `tasks.vcpu.${kind}`,
        label: `vCPU of tasks ${when}`,
        price: `fargate.vcpu-hour${suffix(facts, inputs)}`,
        quantity: hours * facts.unit.vcpus,
        idle,
      },
      {
        id: `tasks.memory.${kind}`,
        label: `memory of tasks ${when}`,
        price: `fargate.gb-hour${suffix(facts, inputs)}`,
        quantity: (hours * facts.unit.memoryMib) / 1024,
        idle,
      },
      ...(facts.taskPublicIpv4
        ? [{ id: `ipv4.${kind}`, label: 'a public IPv4 address for each', price: 'ipv4.hour', quantity: hours, idle }]
        : []),
    ];
  };
  const always = facts.capacity.min * SECONDS_PER_MONTH;
  return [...(always > 0 ? of(always, true) : []), ...of(called * calledShare(facts, units, called), false)];
}

function functionLines(facts: WayFacts, delays: Delays, load: Load, _: CostInputs, end: End): Line[] {
  // Initialization is billed like the work itself.
  const cold = coldStarts(facts, delays, load, end) * delays['lambda-cold-start'][end];
  const seconds = load.images * load.serviceSeconds + cold;
  return [
    {
      id: 'function.duration',
      label: `duration at ${facts.unit.memoryMib} MB`,
      price: `lambda.gb-second${suffix(facts)}`,
      quantity: (seconds * facts.unit.memoryMib) / 1024,
    },
    { id: 'function.requests', label: 'invocations', price: `lambda.request${suffix(facts)}`, quantity: load.images },
  ];
}

/** Environments that start in a month: a share of the invocations; at worst all of each burst that finds none left. */
function coldStarts({ capacity }: WayFacts, delays: Delays, load: Load, end: End): number {
  const share = load.images * delays['lambda-cold-share'][end];
  if (end === 'low') return share;
  const together = Math.min(load.imagesPerBurst, capacity.max ?? delays['lambda-concurrency-quota'].high);
  // One that is kept for so long does not start more often.
  const most = SECONDS_PER_MONTH / delays['lambda-idle'].low;
  return Math.max(share, Math.min(load.bursts, most) * together);
}

/** What is around the compute: queue, alarms, logs, metrics, buckets, network. */
function platformLines(facts: WayFacts, delays: Delays, load: Load, inputs: CostInputs, end: End): Line[] {
  const { images } = load;
  const { work, job } = inputs;
  const line = (id: string, label: string, price: string, quantity: number, more: Partial<Line> = {}): Line => ({
    id,
    label,
    price,
    quantity,
    ...more,
  });
  const stored = (bytes: number, days: number) => (images * bytes * days) / DAYS_PER_MONTH / GB;
  return [
    ...queueLines(facts, delays, load, end),
    line('alarms', 'metrics under alarms', 'cloudwatch.alarm-metric-month', facts.alarmMetrics, { idle: true }),
    ...(facts.natGateways > 0
      ? [
          line('nat', 'NAT gateways', 'nat.hour', facts.natGateways * HOURS_PER_MONTH, { idle: true }),
          line('nat.ipv4', 'a public IPv4 address for each', 'ipv4.hour', facts.natGateways * HOURS_PER_MONTH, {
            idle: true,
          }),
        ]
      : []),
    ...(facts.interfaceEndpoints > 0
      ? [
          line(
            'endpoints',
            'interface endpoints, in each zone',
            'vpc-endpoint.hour',
            facts.interfaceEndpoints * HOURS_PER_MONTH,
            { idle: true },
          ),
        ]
      : []),
    line('logs', 'log lines', 'cloudwatch.logs-gb', (images * job.logBytes) / GB),
    // Billed for the hours in which they are sent: at best all images of a burst fall into one hour.
    line(
      'metrics',
      'metrics in the log lines',
      'cloudwatch.metric-month',
      job.customMetrics * Math.min(1, (load.bursts * activeHours(facts, delays, load, end)) / HOURS_PER_MONTH),
    ),
    line('s3.upload', 'uploads to the source bucket', 's3.put', images, { shared: true }),
    line('s3.get', 'reads of the job', 's3.get', images * job.s3Gets, { shared: true }),
    line('s3.put', 'writes of the job', 's3.put', images * job.s3Puts, { shared: true }),
    line('s3.source', 'originals, until they expire', 's3.gb-month', stored(work.bytesIn, facts.sourceExpirationDays), {
      shared: true,
    }),
    line(
      's3.output',
      'renditions, until they expire',
      's3.gb-month',
      stored(work.bytesOut, facts.outputExpirationDays),
      { shared: true },
    ),
  ];
}

/** Clock hours that one burst touches. */
function activeHours(facts: WayFacts, delays: Delays, load: Load, end: End): number {
  if (load.images === 0) return 0;
  const units = unitsForBurst(facts, delays, load.imagesPerBurst, load.serviceSeconds, end) || 1;
  const hours = (load.imagesPerBurst * load.serviceSeconds) / (units * facts.unit.slots) / 3600;
  return Math.ceil(hours) + (end === 'high' && hours > 0 ? 1 : 0);
}

function queueLines(facts: WayFacts, delays: Delays, load: Load, end: End): Line[] {
  if (!facts.usesJobQueue) return [];
  const { scaling, capacity } = facts;
  const request = (id: string, label: string, quantity: number, idle = false): Line[] =>
    quantity > 0 || !idle ? [{ id, label, price: 'sqs.request', quantity, idle }] : [];
  const units = unitsForBurst(facts, delays, load.imagesPerBurst, load.serviceSeconds, end);
  const there = unitSeconds(facts, delays, load, units, idleSeconds(facts, delays, end), end);
  const always = capacity.min * SECONDS_PER_MONTH;
  // Workers that find nothing ask again, each of their loops, when a long poll ends; at worst also the loops beside the
  // one that has found something.
  const empty = facts.receiversPerUnit / facts.longPollSeconds;
  const busy = end === 'low' ? load.busyUnits * SECONDS_PER_MONTH : 0;
  const waiting = Math.max(0, there - busy) * calledShare(facts, units, there);
  return [
    ...request('queue', 'messages: sent, received, deleted', 3 * load.images),
    ...request('queue.idle', 'receives that find nothing, of workers that always run', always * empty, true),
    ...request('queue.empty', 'receives that find nothing', waiting * empty),
    ...(scaling.kind === 'keda'
      ? [
          ...request('queue.scaler', 'KEDA asking for its length', SECONDS_PER_MONTH / scaling.pollingSeconds, true),
          // KEDA passes on what the Horizontal Pod Autoscaler asks, which it does while there are pods.
          ...request(
            'queue.autoscaler',
            'the pod autoscaler asking for its length, through KEDA',
            units === 0 ? 0 : Math.min(there / units, SECONDS_PER_MONTH) / delays['hpa-sync'].high,
          ),
        ]
      : []),
  ];
}

// --- The bill -------------------------------------------------------------------------------------------------------

/** What is billed and not counted, because nothing here says how much of it there is. */
function uncounted(facts: WayFacts, prices: PriceTable, region: Region): Unknown[] {
  const at = (id: string) => {
    const price = findPrice(prices, id, region);
    return price ? `, at ${priceDigits(price.tiers[0]?.usd ?? 0)} a ${price.unit}` : '';
  };
  const when = (is: boolean, label: string, why: string) => (is ? [{ label, why }] : []);
  const { controlPlane } = facts;
  return [
    ...when(
      controlPlane !== null && controlPlane.logTypes > 0,
      `logs of the control plane (${controlPlane?.logTypes} kinds)${at('cloudwatch.logs-gb')}`,
      'how much a cluster logs was not measured',
    ),
    ...when(
      facts.way === 'lambda',
      `the start and report lines of the platform${at('cloudwatch.logs-gb')}`,
      'how long they are was not measured',
    ),
    ...when(
      facts.way === 'ecs-fargate' || facts.way === 'eks-ec2',
      `the image in ECR${at('ecr.gb-month')}`,
      'its size is not in the template',
    ),
    ...when(
      facts.natGateways > 0,
      `bytes through the NAT gateway${at('nat.gb')}`,
      'only S3 goes past it; the rest was not measured',
    ),
    ...when(facts.interfaceEndpoints > 0, 'bytes through interface endpoints', 'they were not measured'),
    ...when(facts.way === 'eks-ec2', 'traffic between zones inside the cluster', 'it was not measured'),
    ...when(
      'AWS::CloudWatch::Dashboard' in facts.resources,
      `the dashboard${at('cloudwatch.dashboard-month')}`,
      'the first three of an account cost nothing',
    ),
    ...when(
      'AWS::Scheduler::Schedule' in facts.resources,
      'the schedule that keeps metrics of the queue coming',
      'the first 14 million calls of an account a month cost nothing, and these are fewer than 150',
    ),
    ...when(
      'AWS::SNS::Topic' in facts.resources,
      'mails of alarms',
      'the first thousand of an account a month cost nothing',
    ),
    ...facts.withoutLine.map((type) => ({ label: type, why: 'what it costs is in no table here' })),
    { label: 'storage of logs', why: 'they are compressed, by how much is not known' },
    { label: 'retries and rejected images', why: 'how many there are depends on the images' },
  ];
}

/** The cost of one way. What has no price in the region is in `unknown`, and in no sum. */
export function cost(facts: WayFacts, { prices, delays }: Tables, inputs: CostInputs): Cost {
  const ends = { low: lines(facts, delays, inputs, 'low'), high: lines(facts, delays, inputs, 'high') };
  const items: LineItem[] = [];
  const unknown: Unknown[] = [];
  for (const low of ends.low) {
    const high = ends.high.find(({ id }) => id === low.id) ?? low;
    const price = findPrice(prices, low.price, inputs.region);
    if (!price) unknown.push({ label: low.label, why: `no price for ${low.price} in ${inputs.region}` });
    else items.push(item(low, high.quantity, price));
  }
  const shared = (wanted: boolean) =>
    sum(items.filter((one) => one.shared === wanted).map(({ usdPerMonth }) => usdPerMonth));
  const compute = shared(false);
  const total = sum([compute, shared(true)]);
  const ceiling = ceilingImagesPerMonth(facts, delays, inputs);
  return {
    way: facts.way,
    inputs,
    items,
    unknown: [...unknown, ...uncounted(facts, prices, inputs.region)],
    usdPerMonth: total,
    computeUsdPerMonth: compute,
    usdPerMillionImages:
      inputs.imagesPerMonth > 0
        ? { low: (total.low / inputs.imagesPerMonth) * 1e6, high: (total.high / inputs.imagesPerMonth) * 1e6 }
        : null,
    ceilingImagesPerMonth: ceiling,
    overCeiling: ceiling !== null && inputs.imagesPerMonth > ceiling.high,
  };
}

function item(low: Line, highQuantity: number, price: Price): LineItem {
  const quantity = { low: low.quantity, high: highQuantity };
  const usdPerMonth = { low: usdAt(price, quantity.low, 'low'), high: usdAt(price, quantity.high, 'high') };
  const first = price.tiers[0]?.usd ?? 0;
  const each = (end: End) =>
    quantity[end] > 0 ? usdPerMonth[end] / quantity[end] : end === 'high' ? (price.highUsd ?? first) : first;
  const usdPerUnit = { low: each('low'), high: each('high') };
  const { source, date, confidence, via } = price;
  return {
    id: low.id,
    label: low.label,
    quantity,
    unit: price.unit,
    // Of tiers this is the average, which falls as the quantity grows.
    usdPerUnit: spanning(usdPerUnit.low, usdPerUnit.high),
    usdPerMonth,
    arithmetic: `${show(quantity)} ${price.unit}${price.unit === 'GB' || quantity.high === 1 ? '' : 's'} \u00d7 ${showPrice(spanning(usdPerUnit.low, usdPerUnit.high))} = ${showUsd(usdPerMonth)}`,
    price: { id: price.id, source, date, confidence, ...(via && { via }) },
    idle: low.idle ?? false,
    shared: low.shared ?? false,
  };
}

/** Images a month that the template's maximum can do, working all the time. `null` where the template sets none. */
export function ceilingImagesPerMonth(facts: WayFacts, delays: Delays, inputs: CostInputs): Range | null {
  if (facts.capacity.max === null) return null;
  const perMonth = facts.capacity.max * facts.unit.slots * SECONDS_PER_MONTH;
  const at = (end: End) => perMonth / serviceSeconds(facts, delays, inputs, end, inputs.job);
  return { low: at('high'), high: at('low') };
}

/** The cost of all four, with no images at all. */
export function idleCosts(facts: Facts, tables: Tables, inputs: CostInputs): Cost[] {
  return FOUR_WAYS.map((way) => cost(facts[way], tables, { ...inputs, imagesPerMonth: 0 }));
}

// --- Curves and break-even ------------------------------------------------------------------------------------------

/** Whole numbers of images, evenly spaced on a logarithmic axis. */
export function volumes(from = 1e2, to = 1e10, perDecade = 8): number[] {
  const steps = Math.round(Math.log10(to / from) * perDecade);
  return Array.from({ length: steps + 1 }, (_, step) => Math.round(from * 10 ** (step / perDecade)));
}

/** Whether all that a way alone is billed for has a price in the region: else its sum is too low to be compared. */
function isPriced(facts: WayFacts, { prices, delays }: Tables, inputs: CostInputs): boolean {
  return lines(facts, delays, inputs, 'high').every(
    ({ price, shared }) => shared || findPrice(prices, price, inputs.region),
  );
}

/** Cost by volume, one list for each way; an empty one where something has no price. */
export function costCurves(
  facts: Facts,
  tables: Tables,
  inputs: CostInputs,
  at: readonly number[] = volumes(),
): Record<FourWay, CurvePoint[]> {
  const curve = (way: FourWay): CurvePoint[] =>
    (isPriced(facts[way], tables, inputs) ? at : []).map((imagesPerMonth) => {
      const { usdPerMonth, computeUsdPerMonth, overCeiling } = cost(facts[way], tables, { ...inputs, imagesPerMonth });
      return { way, imagesPerMonth, usdPerMonth, computeUsdPerMonth, overCeiling };
    });
  return {
    ec2: curve('ec2'),
    lambda: curve('lambda'),
    'ecs-fargate': curve('ecs-fargate'),
    'eks-ec2': curve('eks-ec2'),
  };
}

/** What differs between the ways at one volume and one end, in USD. What is the same on all four is left out. */
function usdOf(
  facts: WayFacts,
  { prices, delays }: Tables,
  inputs: CostInputs,
  imagesPerMonth: number,
  end: End,
): number {
  return lines(facts, delays, { ...inputs, imagesPerMonth }, end)
    .filter(({ shared }) => !shared)
    .reduce((total, { price, quantity }) => {
      const found = findPrice(prices, price, inputs.region);
      return total + (found ? usdAt(found, quantity, end) : 0);
    }, 0);
}

/**
 * The volumes at which two ways change places, at each end of the ranges. Exact to the image: between two points of a
 * grid on which the order differs, the first whole number at which it does is found by halving. A way of which something
 * has no price is left out.
 */
export function breakEvens(
  facts: Facts,
  tables: Tables,
  inputs: CostInputs,
  { from = 1e2, to = 1e10, perDecade = 24 } = {},
): BreakEven[] {
  const grid = volumes(from, to, perDecade);
  const ways = FOUR_WAYS.filter((way) => isPriced(facts[way], tables, inputs));
  const found: BreakEven[] = [];
  for (const end of ['low', 'high'] as const) {
    const usd = (way: FourWay, images: number) => usdOf(facts[way], tables, inputs, images, end);
    const onGrid = Object.fromEntries(ways.map((way) => [way, grid.map((images) => usd(way, images))]));
    for (const [index, a] of ways.entries()) {
      for (const b of ways.slice(index + 1)) {
        for (let step = 1; step < grid.length; step += 1) {
          const before = (onGrid[a]?.[step - 1] ?? 0) < (onGrid[b]?.[step - 1] ?? 0);
          if (before === (onGrid[a]?.[step] ?? 0) < (onGrid[b]?.[step] ?? 0)) continue;
          let [below, above] = [grid[step - 1] ?? from, grid[step] ?? to];
          while (above - below > 1) {
            const middle = Math.floor((below + above) / 2);
            if (usd(a, middle) < usd(b, middle) === before) below = middle;
            else above = middle;
          }
          const [cheaperBelow, cheaperAbove] = before ? [a, b] : [b, a];
          found.push({ cheaperBelow, cheaperAbove, end, imagesPerMonth: above });
        }
      }
    }
  }
  return found;
}

// --- For people -----------------------------------------------------------------------------------------------------

/** Made once: a curve shows thousands of figures, and making one of these takes longer than all the arithmetic. */
const numbers = (minimumFractionDigits: number, maximumFractionDigits: number) =>
  new Intl.NumberFormat('en-US', { minimumFractionDigits, maximumFractionDigits });
const EVERY_DIGIT = numbers(0, 12);
const CENTS = numbers(2, 2);
const PRICE = numbers(2, 12);

/** Up to four significant digits below a thousand, whole numbers above. */
function digits(value: number): string {
  return EVERY_DIGIT.format(Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4)));
}

/** Cents, and more only of what is less than one. */
function usdDigits(value: number): string {
  const tiny = value !== 0 && Math.abs(value) < 0.01;
  return `$${tiny ? EVERY_DIGIT.format(Number(value.toPrecision(2))) : CENTS.format(value)}`;
}

/** A price as it is listed: every digit of it. */
function priceDigits(value: number): string {
  return `$${PRICE.format(Number(value.toPrecision(6)))}`;
}

const ends = (text: (value: number) => string) => (range: Range) => {
  const [low, high] = [text(range.low), text(range.high)];
  return low === high ? low : `${low} to ${high}`;
};

/** One figure, or both ends where they differ as they are shown. */
export const show = ends(digits);
export const showUsd = ends(usdDigits);
export const showPrice = ends(priceDigits);
