import { type Json, synth, WAYS } from '../support/synth';
import { Column, referenced } from './column';

const ADDRESS = 'you@example.com';

/** Whether an alarm starts or stops something. */
const scales = (column: Column, { AlarmActions = [] }: Json) =>
  AlarmActions.some((action: string) =>
    /ScalingPolicy$/.test(column.template.Resources[referenced(action)]?.Type ?? ''),
  );

describe.each(WAYS)('the alarms of %s', (way) => {
  test('tell nobody by default', () => {
    const column = Column.of(way);
    const alarms = column.all('AWS::CloudWatch::Alarm').map(([, alarm]) => alarm);
    const told = alarms.filter((alarm) => !scales(column, alarm) && alarm.AlarmActions);
    expect(told).toEqual([]);
    expect(column.resources.filter(([, { Type }]) => Type.startsWith('AWS::SNS::'))).toEqual([]);
  });

  describe('where an address is given', () => {
    const column = () => Column.of(way, { alarmEmail: ADDRESS });

    test('mail it, those that do not scale, and no other', () => {
      const topic = column().id('AWS::SNS::Topic');
      const alarms = column().all('AWS::CloudWatch::Alarm');
      const mailed = alarms.map(([id, { AlarmActions }]) => [id, AlarmActions?.includes(`<${topic}>`) ?? false]);
      const should = alarms.map(([id, alarm]) => [id, !scales(column(), alarm)]);
      expect(mailed).toEqual(should);
      expect(mailed.filter(([, is]) => is)).toHaveLength(way === 'lambda' ? 1 : 2);
      expect(column().one('AWS::SNS::Subscription')).toEqual({
        Endpoint: ADDRESS,
        Protocol: 'email',
        TopicArn: `<${topic}>`,
      });
    });

    test('reach a topic that only alarms of this account and region may use, over TLS', () => {
      const topic = column().id('AWS::SNS::Topic');
      const { Topics, PolicyDocument } = column().one('AWS::SNS::TopicPolicy');
      expect(Topics).toEqual([`<${topic}>`]);
      expect(PolicyDocument.Statement).toHaveLength(2);
      expect(PolicyDocument.Statement).toContainEqual({
        Action: 'sns:Publish',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        Effect: 'Deny',
        Principal: '*',
        Resource: `<${topic}>`,
        Sid: 'AllowPublishThroughSSLOnly',
      });
      expect(PolicyDocument.Statement).toContainEqual({
        Action: 'sns:Publish',
        Condition: {
          ArnLike: { 'aws:SourceArn': 'arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm:*' },
          StringEquals: { 'aws:SourceAccount': '<AWS::AccountId>' },
        },
        Effect: 'Allow',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Resource: `<${topic}>`,
        Sid: '1',
      });
    });

    test('are the only ones to change', () => {
      const changed = (template: Json) =>
        Object.fromEntries(
          Object.entries<Json>(template.Resources)
            .filter(([, { Type }]) => !Type.startsWith('AWS::SNS::'))
            .map(([id, { Type, Properties, ...rest }]) => {
              const { AlarmActions: _, ...others } = Properties ?? {};
              return [id, { Type, Properties: Type === 'AWS::CloudWatch::Alarm' ? others : Properties, ...rest }];
            }),
        );
      expect(changed(column().template)).toEqual(changed(synth(way).template));
    });
  });
});
