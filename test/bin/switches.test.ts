import { readSwitches } from '../../bin/switches';

const ADMIN = 'arn:aws:iam::123456789012:role/team/admin';
const EMAIL = 'you@example.com';

describe('the switches', () => {
  test('are off when nothing is chosen, and CDK has keys of its own', () => {
    const cdk = {
      '@aws-cdk/core:checkSecretUsage': true,
      'aws:cdk:version-reporting': true,
      'availability-zones:account=123456789012:region=eu-west-1': ['eu-west-1a'],
      'acknowledged-issue-numbers': [34892],
      'cli-telemetry': false,
      'four-ways:dist': '/tmp',
    };
    expect(readSwitches(cdk)).toEqual({ production: false, spot: false, suffix: '' });
  });

  test.each([
    [
      'typed',
      { production: 'true', spot: 'false', zones: 'a,c', clusterAdmin: ADMIN, alarmEmail: EMAIL, name: 'blue' },
    ],
    [
      'in cdk.json',
      { production: true, spot: false, zones: 'a,c', clusterAdmin: ADMIN, alarmEmail: EMAIL, name: 'blue' },
    ],
  ])('are read as they are %s', (_, context) => {
    expect(readSwitches(context)).toEqual({
      production: true,
      spot: false,
      zones: ['a', 'c'],
      clusterAdmin: ADMIN,
      alarmEmail: EMAIL,
      suffix: '-blue',
    });
  });

  test.each(['a,b', 'us-east-1a,us-east-1d', 'us-gov-west-1a,us-gov-west-1b,us-gov-west-1c', 'a,b,c,d,e,f'])(
    'take the zones %s',
    (zones) => {
      expect(readSwitches({ zones }).zones).toEqual(zones.split(','));
    },
  );

  test('name zones of the region of the deployment', () => {
    const zones = 'eu-west-1a,eu-west-1b';
    expect(readSwitches({ zones }, 'eu-west-1').zones).toEqual(['eu-west-1a', 'eu-west-1b']);
    expect(readSwitches({ zones: 'a,b' }, 'us-east-1').zones).toEqual(['a', 'b']);
    expect(() => readSwitches({ zones }, 'us-east-1')).toThrow(
      'The switch zones is "eu-west-1a,eu-west-1b": expected zones of the region, which is us-east-1',
    );
  });

  test.each([ADMIN, 'arn:aws-cn:iam::123456789012:user/reader', 'arn:aws-us-gov:iam::123456789012:role/a+b=c,d.e@f-g'])(
    'take the administrator %s',
    (clusterAdmin) => {
      expect(readSwitches({ clusterAdmin })).toMatchObject({ clusterAdmin });
    },
  );

  test.each([EMAIL, 'first.last+alarms@mail.example.co.uk', "o'neill@a-b.example"])(
    'take the address %s',
    (alarmEmail) => {
      expect(readSwitches({ alarmEmail })).toMatchObject({ alarmEmail });
    },
  );

  test.each(['b', '2', 'Team-7-blue', 'x'.repeat(80)])('take the name %s', (name) => {
    expect(readSwitches({ name }).suffix).toBe(`-${name}`);
  });

  const FLAG = 'expected true or false';
  const ARN = 'expected the ARN of an IAM role or user, such as arn:aws:iam::123456789012:role/admin';
  const ADDRESS = 'expected an email address, such as you@example.com';
  const NAME = 'expected up to 80 letters, digits and hyphens, no hyphen at either end, such as blue';
  const ZONES = 'expected two to six different zones by letter or name, such as a,b or us-east-1a,us-east-1b';
  test.each<[context: Record<string, unknown>, message: string]>([
    [{ zones: '' }, `The switch zones is "": ${ZONES}`],
    [{ zones: 'a' }, `The switch zones is "a": ${ZONES}`],
    [{ zones: 'a,' }, `The switch zones is "a,": ${ZONES}`],
    [{ zones: 'a, b' }, `The switch zones is "a, b": ${ZONES}`],
    [{ zones: 'A,B' }, `The switch zones is "A,B": ${ZONES}`],
    [{ zones: 'a,a' }, `The switch zones is "a,a": ${ZONES}`],
    [{ zones: 'a,us-east-1a' }, `The switch zones is "a,us-east-1a": ${ZONES}`],
    [{ zones: 'use1-az1,use1-az2' }, `The switch zones is "use1-az1,use1-az2": ${ZONES}`],
    [{ zones: 'us-east-1a,eu-west-1b' }, `The switch zones is "us-east-1a,eu-west-1b": ${ZONES}`],
    [{ zones: 'a,b,c,d,e,f,g' }, `The switch zones is "a,b,c,d,e,f,g": ${ZONES}`],
    [{ zones: ['a', 'b'] }, `The switch zones is ["a","b"]: ${ZONES}`],
    [{ production: 'yes' }, `The switch production is "yes": ${FLAG}`],
    [{ production: 'True' }, `The switch production is "True": ${FLAG}`],
    [{ production: '' }, `The switch production is "": ${FLAG}`],
    [{ spot: 1 }, `The switch spot is 1: ${FLAG}`],
    [
      { prodction: 'true' },
      'There is no switch prodction ("true", from -c, cdk.json or ~/.cdk.json): did you mean production?',
    ],
    [{ Spot: 'true' }, 'There is no switch Spot ("true", from -c, cdk.json or ~/.cdk.json): did you mean spot?'],
    [
      { clusteradmin: ADMIN },
      `There is no switch clusteradmin ("${ADMIN}", from -c, cdk.json or ~/.cdk.json): did you mean clusterAdmin?`,
    ],
    [
      { dist: '/tmp' },
      'There is no switch dist ("/tmp", from -c, cdk.json or ~/.cdk.json): expected one of production, spot, zones, clusterAdmin, alarmEmail, name',
    ],
    [{ clusterAdmin: 'foo' }, `The switch clusterAdmin is "foo": ${ARN}`],
    [{ clusterAdmin: '' }, `The switch clusterAdmin is "": ${ARN}`],
    [
      { clusterAdmin: 'arn:aws:sts::123456789012:assumed-role/admin/me' },
      `The switch clusterAdmin is "arn:aws:sts::123456789012:assumed-role/admin/me": ${ARN}`,
    ],
    [{ alarmEmail: '' }, `The switch alarmEmail is "": ${ADDRESS}`],
    [{ alarmEmail: true }, `The switch alarmEmail is true: ${ADDRESS}`],
    [{ alarmEmail: 'you' }, `The switch alarmEmail is "you": ${ADDRESS}`],
    [{ alarmEmail: 'a;b@example.com' }, `The switch alarmEmail is "a;b@example.com": ${ADDRESS}`],
    [{ alarmEmail: 'x..y@example.com' }, `The switch alarmEmail is "x..y@example.com": ${ADDRESS}`],
    [{ alarmEmail: '.x@example.com' }, `The switch alarmEmail is ".x@example.com": ${ADDRESS}`],
    [{ alarmEmail: 'x@-a.com' }, `The switch alarmEmail is "x@-a.com": ${ADDRESS}`],
    [{ alarmEmail: 'you@example' }, `The switch alarmEmail is "you@example": ${ADDRESS}`],
    [
      { alarmEmail: 'a@example.com,b@example.com' },
      `The switch alarmEmail is "a@example.com,b@example.com": ${ADDRESS}`,
    ],
    [{ alarmEmail: 'you@example.com\n' }, `The switch alarmEmail is "you@example.com\\n": ${ADDRESS}`],
    [{ name: '' }, `The switch name is "": ${NAME}`],
    [{ name: 'blue_green' }, `The switch name is "blue_green": ${NAME}`],
    [{ name: 'blue-' }, `The switch name is "blue-": ${NAME}`],
    [{ name: 'two\nlines' }, `The switch name is "two\\nlines": ${NAME}`],
    [{ name: 'x'.repeat(81) }, `The switch name is "${'x'.repeat(81)}": ${NAME}`],
  ])('refuse %j in one line', (context, message) => {
    expect(() => readSwitches(context)).toThrow(new Error(message));
  });
});
