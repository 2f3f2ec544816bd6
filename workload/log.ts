import { METRIC_NAMESPACE } from './contract';

/**
 * One line of JSON per object, which is a log record and, by the CloudWatch Embedded Metric Format, its metrics.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */

type Unit = 'Count' | 'Milliseconds' | 'Bytes' | 'Megabytes';

/** A number to chart. `undefined` is left out. */
export type Metrics = Readonly<Record<string, readonly [value: number | undefined, unit: Unit]>>;

/**
 * Writes one line to stdout, with the metrics under every set of dimensions. Not by `console`: Lambda's JSON log format wraps what goes
 * through it, and CloudWatch then finds no metrics.
 *
 * @param dimensions sets of names of properties
 */
export function logLine(
  properties: Readonly<Record<string, unknown>>,
  metrics: Metrics = {},
  dimensions: readonly (readonly string[])[] = [],
): void {
  const found = Object.entries(metrics).filter(([, [value]]) => value !== undefined);
  const line = {
    ...(found.length > 0 && {
      _aws: {
        Timestamp: Date.now(),
        CloudWatchMetrics: [
          {
            Namespace: METRIC_NAMESPACE,
            Dimensions: dimensions,
            Metrics: found.map(([Name, [, Unit]]) => ({ Name, Unit })),
          },
        ],
      },
    }),
    ...properties,
    ...Object.fromEntries(found.map(([name, [value]]) => [name, value])),
  };
  process.stdout.write(`${escapeNonAscii(JSON.stringify(line))}\n`);
}

/** Keys are chosen by strangers: no line breaks (JSON sees to that), no direction marks, no look-alikes in a log. */
export function escapeNonAscii(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
