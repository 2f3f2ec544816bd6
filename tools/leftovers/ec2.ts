import {
  EC2Client,
  type Filter,
  type NetworkInterface,
  paginateDescribeInstances,
  paginateDescribeNatGateways,
  paginateDescribeNetworkInterfaces,
  paginateDescribeSecurityGroups,
  paginateDescribeSnapshots,
  paginateDescribeTags,
  paginateDescribeVolumes,
  paginateDescribeVpcEndpoints,
} from '@aws-sdk/client-ec2';
import { HOURS_PER_MONTH } from '../compare/model/cost';
import { aws, type Found, type Place } from './found';
import { ec2Tags } from './names';
import { usd } from './resources';

/**
 * What EC2 has of a stack: what carries one of its tags; and while its VPC is there, everything that is in it, because
 * what others have put there keeps it from being deleted.
 */
export async function lookAtEc2(place: Place): Promise<Found[]> {
  const client = new EC2Client(place.account.settings);
  const tagged = await taggedIds(client, place.stack);
  const remembered = place.memory.kept.filter(({ type }) => type === 'AWS::EC2::VPC').map(({ id }) => id);
  const vpcs = [...new Set([...(tagged.get('vpc') ?? []), ...remembered])];
  const inVpcs: Filter[] = [{ Name: 'vpc-id', Values: vpcs }];
  const ids = (type: string, name: string): Filter[] => [{ Name: name, Values: tagged.get(type) ?? [] }];
  const found = await Promise.all([
    instances(place, client, ids('instance', 'instance-id')),
    instances(place, client, inVpcs),
    volumes(place, client, ids('volume', 'volume-id')),
    snapshots(place, client, ids('snapshot', 'snapshot-id')),
    natGateways(place, client, ids('natgateway', 'nat-gateway-id')),
    natGateways(place, client, inVpcs),
    endpoints(place, client, inVpcs),
    interfaces(place, client, inVpcs),
    interfaces(place, client, ids('network-interface', 'network-interface-id')),
    securityGroups(place, client, inVpcs),
  ]);
  const [vpc = ''] = vpcs;
  const parts: Found[] = Object.entries(PARTS).flatMap(([type, part]) =>
    (tagged.get(type) ?? []).map((id) => ({
      what: part.what,
      id,
      usdPerMonth: part.hourly ? usd(part.hourly, HOURS_PER_MONTH, place.account.region) : 0,
      remove: part.remove(place, id, vpc),
      turn: part.turn,
    })),
  );
  const networks: Found[] = vpcs.map((id) => ({
    what: 'VPC',
    id,
    usdPerMonth: 0,
    remove: [aws(place, 'ec2', 'delete-vpc', '--vpc-id', id)],
    turn: 'network',
  }));
  // Found by its tag and in the VPC, it is one.
  const all = new Map([...found.flat(), ...parts, ...networks].map((each) => [each.id, each] as const));
  return [...all.values()];
}

type Remove = (place: Place, id: string, vpc: string) => string[];
const deletion =
  (name: string): Remove =>
  (place, id) => [aws(place, 'ec2', `delete-${name}`, `--${name}-id`, id)];

/** Which need no question beyond their tag: it goes with them. */
const PARTS: Readonly<Record<string, { what: string; turn: Found['turn']; remove: Remove; hourly?: string }>> = {
  subnet: { what: 'subnet', turn: 'part', remove: deletion('subnet') },
  'route-table': { what: 'route table', turn: 'part', remove: deletion('route-table') },
  'internet-gateway': {
    what: 'internet gateway',
    turn: 'part',
    remove: (place, id, vpc) => [
      ...(vpc ? [aws(place, 'ec2', 'detach-internet-gateway', '--internet-gateway-id', id, '--vpc-id', vpc)] : []),
      aws(place, 'ec2', 'delete-internet-gateway', '--internet-gateway-id', id),
    ],
  },
  'launch-template': { what: 'launch template', turn: 'other', remove: deletion('launch-template') },
  'elastic-ip': {
    what: 'public IPv4 address',
    turn: 'part',
    hourly: 'ipv4.hour',
    remove: (place, id) => [aws(place, 'ec2', 'release-address', '--allocation-id', id)],
  },
  image: {
    what: 'image of a machine',
    turn: 'other',
    remove: (place, id) => [aws(place, 'ec2', 'deregister-image', '--image-id', id)],
  },
};

/** Ids by EC2's types of resources. */
async function taggedIds(client: EC2Client, stack: string): Promise<Map<string, string[]>> {
  const pairs = ec2Tags(stack);
  const all = (index: 0 | 1) => [...new Set(pairs.map((pair) => pair[index]))];
  const Filters = [
    { Name: 'key', Values: all(0) },
    { Name: 'value', Values: all(1) },
  ];
  const ids = new Map<string, string[]>();
  for await (const { Tags = [] } of paginateDescribeTags({ client }, { Filters })) {
    for (const { Key, Value, ResourceType = '', ResourceId = '' } of Tags) {
      // The filters take any of the keys with any of the values.
      if (!pairs.some(([key, value]) => key === Key && value === Value)) continue;
      const known = ids.get(ResourceType) ?? [];
      if (!known.includes(ResourceId)) ids.set(ResourceType, [...known, ResourceId]);
    }
  }
  return ids;
}

/** An empty filter is an error, and means here that there is nothing to ask for. */
const asksNothing = (filters: readonly Filter[]) => filters.some(({ Values = [] }) => Values.length === 0);

async function instances(place: Place, client: EC2Client, Filters: Filter[]): Promise<Found[]> {
  if (asksNothing(Filters)) return [];
  const found: Found[] = [];
  for await (const { Reservations = [] } of paginateDescribeInstances({ client }, { Filters })) {
    for (const instance of Reservations.flatMap(({ Instances = [] }) => Instances)) {
      const {
        InstanceId: id = '',
        InstanceType: type,
        InstanceLifecycle,
        PublicIpAddress,
        State,
        Tags = [],
      } = instance;
      const state = State?.Name ?? '';
      if (['terminated', 'shutting-down'].includes(state)) continue;
      const { region } = place.account;
      const spot = InstanceLifecycle === 'spot' ? '.spot' : '';
      const machine = state === 'stopped' ? 0 : usd(`ec2.${type}.hour${spot}`, HOURS_PER_MONTH, region);
      const address = PublicIpAddress ? usd('ipv4.hour', HOURS_PER_MONTH, region) : 0;
      const group = Tags.find(({ Key }) => Key === 'aws:autoscaling:groupName')?.Value;
      // A group starts another one. And an instance that is to be drained may wait for an hour for an answer, which a forced
      // deletion of its group does not wait for.
      const remove = group
        ? aws(place, 'autoscaling', 'delete-auto-scaling-group', '--force-delete', '--auto-scaling-group-name', group)
        : aws(place, 'ec2', 'terminate-instances', '--instance-ids', id);
      found.push({
        what: `instance, ${type}, ${state}`,
        id,
        usdPerMonth: machine === null || address === null ? null : machine + address,
        ...(group && { why: `of the group ${group}, and ends with it` }),
        remove: [remove],
        turn: 'running',
      });
    }
  }
  return found;
}

async function volumes(place: Place, client: EC2Client, Filters: Filter[]): Promise<Found[]> {
  if (asksNothing(Filters)) return [];
  const found: Found[] = [];
  for await (const { Volumes = [] } of paginateDescribeVolumes({ client }, { Filters })) {
    for (const { VolumeId: id = '', Size: gib = 0, VolumeType: type, State, Attachments = [] } of Volumes) {
      const [on] = Attachments.flatMap(({ InstanceId }) => InstanceId ?? []);
      found.push({
        what: `volume, ${gib} GiB of ${type}, ${State}`,
        id,
        usdPerMonth: usd(`ebs.${type}.gib-month`, gib, place.account.region),
        ...(on && { why: `of ${on}, and ends with it` }),
        remove: on ? [] : [aws(place, 'ec2', 'delete-volume', '--volume-id', id)],
        turn: 'other',
      });
    }
  }
  return found;
}

async function snapshots(place: Place, client: EC2Client, Filters: Filter[]): Promise<Found[]> {
  if (asksNothing(Filters)) return [];
  const found: Found[] = [];
  for await (const { Snapshots = [] } of paginateDescribeSnapshots({ client }, { Filters, OwnerIds: ['self'] })) {
    for (const { SnapshotId: id = '', VolumeSize: gib } of Snapshots) {
      found.push({
        what: `snapshot of ${gib} GiB`,
        id,
        usdPerMonth: null,
        remove: [aws(place, 'ec2', 'delete-snapshot', '--snapshot-id', id)],
        turn: 'other',
      });
    }
  }
  return found;
}

async function natGateways(place: Place, client: EC2Client, Filter: Filter[]): Promise<Found[]> {
  if (asksNothing(Filter)) return [];
  const found: Found[] = [];
  for await (const { NatGateways = [] } of paginateDescribeNatGateways({ client }, { Filter })) {
    for (const { NatGatewayId: id = '', State } of NatGateways) {
      // Shown for an hour after its deletion.
      if (State === 'deleted' || State === 'deleting') continue;
      found.push({
        what: `NAT gateway, ${State}`,
        id,
        usdPerMonth: usd('nat.hour', HOURS_PER_MONTH, place.account.region),
        remove: [aws(place, 'ec2', 'delete-nat-gateway', '--nat-gateway-id', id)],
        turn: 'running',
      });
    }
  }
  return found;
}

async function endpoints(place: Place, client: EC2Client, Filters: Filter[]): Promise<Found[]> {
  if (asksNothing(Filters)) return [];
  const found: Found[] = [];
  for await (const { VpcEndpoints = [] } of paginateDescribeVpcEndpoints({ client }, { Filters })) {
    for (const { VpcEndpointId: id = '', VpcEndpointType, ServiceName, SubnetIds = [], State } of VpcEndpoints) {
      if (/^delet/i.test(State ?? '')) continue;
      const hours = VpcEndpointType === 'Interface' ? HOURS_PER_MONTH * Math.max(1, SubnetIds.length) : 0;
      // AWS makes it in every VPC where GuardDuty watches what runs.
      const isGuards = /guardduty-data/.test(ServiceName ?? '');
      found.push({
        what: `VPC endpoint, ${VpcEndpointType}`,
        id,
        usdPerMonth: isGuards ? 0 : usd('vpc-endpoint.hour', hours, place.account.region),
        why: isGuards ? 'made by GuardDuty, and keeps the VPC from being deleted' : `for ${ServiceName}`,
        remove: [aws(place, 'ec2', 'delete-vpc-endpoints', '--vpc-endpoint-ids', id)],
        turn: 'running',
      });
    }
  }
  return found;
}

async function interfaces(place: Place, client: EC2Client, Filters: Filter[]): Promise<Found[]> {
  if (asksNothing(Filters)) return [];
  const found: Found[] = [];
  for await (const { NetworkInterfaces = [] } of paginateDescribeNetworkInterfaces({ client }, { Filters })) {
    for (const each of NetworkInterfaces) found.push(...interfaceOf(place, each));
  }
  return found;
}

function interfaceOf(place: Place, { NetworkInterfaceId: id = '', ...rest }: NetworkInterface): Found[] {
  const { Status, Description: text = '', Attachment, InterfaceType, OwnerId } = rest;
  // It goes with the gateway or the endpoint, which is listed itself.
  if (['nat_gateway', 'vpc_endpoint'].includes(InterfaceType ?? '')) return [];
  const free = { usdPerMonth: 0, turn: 'interface' } as const;
  if (Status === 'available') {
    const remove = [aws(place, 'ec2', 'delete-network-interface', '--network-interface-id', id)];
    return [{ ...free, what: 'network interface, available', id, why: text, remove }];
  }
  const [, balancer, kind] = /^ELB ((app|net|gwy)\/.+|[^/]+)$/.exec(text) ?? [];
  if (balancer) {
    const { region } = place.account;
    const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
    const arn = `arn:${partition}:elasticloadbalancing:${region}:${OwnerId}:loadbalancer/${balancer}`;
    const remove = kind
      ? aws(place, 'elbv2', 'delete-load-balancer', '--load-balancer-arn', arn)
      : aws(place, 'elb', 'delete-load-balancer', '--load-balancer-name', balancer);
    return [{ what: 'load balancer', id: kind ? arn : balancer, usdPerMonth: null, remove: [remove], turn: 'maker' }];
  }
  const holder = Attachment?.InstanceId ?? text;
  const why = /^AWS Lambda VPC ENI/.test(text) ? `${text}: Lambda removes it, within 45 minutes` : `held by ${holder}`;
  return [{ ...free, what: `network interface, ${Status}`, id, why, remove: [] }];
}

async function securityGroups(place: Place, client: EC2Client, Filters: Filter[]): Promise<Found[]> {
  if (asksNothing(Filters)) return [];
  const found: Found[] = [];
  for await (const { SecurityGroups = [] } of paginateDescribeSecurityGroups({ client }, { Filters })) {
    for (const { GroupId: id = '', GroupName } of SecurityGroups) {
      // Goes with its VPC, and cannot be deleted.
      if (GroupName === 'default') continue;
      found.push({
        what: 'security group',
        id,
        usdPerMonth: 0,
        why: `called ${GroupName}`,
        remove: [aws(place, 'ec2', 'delete-security-group', '--group-id', id)],
        turn: 'group',
      });
    }
  }
  return found;
}
