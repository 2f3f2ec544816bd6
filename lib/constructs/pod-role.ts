import * as eks from 'aws-cdk-lib/aws-eks-v2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';

/**
 * Defines a role for the pods of one service account, by Pod Identity. The L1 association rather than CDK's
 * `ServiceAccount`, which also sets up what only the older way (IRSA) needs.
 */
export function podRole(
  scope: Construct,
  id: string,
  cluster: eks.Cluster,
  namespace: string,
  serviceAccount: string,
): iam.Role {
  const role = new iam.Role(scope, id, {
    assumedBy: new iam.ServicePrincipal('pods.eks.amazonaws.com').withSessionTags(),
  });
  new eks.CfnPodIdentityAssociation(role, 'Association', {
    clusterName: cluster.clusterName,
    namespace,
    serviceAccount,
    roleArn: role.roleArn,
  });
  return role;
}
