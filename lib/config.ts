import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Duration, Size } from 'aws-cdk-lib/core';
import { DEFAULTS, RETRY_SECONDS } from '../workload/contract';

/**
 * What is held equal in the columns, so that the differences between them are the compute's. A column is one way to run the
 * workload, as its `*-stack.ts` file says it. Values that differ by nature are literals there.
 *
 * A job takes seconds here. What ends a longer one, beside its own budgets in `workload/contract.ts`:
 * - 15 minutes on Lambda;
 * - `stopGrace` when its worker is stopped: by scaling, an update, or the end of an instance's week. What is not finished
 *   then is begun again by another. It is also `TimeoutStopSec` in `worker-boot.sh`, Fargate waits 120 s at most, and a
 *   Spot instance is announced to go two minutes ahead;
 * - 12 hours on the others: then SQS delivers the message again, however often it was extended.
 */
export const config = {
  /** One unit of work is the same box everywhere: an instance, a function, a task, a pod. */
  unit: {
    vcpus: 1,
    memory: Size.gibibytes(2),
    /**
     * At most this many at a time; on Lambda the account decides. New accounts start with small quotas of vCPUs. On EKS
     * `queueLength` in the stack decides from how many messages on all of them run.
     */
    max: 4,
  },
  /** Only uploads under this prefix trigger anything. */
  sourcePrefix: DEFAULTS.sourcePrefix,
  /** How long a message is hidden after a receive or a heartbeat: a dead worker's work returns after this. */
  visibilityTimeout: Duration.seconds(DEFAULTS.visibilityTimeoutSeconds),
  /** SIGTERM to SIGKILL on EC2, ECS and EKS: two pictures in the worst case. What is left is handed back. */
  stopGrace: Duration.seconds(DEFAULTS.stopGraceSeconds),
  /** Deliveries of one event before the job queue gives it to the failure queue. Lambda makes three attempts. */
  maxReceives: RETRY_SECONDS.length + 1,
  /** How long an event waits for a worker. */
  jobRetention: Duration.days(4),
  /** How long there is to look into a failure: from the first sending of the message, and so up to four days less. */
  failureRetention: Duration.days(14),
  /** Uploads outlive the failure queue, so that its events can be replayed. */
  sourceExpiration: Duration.days(16),
  outputExpiration: Duration.days(30),
  logRetention: RetentionDays.ONE_WEEK,
} as const;
