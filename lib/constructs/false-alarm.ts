/** What CDK prints about a property that its own `AutoScalingGroup.scaleOnMetric` sets, and nobody else here. */
export const FALSE_ALARM = `aws-cdk-lib.aws_autoscaling.StepScalingActionProps#cooldown is deprecated, and will be removed in the next major release.
  cooldown is not valid with step scaling action`;

/** Keeps this one message from being printed. Every other warning still is. */
export function withoutFalseAlarm(): void {
  const { warn } = console;
  console.warn = (...words: unknown[]) => {
    if (words[1] !== FALSE_ALARM) warn(...words);
  };
}
