import { snapshotOf } from './snapshot';

snapshotOf('lambda');
