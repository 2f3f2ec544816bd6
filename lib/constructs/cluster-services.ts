import * as eks from 'aws-cdk-lib/aws-eks-v2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import { Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { podRole } from './pod-role';
import * as manifests from './resizer-manifests';

/** What ECS, Lambda and EC2 have built in, and a cluster has to be given. */

/** Defines the add-ons that the column relies on: enforced network policies, and credentials for pods. */
export class ClusterAddons extends Construct {
  constructor(scope: Construct, id: string, cluster: eks.Cluster) {
    super(scope, id);
    const networking = new eks.Addon(this, 'Networking', {
      cluster,
      addonName: 'vpc-cni',
      // Without it network policies are accepted and not enforced.
      configurationValues: { enableNetworkPolicy: 'true' },
    });
    // Every cluster is born with an unmanaged copy of it.
    (networking.node.defaultChild as eks.CfnAddon).resolveConflicts = 'OVERWRITE';
    new eks.Addon(this, 'PodIdentity', { cluster, addonName: 'eks-pod-identity-agent' });
  }
}

export interface AdmissionProps {
  readonly cluster: eks.Cluster;
  readonly addons: ClusterAddons;
}

/** Defines where the worker's pods are admitted, and under which rules: namespace, account, network policy, budget. */
export class Admission extends Construct {
  constructor(scope: Construct, id: string, { cluster, addons }: AdmissionProps) {
    super(scope, id);
    // Copies, because CDK writes a label of this stack into them, and another stack is given the same objects.
    const manifest = (name: string, ...objects: Record<string, unknown>[]) =>
      new eks.KubernetesManifest(this, name, { cluster, manifest: structuredClone(objects) });
    const namespace = manifest('Namespace', manifests.namespace);
    const rules = manifest('Rules', manifests.serviceAccount, manifests.networkPolicy, manifests.disruptionBudget);
    rules.node.addDependency(namespace);
    // The add-on puts a finalizer on every policy, so it has to be there when they are deleted.
    this.node.addDependency(addons);
  }
}

export interface LogShipperProps {
  readonly cluster: eks.Cluster;
  readonly nodes: eks.Nodegroup;
  readonly logGroup: logs.ILogGroup;
}

/** Defines the pod on every node that ships the worker's lines to CloudWatch. */
export class LogShipper extends Construct {
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, { cluster, nodes, logGroup }: LogShipperProps) {
    super(scope, id);
    this.role = podRole(this, 'Role', cluster, manifests.names.logging, manifests.names.shipper);
    const manifest = manifests.logShipper(logGroup.logGroupName, Stack.of(this).region);
    const pods = new eks.KubernetesManifest(this, 'Pods', { cluster, manifest });
    pods.node.addDependency(this.role, nodes);
  }
}
