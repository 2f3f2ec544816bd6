import { snapshotOf } from './snapshot';

snapshotOf('ecs-ec2');
