import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Duration, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { METRIC_NAMESPACE } from '../../workload/contract';

export interface DashboardProps {
  /** What waits for a worker. */
  readonly waiting: cloudwatch.Metric;
  /** What is at work, as far as the platform says without being paid for it. */
  readonly running: cloudwatch.Metric;
  readonly failures: sqs.Queue;
}

/**
 * Defines one page of what the stack does: the same widgets in the same places for all ways. What the workers have
 * done is in their log lines, which CloudWatch reads metrics from.
 */
export class Dashboard extends Construct {
  readonly url: string;

  constructor(scope: Construct, id: string, { waiting, running, failures }: DashboardProps) {
    super(scope, id);
    const { region, stackName } = Stack.of(this);
    const period = Duration.minutes(1);
    const most = (metric: cloudwatch.Metric) => metric.with({ period, statistic: cloudwatch.Stats.MAXIMUM });
    const logged = (metricName: string, statistic: string) =>
      new cloudwatch.Metric({
        namespace: METRIC_NAMESPACE,
        metricName,
        dimensionsMap: { Stack: stackName },
        period,
        statistic,
      });
    const counted = (metricName: string) => logged(metricName, cloudwatch.Stats.SUM);
    const duration = (percentile: string) => logged('Duration', percentile).with({ label: percentile });
    const failed = failures.metricApproximateNumberOfMessagesVisible({ label: 'In the failure queue' });
    const widget = (title: string, width: number, ...left: readonly cloudwatch.IMetric[]) =>
      new cloudwatch.GraphWidget({ title, width, left: [...left], leftYAxis: { min: 0 } });
    const dashboard = new cloudwatch.Dashboard(this, 'Page', {
      widgets: [
        [
          widget('Waiting', 8, most(waiting)),
          widget('Running', 8, most(running)),
          widget('Failed', 8, counted('Failed'), most(failed)),
        ],
        [
          widget('Done and rejected', 12, counted('Done'), counted('Rejected')),
          widget('Duration, ms', 12, duration('p50'), duration('p95')),
        ],
      ],
    });
    const { dashboardName } = dashboard;
    // Of the partition `aws`: China and GovCloud have consoles of their own.
    this.url = `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboardName}`;
  }
}
