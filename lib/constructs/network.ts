import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Stack } from 'aws-cdk-lib/core';
import { Construct, DependencyGroup, type IDependable } from 'constructs';
import type { FourWaysStackProps } from '../props';

export type NetworkProps = Pick<FourWaysStackProps, 'production' | 'zones'>;

/**
 * Defines the network of the ways that have one: two zones, public subnets, and in production private ones behind one NAT
 * gateway. Nothing is looked up: without zones by name, CloudFormation takes the first two of the region.
 */
export class Network extends Construct {
  readonly vpc: ec2.Vpc;
  /** The subnets that workers run in. */
  readonly vpcSubnets: ec2.SubnetSelection;
  /** Whether a worker needs an address of its own to reach AWS. */
  readonly publicAddress: boolean;
  /** How a worker reaches AWS, to depend on: what starts workers does not wait for it by itself. */
  readonly route: IDependable;

  constructor(scope: Construct, id: string, { production = false, zones }: NetworkProps) {
    super(scope, id);
    const { region } = Stack.of(this);
    this.vpc = new ec2.Vpc(this, 'Vpc', {
      ...(zones
        ? { availabilityZones: zones.map((zone) => (zone.length === 1 ? `${region}${zone}` : zone)) }
        : { maxAzs: 2 }),
      natGateways: production ? 1 : 0,
      subnetConfiguration: [
        { name: 'Public', subnetType: ec2.SubnetType.PUBLIC, mapPublicIpOnLaunch: !production, cidrMask: 20 },
        ...(production ? [{ name: 'Private', subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 20 }] : []),
      ],
    });
    // Pictures travel to S3 without passing a NAT gateway, which would charge for every byte.
    const s3 = this.vpc.addGatewayEndpoint('S3', { service: ec2.GatewayVpcEndpointAwsService.S3 });
    this.vpcSubnets = { subnetType: production ? ec2.SubnetType.PRIVATE_WITH_EGRESS : ec2.SubnetType.PUBLIC };
    this.publicAddress = !production;
    this.route = new DependencyGroup(this.vpc.selectSubnets(this.vpcSubnets).internetConnectivityEstablished, s3);
  }
}
