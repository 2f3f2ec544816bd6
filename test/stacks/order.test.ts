import { type Json, SETTINGS, type Settings, synth, type Template, WAYS, type Way } from '../support/synth';
import { Column, referenced } from './column';

/**
 * The order in which CloudFormation makes and deletes what a template has.
 *
 * A resource is made after all that it waits for, by `DependsOn` or by a reference, and deleted before it. What is not
 * ordered by that happens in any order. So one resource is there before another and outlives it, in every order that
 * CloudFormation may take, exactly when the other one waits for it, directly or through others.
 */

/** What could happen too early or too late, one line each. */
type Rule = (column: Column) => string[];

/** Something that runs: instances, tasks, a function, pods. */
interface Running {
  /** When this is made, the first one may start. */
  readonly starts: string;
  /** When any of these is deleted, the last one is gone. */
  readonly ends: readonly string[];
  /** Ids of the roles that it works with, and that it is started with. */
  readonly roles: readonly string[];
  /** Ids of the subnets that it is in. */
  readonly subnets: readonly string[];
}

const properties = (column: Column, reference: string): Json =>
  column.template.Resources[referenced(reference)]?.Properties;
const ids = (references: readonly string[] = []) => references.map(referenced);
const manifests = (column: Column): [id: string, objects: Json[]][] =>
  column.all('Custom::AWSCDK-EKS-KubernetesResource').map(([id, { Manifest }]) => [id, JSON.parse(Manifest)]);

/** All that does the work, or is needed for it. */
function running(column: Column): Running[] {
  const one = (id: string, roles: readonly string[], subnets: readonly string[] | undefined): Running => ({
    starts: id,
    ends: [id],
    roles: ids(roles),
    subnets: ids(subnets),
  });
  const groups = column.all('AWS::AutoScaling::AutoScalingGroup').map(([id, { LaunchTemplate, VPCZoneIdentifier }]) => {
    const { IamInstanceProfile } = properties(column, LaunchTemplate.LaunchTemplateId).LaunchTemplateData;
    return one(id, properties(column, IamInstanceProfile.Arn).Roles, VPCZoneIdentifier);
  });
  const nodes = [
    ...column.all('AWS::EKS::Nodegroup').map(([id, { NodeRole, Subnets }]): Running => one(id, [NodeRole], Subnets)),
    // Of pods on Fargate the profile starts the machines.
    ...column
      .all('AWS::EKS::FargateProfile')
      .map(([id, { PodExecutionRoleArn, Subnets }]): Running => one(id, [PodExecutionRoleArn], Subnets)),
  ];
  return [
    ...groups,
    ...column.all('AWS::ECS::Service').map(([id, { TaskDefinition, NetworkConfiguration }]) => {
      const { TaskRoleArn, ExecutionRoleArn } = properties(column, TaskDefinition);
      // Without an address of its own a task is where its instance is.
      const own = NetworkConfiguration?.AwsvpcConfiguration.Subnets;
      const subnets = own ?? groups.flatMap((group) => group.subnets.map((subnet) => `<${subnet}>`));
      return one(id, [TaskRoleArn, ExecutionRoleArn], subnets);
    }),
    ...column
      .all('AWS::Lambda::Function')
      .filter(([, { Environment }]) => Environment?.Variables?.COMPUTE)
      .map(([id, { Role, VpcConfig }]) => one(id, [Role], VpcConfig?.SubnetIds)),
    ...nodes,
    ...manifests(column).flatMap(([id, objects]) => pods(column, id, objects, nodes)),
  ];
}

/** What runs in pods. */
function pods(column: Column, id: string, objects: readonly Json[], nodes: readonly Running[]): Running[] {
  return objects.flatMap(({ kind, metadata, spec }) => {
    if (kind !== 'Deployment' && kind !== 'DaemonSet') return [];
    const { serviceAccountName } = spec.template.spec;
    const associated = column
      .all('AWS::EKS::PodIdentityAssociation')
      .filter(([, pod]) => pod.Namespace === metadata.namespace && pod.ServiceAccount === serviceAccountName)
      .map(([, { RoleArn }]) => RoleArn);
    const annotated = column.objects
      .filter((each) => each.kind === 'ServiceAccount' && each.metadata.namespace === metadata.namespace)
      .flatMap((each) => each.metadata.annotations?.['eks.amazonaws.com/role-arn'] ?? []);
    const roles = [...associated, ...annotated];
    // Whoever deletes a deployment does not wait for its pods, which have 90 s to end. Whoever deletes their namespace does.
    const namespaces = manifests(column).filter(([, all]) =>
      all.some((each) => each.kind === 'Namespace' && each.metadata.name === metadata.namespace),
    );
    const ends = namespaces.map(([namespace]) => namespace);
    return [{ starts: id, ends, roles: ids(roles), subnets: nodes.flatMap(({ subnets }) => subnets) }];
  });
}

/** What could start before something is there that it needs, or outlive it. */
function outlived(column: Column, { starts, ends }: Pick<Running, 'starts' | 'ends'>, needed: readonly string[]) {
  return needed.flatMap((id) => [
    ...(column.waitsFor(starts).has(id) ? [] : [`${starts} may start before ${id}`]),
    ...(ends.some((end) => end === id || column.waitsFor(end).has(id)) ? [] : [`${starts} may outlive ${id}`]),
  ]);
}

/** Ids of the policies that say what a role may do, where they are not a part of it. */
const policiesOf = (column: Column, role: string) =>
  ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy', 'AWS::IAM::RolePolicy']
    .flatMap((type) => column.all(type))
    .filter(([, { Roles, RoleName }]) => [...(Roles ?? []), RoleName].includes(`<${role}>`))
    .map(([id]) => id);

/** Ids of what roles may do something to: of `s3:PutObject <Bucket.Arn>/renditions/*` the bucket. */
const targetsOf = (column: Column, roles: readonly string[], action: string): string[] => {
  const grants = roles.flatMap((role) => column.grants(role)).filter((grant) => grant.startsWith(`${action} <`));
  return [...new Set(grants.map((grant) => /<(\w+)/.exec(grant)?.[1] as string))];
};

/** Ids of all that a packet passes on its way from a subnet to AWS. */
function wayOut(column: Column, subnet: string): string[] {
  const of = (type: string, fits: (properties: Json) => boolean) => column.all(type).filter(([, each]) => fits(each));
  return of('AWS::EC2::SubnetRouteTableAssociation', ({ SubnetId }) => SubnetId === `<${subnet}>`).flatMap(
    ([association, { RouteTableId }]) => [
      association,
      ...of(
        'AWS::EC2::Route',
        (route) => route.RouteTableId === RouteTableId && route.DestinationCidrBlock === '0.0.0.0/0',
      ).flatMap(([route, { GatewayId, NatGatewayId }]) => [
        route,
        ...of('AWS::EC2::VPCGatewayAttachment', ({ InternetGatewayId }) => InternetGatewayId === GatewayId).map(
          ([attachment]) => attachment,
        ),
        ...(NatGatewayId
          ? [referenced(NatGatewayId), ...wayOut(column, referenced(properties(column, NatGatewayId).SubnetId))]
          : []),
      ]),
    ],
  );
}

/** The functions that CloudFormation calls for a custom resource: the one it names, and those that one calls. */
function handlers(column: Column, serviceToken: string): string[] {
  const handler = referenced(serviceToken);
  const all = [handler, ...column.waitsFor(handler)];
  return all.filter((id) => column.template.Resources[id]?.Type === 'AWS::Lambda::Function');
}

const customResources = (column: Column) =>
  column.resources.filter(([, { Type }]) => Type.startsWith('Custom::')) as [id: string, resource: Json][];

/** AWS's policies that do not let anybody make a log group. */
const MAKE_NO_LOG_GROUP =
  /\/(AmazonEC2ContainerRegistryReadOnly|AmazonElasticContainerRegistryPublicReadOnly|AmazonEKS_CNI_Policy|AmazonEKSWorkerNodePolicy|AmazonEKSClusterPolicy|AmazonEKSFargatePodExecutionRolePolicy)\b/;

/** Whether a statement is about making log groups, wherever. */
const onLogGroups = ({ Action, NotAction }: Json) =>
  NotAction !== undefined ||
  [Action].flat().some((action) => /^(\*|logs:(\*|Create\*|CreateLog\*|CreateLogGroup))$/.test(action));

const RULES: Record<string, Rule> = {
  'rights are there before the first of what works with them, and outlive the last': (column) =>
    running(column).flatMap((each) =>
      outlived(
        column,
        each,
        each.roles.flatMap((role) => policiesOf(column, role)),
      ),
    ),

  'IAM knows who signs a token before the first pod has one, and until the last is gone': (column) =>
    running(column).flatMap((each) =>
      outlived(
        column,
        each,
        each.roles.flatMap((role) => {
          const trust = JSON.stringify(column.template.Resources[role]?.Properties.AssumeRolePolicyDocument);
          return column.all('AWS::IAM::OIDCProvider').flatMap(([id]) => (trust.includes(`<${id}>`) ? [id] : []));
        }),
      ),
    ),

  'a route to AWS is there before the first of what needs it, and outlives the last': (column) =>
    running(column).flatMap((each) =>
      each.subnets.flatMap((subnet) => {
        const way = wayOut(column, subnet);
        const isRouted = way.some((id) => column.template.Resources[id]?.Type === 'AWS::EC2::Route');
        // The way to S3 goes past the others. A transfer that is on it ends when it is taken away.
        const endpoints = column.all('AWS::EC2::VPCEndpoint').map(([id]) => id);
        return isRouted
          ? outlived(column, each, [...way, ...endpoints])
          : [`${each.starts} has no route from ${subnet}`];
      }),
    ),

  'the policy of a queue is there before the first of what receives from it, and outlives the last': (column) =>
    running(column).flatMap((each) => {
      const queues = targetsOf(column, each.roles, 'sqs:ReceiveMessage').map((queue) => `<${queue}>`);
      const policies = column
        .all('AWS::SQS::QueuePolicy')
        .filter(([, { Queues }]) => Queues.some((queue: string) => queues.includes(queue)));
      return outlived(
        column,
        each,
        policies.map(([id]) => id),
      );
    }),

  'a log group is there before the first of what writes to it, and outlives the last': (column) =>
    running(column).flatMap((each) => outlived(column, each, targetsOf(column, each.roles, 'logs:PutLogEvents'))),

  'pods have a node, names and, if they work, a log shipper as long as they run': (column) => {
    const ofType = (type: string) => column.all(type).map(([id]) => id);
    const machines = ['AWS::EKS::Nodegroup', 'AWS::EKS::FargateProfile'].flatMap(ofType);
    const below = [...machines, ...ofType('AWS::EKS::Addon')];
    const shippers = manifests(column).flatMap(([id, objects]) =>
      objects.some(({ kind, metadata }) => kind === 'DaemonSet' || metadata.name === 'aws-logging') ? [id] : [],
    );
    // The router of Fargate reads its settings when a pod starts, the first ones are those of an add-on.
    const first = ofType('AWS::EKS::FargateProfile').length > 0 ? ofType('AWS::EKS::Addon') : [];
    return [
      ...first.flatMap((id) => outlived(column, { starts: id, ends: [id] }, [...machines, ...shippers])),
      ...running(column)
        .filter(({ starts }) => ofType('Custom::AWSCDK-EKS-KubernetesResource').includes(starts))
        .flatMap((each) => [
          ...outlived(column, each, below),
          ...(shippers.includes(each.starts) ? [] : outlived(column, each, shippers)),
        ]),
      ...ofType('Custom::AWSCDK-EKS-HelmChart').flatMap((id) => outlived(column, { starts: id, ends: [id] }, below)),
    ];
  },

  'instances are drained until the last is gone': (column) =>
    column.all('AWS::AutoScaling::AutoScalingGroup').flatMap(([id, { LifecycleHookSpecificationList: hooks = [] }]) => {
      // ECS drains the instances of its capacity providers: the rule below.
      if (column.all('AWS::ECS::CapacityProvider').length > 0) return [];
      // A hook of its own refers to the group, and so goes before it.
      const drains = hooks.filter(({ LifecycleTransition }: Json) => /TERMINATING$/.test(LifecycleTransition));
      return drains.length > 0 ? [] : [`${id} may outlive its lifecycle hook`];
    }),

  // ECS refuses to delete what is in use: a link that a service needs, a provider that is linked, a cluster with instances.
  'a service is gone before its capacity, and an instance before its cluster': (column) => {
    const ofType = (type: string) => column.all(type).map(([id]) => id);
    const chain = [
      'AWS::ECS::Service',
      'AWS::ECS::ClusterCapacityProviderAssociations',
      'AWS::ECS::CapacityProvider',
      'AWS::AutoScaling::AutoScalingGroup',
      'AWS::ECS::Cluster',
    ].map(ofType);
    if (chain[2]?.length === 0) return [];
    return chain.flatMap((each, place) =>
      each.flatMap((id) => outlived(column, { starts: id, ends: [id] }, chain[place + 1] ?? [])),
    );
  },

  'nobody writes to a bucket any more when it is emptied': (column) =>
    running(column).flatMap((each) => {
      const written = targetsOf(column, each.roles, 's3:PutObject').map((bucket) => `<${bucket}>`);
      const emptied = column
        .all('Custom::S3AutoDeleteObjects')
        .filter(([, { BucketName }]) => written.includes(BucketName))
        .map(([id]) => id);
      return [
        ...outlived(column, each, emptied),
        ...(emptied.length === written.length ? [] : [`${each.starts} writes to a bucket that nobody empties`]),
      ];
    }),

  'nothing is announced any more when its receiver no longer lets S3 in': (column) =>
    column.all('Custom::S3BucketNotifications').flatMap(([id, { NotificationConfiguration: announces }]) => {
      const queues = (announces.QueueConfigurations ?? []).map(({ QueueArn }: Json) => referenced(QueueArn));
      const functions = (announces.LambdaFunctionConfigurations ?? []).map(({ LambdaFunctionArn }: Json) =>
        referenced(LambdaFunctionArn),
      );
      const letIn = [
        ...column
          .all('AWS::SQS::QueuePolicy')
          .filter(([, { Queues }]) => ids(Queues).some((queue) => queues.includes(queue))),
        ...column
          .all('AWS::Lambda::Permission')
          .filter(([, { FunctionName }]) => functions.includes(referenced(FunctionName))),
      ].map(([policy]) => policy);
      return [
        ...outlived(column, { starts: id, ends: [id] }, letIn),
        ...(letIn.length > 0 ? [] : [`${id} announces to what does not let S3 in`]),
      ];
    }),

  'what CloudFormation calls has its rights and its route whenever it is called': (column) =>
    customResources(column).flatMap(([id, { Properties }]) => {
      const needed = handlers(column, Properties.ServiceToken).flatMap((handler) => {
        const { Role, VpcConfig }: Json = column.template.Resources[handler]?.Properties ?? {};
        return [
          ...policiesOf(column, referenced(Role)),
          ...ids(VpcConfig?.SubnetIds).flatMap((subnet) => wayOut(column, subnet)),
        ];
      });
      // The policy of a bucket lets the one in who empties it.
      const letsIn = column.all('AWS::S3::BucketPolicy').filter(([, { Bucket }]) => Bucket === Properties.BucketName);
      return outlived(column, { starts: id, ends: [id] }, [...needed, ...letsIn.map(([policy]) => policy)]);
    }),

  'nobody can make a log group again that is deleted': (column) =>
    column.all('AWS::IAM::Role').flatMap(([role, { ManagedPolicyArns = [], Policies = [] }]) => {
      const statements = (policies: readonly Json[]) =>
        policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement as Json[]).filter(onLogGroups);
      const attached = policiesOf(column, role).map((id) => column.template.Resources[id]?.Properties);
      const may =
        statements([...Policies, ...attached]).some(({ Effect }) => Effect === 'Allow') ||
        ManagedPolicyArns.some((arn: Json) => !MAKE_NO_LOG_GROUP.test(JSON.stringify(arn)));
      // In the role itself: a policy of its own goes before the role, and the last lines come late.
      const isDenied = statements(Policies).some(
        ({ Effect, Resource, Condition }) => Effect === 'Deny' && [Resource].flat().includes('*') && !Condition,
      );
      if (!may || isDenied) return [];
      const groups = column
        .all('AWS::Lambda::Function')
        .filter(([, { Role }]) => referenced(Role) === role)
        .map(([, { LoggingConfig }]) => referenced(LoggingConfig.LogGroup));
      if (groups.length === 0) return [`${role} may make any log group again`];
      // Or the role itself is gone before.
      return groups
        .filter((group) => !column.waitsFor(role).has(group))
        .map((group) => `${role} may make ${group} again`);
    }),
};

describe.each(WAYS)('%s', (way) => {
  describe.each(Object.entries(SETTINGS))('with %s settings, in every order', (_name, settings) => {
    test.each(Object.entries(RULES))('%s', (_rule, violations) => {
      expect(violations(Column.of(way, settings))).toEqual([]);
    });
  });
});

/** How many roles and subnets each of what runs has. */
const RUNNING: Readonly<Record<Way, readonly (readonly [roles: number, subnets: number])[]>> = {
  ec2: [[1, 2]],
  lambda: [[1, 0]],
  // The role of its own, and the one that it is started with.
  'ecs-fargate': [[2, 2]],
  // Nodes, the worker's pods, and those that ship the logs.
  'eks-ec2': Array(3).fill([1, 2]),
  // The profile with the role of what starts pods, and the worker's pods.
  'eks-fargate': Array(2).fill([1, 2]),
  // An instance with the role of its agent, and the tasks on it.
  'ecs-ec2': [
    [1, 2],
    [2, 2],
  ],
};

test.each(WAYS)('on %s all that runs is found, with its roles and its subnets', (way) => {
  for (const settings of Object.values(SETTINGS)) {
    const column = Column.of(way, settings);
    const found = running(column);
    expect(found.map(({ roles, subnets }) => [roles.length, subnets.length])).toEqual(RUNNING[way]);
    for (const id of found.flatMap(({ roles, subnets }) => [...roles, ...subnets])) {
      expect(column.template.Resources[id]?.Type).toMatch(/^AWS::(IAM::Role|EC2::Subnet)$/);
    }
  }
});

/** A dependency that somebody could drop, and the rule that names it. */
interface Mutation {
  readonly way: Way;
  readonly settings?: Settings;
  readonly make: (column: Column) => void;
  readonly rule: keyof typeof RULES;
  readonly says: RegExp;
}

/** Drops every dependency on some resources that is not a reference. */
function forget(column: Column, ids: RegExp): void {
  for (const resource of Object.values<Json>(column.template.Resources)) {
    resource.DependsOn = [resource.DependsOn ?? []].flat().filter((id: string) => !ids.test(id));
  }
}

const MUTATIONS: Record<string, Mutation> = {
  'a group that does not wait for what its instances may do': {
    way: 'ec2',
    make: (column) => forget(column, /Policy/),
    rule: 'rights are there before the first of what works with them, and outlive the last',
    says: /^WorkersASG\w+ may outlive RoleDefaultPolicy\w+$/,
  },
  'a service that does not wait for what starts its tasks': {
    way: 'ecs-fargate',
    make: (column) => forget(column, /ExecutionRole/),
    rule: 'rights are there before the first of what works with them, and outlive the last',
    says: /^Service\w+ may outlive TaskExecutionRoleDefaultPolicy\w+$/,
  },
  'a function that does not wait for what it may do': {
    way: 'lambda',
    make: (column) => forget(column, /Policy/),
    rule: 'rights are there before the first of what works with them, and outlive the last',
    says: /^Worker\w+ may start before RoleDefaultPolicy\w+$/,
  },
  'a namespace that is gone after the log shipper': {
    way: 'eks-ec2',
    make: (column) => forget(column, /^FluentBitPods/),
    rule: 'pods have a node, names and, if they work, a log shipper as long as they run',
    says: /^ClustermanifestPods\w+ may outlive FluentBitPods\w+$/,
  },
  'pods that lose name resolution': {
    way: 'eks-ec2',
    make: (column) => forget(column, /^ClusterDns/),
    rule: 'pods have a node, names and, if they work, a log shipper as long as they run',
    says: /^KedaChart\w+ may outlive ClusterDns\w+$/,
  },
  'a namespace that does not wait for what its pods may do': {
    way: 'eks-ec2',
    make: (column) => forget(column, /Policy/),
    rule: 'rights are there before the first of what works with them, and outlive the last',
    says: /^ClustermanifestPods\w+ may outlive RoleDefaultPolicy\w+$/,
  },
  'pods that lose the profile that they run by': {
    way: 'eks-fargate',
    make: (column) => forget(column, /^Profile/),
    rule: 'pods have a node, names and, if they work, a log shipper as long as they run',
    says: /^ClustermanifestPods\w+ may start before Profile\w+$/,
  },
  'first pods whose log router finds no settings': {
    way: 'eks-fargate',
    make: (column) => forget(column, /^FargateLogs/),
    rule: 'pods have a node, names and, if they work, a log shipper as long as they run',
    says: /^ClusterDnsCoreDns\w+ may start before FargateLogs\w+$/,
  },
  'a namespace that does not wait for who signs its tokens': {
    way: 'eks-fargate',
    make: (column) => forget(column, /^Role/),
    rule: 'IAM knows who signs a token before the first pod has one, and until the last is gone',
    says: /^ClustermanifestPods\w+ may outlive Identity\w+$/,
  },
  'a profile that does not wait for what its role may do': {
    way: 'eks-fargate',
    make: (column) => forget(column, /Policy/),
    rule: 'rights are there before the first of what works with them, and outlive the last',
    says: /^Profile\w+ may start before PodExecutionRoleDefaultPolicy\w+$/,
  },
  'pods on Fargate, and nobody who waits for a route': {
    way: 'eks-fargate',
    make: (column) => forget(column, /DefaultRoute/),
    rule: 'a route to AWS is there before the first of what needs it, and outlives the last',
    says: /^Profile\w+ may outlive Network\w*PrivateSubnet1DefaultRoute\w+$/,
  },
  'a group, and nobody who waits for a route': {
    way: 'ec2',
    make: (column) => forget(column, /DefaultRoute/),
    rule: 'a route to AWS is there before the first of what needs it, and outlives the last',
    says: /^WorkersASG\w+ may outlive Network\w*PublicSubnet1DefaultRoute\w+$/,
  },
  'tasks behind a NAT gateway, and nobody who waits for a route': {
    way: 'ecs-fargate',
    settings: SETTINGS.production,
    make: (column) => forget(column, /DefaultRoute/),
    rule: 'a route to AWS is there before the first of what needs it, and outlives the last',
    says: /^Service\w+ may outlive Network\w*PublicSubnet1DefaultRoute\w+$/,
  },
  'pictures that lose their way to S3 on it': {
    way: 'ec2',
    make: (column) => forget(column, /S3/),
    rule: 'a route to AWS is there before the first of what needs it, and outlives the last',
    says: /^WorkersASG\w+ may outlive Network\w*S3\w+$/,
  },
  'routes that do not wait for the gateway to be attached': {
    way: 'eks-ec2',
    make: (column) => forget(column, /VPCGW/),
    rule: 'a route to AWS is there before the first of what needs it, and outlives the last',
    says: /^ClusterNodegroupWorkers\w+ may start before Network\w*VPCGW\w+$/,
  },
  'a service that does not wait for the policy of its queue': {
    way: 'ecs-fargate',
    make: (column) => forget(column, /JobsQueuePolicy/),
    rule: 'the policy of a queue is there before the first of what receives from it, and outlives the last',
    says: /^Service\w+ may outlive JobsQueuePolicy\w+$/,
  },
  'a function whose log group is named by hand': {
    way: 'lambda',
    make: (column) => {
      column.one('AWS::Lambda::Function', 'Worker').LoggingConfig.LogGroup = 'resizer';
      forget(column, /Policy/);
    },
    rule: 'a log group is there before the first of what writes to it, and outlives the last',
    says: /^Worker\w+ may outlive Logs\w+$/,
  },
  'a lifecycle hook of its own': {
    way: 'ec2',
    make: (column) => {
      delete column.one('AWS::AutoScaling::AutoScalingGroup').LifecycleHookSpecificationList;
    },
    rule: 'instances are drained until the last is gone',
    says: /^WorkersASG\w+ may outlive its lifecycle hook$/,
  },
  'a function that may write while its bucket is emptied': {
    way: 'lambda',
    make: (column) => forget(column, /AutoDelete/),
    rule: 'nobody writes to a bucket any more when it is emptied',
    says: /^Worker\w+ may outlive ImagesOutputAutoDelete\w+$/,
  },
  'a bucket that is not emptied': {
    way: 'ecs-fargate',
    make: (column) => {
      column.one('Custom::S3AutoDeleteObjects', 'ImagesOutput').BucketName = 'elsewhere';
    },
    rule: 'nobody writes to a bucket any more when it is emptied',
    says: /^Service\w+ writes to a bucket that nobody empties$/,
  },
  'a notification that the queue may refuse': {
    way: 'ec2',
    make: (column) => forget(column, /QueuePolicy/),
    rule: 'nothing is announced any more when its receiver no longer lets S3 in',
    says: /^ImagesSourceNotifications\w+ may start before JobsQueuePolicy\w+$/,
  },
  'a notification that the function may refuse': {
    way: 'lambda',
    make: (column) => forget(column, /AllowBucketNotifications/),
    rule: 'nothing is announced any more when its receiver no longer lets S3 in',
    says: /^ImagesSourceNotifications\w+ may outlive ImagesSourceAllowBucketNotifications\w+$/,
  },
  'a bucket that whoever empties it is no longer let into': {
    way: 'ec2',
    make: (column) => forget(column, /Policy/),
    rule: 'what CloudFormation calls has its rights and its route whenever it is called',
    says: /^ImagesOutputAutoDelete\w+ may outlive ImagesOutputPolicy\w+$/,
  },
  'a handler that may make its log group again': {
    way: 'ec2',
    make: (column) => {
      for (const [, role] of column.all('AWS::IAM::Role')) delete role.Policies;
    },
    rule: 'nobody can make a log group again that is deleted',
    says: /^CustomS3AutoDeleteObjects\w+ may make CustomResourceLogs\w+ again$/,
  },
  'tasks whose log driver may make a log group': {
    way: 'ecs-fargate',
    make: (column) =>
      column.one('AWS::IAM::Policy', 'TaskExecutionRole').PolicyDocument.Statement.push({
        Effect: 'Allow',
        Action: 'logs:CreateLogGroup',
        Resource: '*',
      }),
    rule: 'nobody can make a log group again that is deleted',
    says: /^TaskExecutionRole\w+ may make any log group again$/,
  },
  'a service that may outlive its link to the capacity provider': {
    way: 'ecs-ec2',
    make: (column) => forget(column, /^Cluster/),
    rule: 'a service is gone before its capacity, and an instance before its cluster',
    says: /^Service\w+ may outlive Cluster\w+$/,
  },
  'a cluster whose instances are told its name': {
    way: 'ecs-ec2',
    make: (column) => {
      for (const [, { LaunchTemplateData }] of column.all('AWS::EC2::LaunchTemplate'))
        delete LaunchTemplateData.UserData;
      forget(column, /^InstanceRoleDefaultPolicy/);
    },
    rule: 'a service is gone before its capacity, and an instance before its cluster',
    says: /^WorkersASG\w+ may outlive Cluster\w+$/,
  },
  'instances that stop before what their agent may do': {
    way: 'ecs-ec2',
    make: (column) => forget(column, /^InstanceRole/),
    rule: 'rights are there before the first of what works with them, and outlive the last',
    says: /^WorkersASG\w+ may outlive InstanceRoleDefaultPolicy\w+$/,
  },
  'a subnet without a route': {
    way: 'ec2',
    make: (column) => {
      for (const [, route] of column.all('AWS::EC2::Route')) route.DestinationCidrBlock = '10.0.0.0/8';
    },
    rule: 'a route to AWS is there before the first of what needs it, and outlives the last',
    says: /^WorkersASG\w+ has no route from Network\w*Subnet1\w+$/,
  },
};

describe('a template with', () => {
  test.each(Object.entries(MUTATIONS))('%s is named', (_name, { way, settings = {}, make, rule, says }) => {
    const template: Template = structuredClone(synth(way, settings).template);
    const column = new Column(way, settings, template);
    make(column);
    expect(RULES[rule]?.(column)).toEqual(expect.arrayContaining([expect.stringMatching(says)]));
  });

  test('every mistake is made: each rule names one', () => {
    const named = new Set(Object.values(MUTATIONS).map(({ rule }) => rule));
    expect(Object.keys(RULES).filter((rule) => !named.has(rule))).toEqual([]);
  });
});
