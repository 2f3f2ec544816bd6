import * as eks from 'aws-cdk-lib/aws-eks-v2';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Fn } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

/** Defines a role for the pods of one service account. */
export type PodRole = (scope: Construct, id: string, namespace: string, serviceAccount: string) => iam.Role;

/**
 * By Pod Identity, whose agent runs on every node. The L1 association rather than CDK's `ServiceAccount`, which also sets up
 * what only the older way needs.
 */
export function podIdentity(cluster: eks.Cluster): PodRole {
  return (scope, id, namespace, serviceAccount) => {
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
  };
}

/**
 * By the older way, IAM roles for service accounts: IAM trusts the tokens that the cluster signs, and a pod hands its own to
 * STS. For Fargate, where no agent can run beside a pod. The service account has to be annotated with the role.
 *
 * The trust policy is written as text, because its keys hold the address of the cluster, which CloudFormation knows only when
 * the cluster is there. CDK's own `ServiceAccount` has one more custom resource put them together. `cdk diff` does not list it
 * among what may take on a role: look at the template.
 *
 * @see https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html
 */
export function webIdentity(scope: Construct, id: string, cluster: eks.Cluster): PodRole {
  const provider = new eks.OidcProviderNative(scope, id, { url: cluster.clusterOpenIdConnectIssuerUrl });
  // What `Fn::Sub` replaces.
  const [signer, issuer] = [`\${Provider}`, `\${Issuer}`];
  const trust = (account: string) => ({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: signer },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: { StringEquals: { [`${issuer}:aud`]: 'sts.amazonaws.com', [`${issuer}:sub`]: account } },
      },
    ],
  });
  const names = { Provider: provider.oidcProviderArn, Issuer: provider.oidcProviderIssuer };
  return (own, name, namespace, serviceAccount) => {
    const role = new iam.Role(own, name, { assumedBy: new iam.WebIdentityPrincipal(provider.oidcProviderArn) });
    const text = JSON.stringify(trust(`system:serviceaccount:${namespace}:${serviceAccount}`));
    (role.node.defaultChild as iam.CfnRole).assumeRolePolicyDocument = Fn.sub(text, names);
    return role;
  };
}
