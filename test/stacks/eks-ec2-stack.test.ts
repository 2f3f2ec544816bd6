import { snapshotOf } from './snapshot';

snapshotOf('eks-ec2');
