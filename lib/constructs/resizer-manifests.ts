import type { DaemonSet } from 'kubernetes-types/apps/v1';
import type { ConfigMap, Namespace, ServiceAccount } from 'kubernetes-types/core/v1';
import type { NetworkPolicy } from 'kubernetes-types/networking/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import { config } from '../config';

/**
 * The Kubernetes objects around the worker: what ECS and Lambda have built in, said as data. The types reject a
 * misspelt field; a cluster would ignore it.
 */

/** Names that objects refer to each other by. */
export const names = {
  namespace: 'resizer',
  app: 'resizer',
  logging: 'logging',
  shipper: 'log-shipper',
} as const;

const labels = { app: names.app };

/** Only pods that give up every privilege are admitted. */
export const namespace = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: names.namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
} satisfies Namespace;

/** Who the worker is: a Pod Identity association gives this account the worker's role. */
export const serviceAccount = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: names.app, namespace: names.namespace },
  // The token of the Kubernetes API, which the worker has nothing to say to.
  automountServiceAccountToken: false,
} satisfies ServiceAccount;

/** At most one worker at a time is moved for maintenance. */
export const disruptionBudget = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: names.app, namespace: names.namespace },
  spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
} satisfies PodDisruptionBudget;

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
} satisfies NetworkPolicy;

/** KEDA's scaler: not in kubernetes-types. @see https://keda.sh/docs/2.20/reference/scaledobject-spec/ */
interface ScaledObject {
  readonly apiVersion: 'keda.sh/v1alpha1';
  readonly kind: 'ScaledObject';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly scaleTargetRef: { readonly name: string };
    readonly pollingInterval: number;
    readonly cooldownPeriod: number;
    readonly minReplicaCount: number;
    readonly maxReplicaCount: number;
    readonly triggers: readonly {
      readonly type: 'aws-sqs-queue';
      readonly metadata: Readonly<Record<'queueURL' | 'queueLength' | 'awsRegion', string>>;
      readonly authenticationRef: { readonly name: string };
    }[];
  };
}

interface TriggerAuthentication {
  readonly apiVersion: 'keda.sh/v1alpha1';
  readonly kind: 'TriggerAuthentication';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: { readonly podIdentity: { readonly provider: 'aws' } };
}

/** The KEDA operator asks the queue as itself, by its own Pod Identity association. */
export const triggerAuthentication = {
  apiVersion: 'keda.sh/v1alpha1',
  kind: 'TriggerAuthentication',
  metadata: { name: names.app, namespace: names.namespace },
  spec: { podIdentity: { provider: 'aws' } },
} satisfies TriggerAuthentication;

/** Pods by what is outstanding on the queue, held messages included; none when there is nothing. */
export function scaledObject(queueURL: string, awsRegion: string): ScaledObject {
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name: names.app, namespace: names.namespace },
    spec: {
      scaleTargetRef: { name: names.app },
      // KEDA asks the queue itself, where the alarms of EC2 and ECS wait for a metric that is minutes old.
      pollingInterval: 15,
      // As long as five evaluations of the other columns' alarms.
      cooldownPeriod: 300,
      minReplicaCount: 0,
      maxReplicaCount: config.unit.max,
      triggers: [
        {
          type: 'aws-sqs-queue',
          // One pod for every so many messages: four from 76 on, where the other columns' alarms start all from 100 on.
          metadata: { queueURL, queueLength: '25', awsRegion },
          authenticationRef: { name: names.app },
        },
      ],
    },
  };
}

/**
 * Ships the worker's log lines to CloudWatch, as they are: the log driver of ECS, the agent of EC2 and Lambda itself do
 * the same. Wrapped in metadata, as usual, they would be logs but no metrics.
 */
export function logShipper(logGroup: string, region: string) {
  const metadata = { name: names.shipper, namespace: names.logging };
  const settings = `[SERVICE]
    Grace             30
[INPUT]
    Name              tail
    Path              /var/log/containers/${names.app}-*_${names.namespace}_*.log
    multiline.parser  cri
    Tag               worker.*
    DB                /var/log/${names.shipper}.db
    Mem_Buf_Limit     10MB
[OUTPUT]
    Name              cloudwatch_logs
    Match             worker.*
    region            ${region}
    log_group_name    ${logGroup}
    log_stream_prefix pod/
    log_key           log
    log_format        json/emf
    auto_create_group Off
`;
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: names.logging,
        // It reads the node's log files, which the restricted standard forbids.
        labels: { 'pod-security.kubernetes.io/enforce': 'privileged' },
      },
    } satisfies Namespace,
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata,
      automountServiceAccountToken: false,
    } satisfies ServiceAccount,
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'fluent-bit.conf': settings } } satisfies ConfigMap,
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata,
      spec: {
        selector: { matchLabels: { app: names.shipper } },
        template: {
          metadata: { labels: { app: names.shipper } },
          spec: {
            serviceAccountName: names.shipper,
            automountServiceAccountToken: false,
            tolerations: [{ operator: 'Exists' }],
            terminationGracePeriodSeconds: 45,
            containers: [
              {
                name: 'fluent-bit',
                image:
                  'public.ecr.aws/aws-observability/aws-for-fluent-bit:3.4.15@sha256:88e1b56cedb230486afeca6eeb26c5f6bd59c48879d0054d1674d5a58838c607',
                command: ['/fluent-bit/bin/fluent-bit', '-c', '/etc/four-ways/fluent-bit.conf'],
                resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '128Mi' } },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                  seccompProfile: { type: 'RuntimeDefault' },
                },
                volumeMounts: [
                  { name: 'settings', mountPath: '/etc/four-ways' },
                  { name: 'logs', mountPath: '/var/log' },
                ],
              },
            ],
            volumes: [
              { name: 'settings', configMap: { name: names.shipper } },
              { name: 'logs', hostPath: { path: '/var/log' } },
            ],
          },
        },
      },
    } satisfies DaemonSet,
  ];
}
