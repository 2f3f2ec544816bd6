import { snapshotOf } from './snapshot';

snapshotOf('ec2');
