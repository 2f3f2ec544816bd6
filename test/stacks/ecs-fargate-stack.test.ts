import { snapshotOf } from './snapshot';

snapshotOf('ecs-fargate');
