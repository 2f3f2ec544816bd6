import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Duration, Size } from 'aws-cdk-lib/core';
import { DEFAULTS, RETRY_SECONDS } from '../workload/contract';

/**
 * What is held equal in the four columns, so that the differences between them are the compute's. Values that differ
 * by nature are literals in the stacks.
 */
export const config = {
  /** One unit of work is the same box everywhere: an instance, a function, a task, a pod. */
  unit: {
    vcpus: 1,
    memory: Size.gibibytes(2),
    /** At most this many at a time. New accounts start with small quotas of vCPUs and of concurrent functions. */
    max: 4,
  },
  /** Only uploads under this prefix trigger anything. */
  sourcePrefix: DEFAULTS.sourcePrefix,
  /** How long a message is hidden after a receive or a heartbeat: a dead worker's work returns after this. */
  visibilityTimeout: Duration.seconds(DEFAULTS.visibilityTimeoutSeconds),
  /** SIGTERM to SIGKILL, in all three orchestrators: two pictures in the worst case. What is left is handed back. */
  stopGrace: Duration.seconds(DEFAULTS.stopGraceSeconds),
  /** Deliveries of one event before it goes to the failure queue. */
  maxReceives: RETRY_SECONDS.length + 1,
  /** How long an event waits for a worker. */
  jobRetention: Duration.days(4),
  /** How long there is to look into a failure. */
  failureRetention: Duration.days(14),
  /** Uploads outlive the failure queue, so that its events can be replayed. */
  sourceExpiration: Duration.days(16),
  outputExpiration: Duration.days(30),
  logRetention: RetentionDays.ONE_WEEK,
} as const;
