import { createHash } from 'node:crypto';
import type { IScaledObject, ITriggerAuthentication } from '@kubernetes-models/keda/keda.sh/v1alpha1';
import type { IDaemonSet } from 'kubernetes-models/apps/v1';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IConfigMap, INamespace, IServiceAccount } from 'kubernetes-models/v1';

/** The Kubernetes objects around the worker, as data. The types reject a misspelt field; a cluster would ignore it. */

/** Names that objects refer to each other by. */
export const names = {
  namespace: 'resizer',
  app: 'resizer',
  logging: 'logging',
  fluentBit: 'fluent-bit',
} as const;

export const labels = { app: names.app };

/** Only pods that give up every privilege are admitted. */
export const namespace = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: names.namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
} satisfies INamespace;

/**
 * Who the worker is.
 * @param role its ARN, where an annotation gives the account the worker's role; else a Pod Identity association does
 */
export const serviceAccount = (role?: string) =>
  ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: {
      name: names.app,
      namespace: names.namespace,
      ...(role && { annotations: { 'eks.amazonaws.com/role-arn': role } }),
    },
    // The token of the Kubernetes API, which the worker has nothing to say to. One for AWS is another token.
    automountServiceAccountToken: false,
  }) satisfies IServiceAccount;

/** Maintenance moves one worker at a time, and at once those that do not come up: they would keep every node from it. */
export const disruptionBudget = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: names.app, namespace: names.namespace },
  spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: { matchLabels: labels } },
} satisfies IPodDisruptionBudget;

/** Nothing in; out to name resolution, the Pod Identity agent on the node, and AWS. */
export const networkPolicy = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: names.app, namespace: names.namespace },
  spec: {
    podSelector: {},
    policyTypes: ['Ingress', 'Egress'],
    ingress: [],
    egress: [
      {
        to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }],
        ports: [
          { protocol: 'UDP', port: 53 },
          { protocol: 'TCP', port: 53 },
        ],
      },
      { to: [{ ipBlock: { cidr: '169.254.170.23/32' } }], ports: [{ protocol: 'TCP', port: 80 }] },
      { ports: [{ protocol: 'TCP', port: 443 }] },
    ],
  },
} satisfies INetworkPolicy;

/** The KEDA operator asks the queue as itself, by a role of its own. */
export const triggerAuthentication = {
  apiVersion: 'keda.sh/v1alpha1',
  kind: 'TriggerAuthentication',
  metadata: { name: names.app, namespace: names.namespace },
  spec: { podIdentity: { provider: 'aws' } },
} satisfies ITriggerAuthentication;

/** The numbers that the column chooses, by KEDA's names. */
export interface Scaling {
  readonly pollingInterval: number;
  readonly cooldownPeriod: number;
  readonly minReplicaCount: number;
  readonly maxReplicaCount: number;
  readonly queueLength: number;
}

/** Pods by what is outstanding on the queue, held messages included. */
export const scaledObject = (queueURL: string, awsRegion: string, { queueLength, ...scaling }: Scaling) =>
  ({
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name: names.app, namespace: names.namespace },
    spec: {
      scaleTargetRef: { name: names.app },
      ...scaling,
      triggers: [
        {
          type: 'aws-sqs-queue',
          metadata: { queueURL, queueLength: String(queueLength), awsRegion },
          authenticationRef: { name: names.app },
        },
      ],
    },
  }) satisfies IScaledObject;

/**
 * What Fluent Bit does. Lines are sent as they are, as the log driver of ECS, the agent of EC2 and Lambda itself send them:
 * wrapped in metadata, as usual, they would be logs but no metrics.
 *
 * A file is read from its beginning, within a second of its pod's start, and the place is remembered: so also the file of a pod
 * that lives for a second. What was read waits on the disk of the node until CloudWatch has taken it: longer than an outage, and
 * than this pod. Beyond 500 MB, of the 20 GB of the disk, the oldest is given up.
 *
 * - `Flush`: each time, what is new in a file becomes a piece, and each piece that waits may need an open file. Where a container
 *   may open 1,024, lines are lost once more pieces wait: with one in five seconds, that takes five times as long as by default.
 * - `net.io_timeout`: without it, an answer that never comes is waited for until this pod ends. Once 32 pieces wait for one
 *   (`storage.max_chunks_up`: 64 MB of the 128 MB that the pod may hold), nothing more is sent.
 *
 * A line arrives once. It arrives twice if CloudWatch's answer is lost, or if a piece of more than 1 MB, which takes several
 * calls, is interrupted. It is lost if its file goes unread while this pod is replaced: moved aside by kubelet at 10 MB, or
 * deleted with its pod.
 *
 * @see https://docs.fluentbit.io/manual/administration/buffering-and-storage
 */
const FLUENT_BIT = `[SERVICE]
    Flush                    5
    Grace                    30
    scheduler.cap            30
    storage.path             /var/lib/fluent-bit/chunks
    storage.max_chunks_up    32
[INPUT]
    Name                     tail
    Path                     /var/log/containers/${names.app}-*_${names.namespace}_*.log
    multiline.parser         cri
    Tag                      worker.*
    DB                       /var/lib/fluent-bit/offsets.db
    Read_from_Head           On
    Refresh_Interval         1
    storage.type             filesystem
[OUTPUT]
    Name                     cloudwatch_logs
    Match                    worker.*
    region                   \${AWS_REGION}
    log_group_name           \${LOG_GROUP}
    log_stream_prefix        pod/
    log_key                  log
    log_format               json/emf
    auto_create_group        Off
    net.io_timeout           30
    Retry_Limit              no_limits
    storage.total_limit_size 500M
`;

/** Fluent Bit on every node. */
export function fluentBit(logGroup: string, region: string, settings = FLUENT_BIT) {
  const metadata = { name: names.fluentBit, namespace: names.logging };
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: names.logging,
        // It reads the node's log files, which the restricted standard forbids.
        labels: { 'pod-security.kubernetes.io/enforce': 'privileged' },
      },
    } satisfies INamespace,
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata,
      automountServiceAccountToken: false,
    } satisfies IServiceAccount,
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'fluent-bit.conf': settings } } satisfies IConfigMap,
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata,
      spec: {
        selector: { matchLabels: { app: names.fluentBit } },
        template: {
          metadata: {
            labels: { app: names.fluentBit },
            // Pods are replaced when this changes. A changed ConfigMap alone would not reach those that run.
            annotations: { 'checksum/config': createHash('sha256').update(settings).digest('hex') },
          },
          spec: {
            serviceAccountName: names.fluentBit,
            automountServiceAccountToken: false,
            tolerations: [{ operator: 'Exists' }],
            terminationGracePeriodSeconds: 45,
            containers: [
              {
                name: 'fluent-bit',
                image:
                  'public.ecr.aws/aws-observability/aws-for-fluent-bit:3.4.15@sha256:88e1b56cedb230486afeca6eeb26c5f6bd59c48879d0054d1674d5a58838c607',
                command: ['/fluent-bit/bin/fluent-bit', '-c', '/etc/four-ways/fluent-bit.conf'],
                env: [
                  { name: 'AWS_REGION', value: region },
                  { name: 'LOG_GROUP', value: logGroup },
                ],
                resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '128Mi' } },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                  seccompProfile: { type: 'RuntimeDefault' },
                },
                volumeMounts: [
                  { name: 'settings', mountPath: '/etc/four-ways', readOnly: true },
                  { name: 'logs', mountPath: '/var/log', readOnly: true },
                  { name: 'state', mountPath: '/var/lib/fluent-bit' },
                ],
              },
            ],
            volumes: [
              { name: 'settings', configMap: { name: names.fluentBit } },
              { name: 'logs', hostPath: { path: '/var/log' } },
              { name: 'state', hostPath: { path: '/var/lib/fluent-bit', type: 'DirectoryOrCreate' } },
            ],
          },
        },
      },
    } satisfies IDaemonSet,
  ];
}

/**
 * What the log router of Fargate does, in the form that Fargate accepts: filters, outputs and parsers, without variables. As
 * AWS's page has it on 2026-11-28, without what would change a line: they are sent as they are (`log_key`), not wrapped in
 * metadata, and the page's filter `kubernetes` would take away the key that is sent. No group is made, and none is told how
 * long to keep lines. CloudWatch finds metrics without being told the format. The lines of KEDA and of name resolution arrive
 * beside the worker's. The container runtime cuts lines at 16 KB, and nothing here could join them: the worker's are shorter.
 *
 * @see https://docs.aws.amazon.com/eks/latest/userguide/fargate-logging.html
 * @see https://github.com/fluent/fluent-bit/issues/5656
 */
export function fargateLogs(logGroup: string, region: string) {
  const namespace = 'aws-observability';
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { 'aws-observability': 'enabled' } },
    } satisfies INamespace,
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'aws-logging', namespace },
      data: {
        // What the router itself says would go to a group of its own making.
        flb_log_cw: 'false',
        // A container's line stands behind a time, a stream and a mark.
        'filters.conf': `[FILTER]
    Name     parser
    Match    *
    Key_name log
    Parser   crio
`,
        'output.conf': `[OUTPUT]
    Name              cloudwatch_logs
    Match             kube.*
    region            ${region}
    log_group_name    ${logGroup}
    log_stream_prefix pod/
    log_key           log
    auto_create_group false
`,
        'parsers.conf': `[PARSER]
    Name        crio
    Format      Regex
    Regex       ^(?<time>[^ ]+) (?<stream>stdout|stderr) (?<logtag>P|F) (?<log>.*)$
    Time_Key    time
    Time_Format %Y-%m-%dT%H:%M:%S.%L%z
`,
      },
    } satisfies IConfigMap,
  ];
}
