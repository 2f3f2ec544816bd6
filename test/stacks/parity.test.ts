import { WAYS as LIST } from '../../lib/ways';
import { SETTINGS, synth, WAYS } from '../support/synth';
import { Column } from './column';
import { isPrivate, PARITY } from './parity-checks';

describe.each(WAYS)('%s', (way) => {
  describe.each(Object.entries(SETTINGS))('with %s settings', (_name, settings) => {
    test.each(Object.entries(PARITY))('%s', (_promise, check) => {
      check(Column.of(way, settings));
    });
  });
});

describe.each([undefined, ['a', 'c'], ['us-east-1a', 'us-east-1d', 'us-east-1f']])('in the zones %j', (zones) => {
  test.each(WAYS)('%s has a public subnet in each, and where workers are private a private one', (way) => {
    const subnetZones = (column: Column) =>
      column.all('AWS::EC2::Subnet').map(([, { AvailabilityZone }]) => AvailabilityZone);
    const found = [0, 1].map((index) => ({ 'Fn::Select': [index, { 'Fn::GetAZs': '' }] }));
    const named = zones?.map((zone) => (zone.length === 1 ? `<AWS::Region>${zone}` : zone)) ?? found;
    const expected = way === 'lambda' ? [] : named;
    for (const settings of [{}, { production: true }]) {
      const column = Column.of(way, { ...settings, ...(zones && { zones }) });
      expect(subnetZones(column)).toEqual(isPrivate(column) ? [...expected, ...expected] : expected);
    }
  });

  test.each(WAYS)('%s keeps what it promises', (way) => {
    const column = Column.of(way, zones ? { zones, production: true } : {});
    for (const check of Object.values(PARITY)) check(column);
  });
});

test('on EC2 the right to fetch the code is another resource for each version, so that an update deletes the old one last', () => {
  const [one, other] = ['one', 'other'].map((content) => {
    const { template } = synth('ec2', {}, content);
    const key = /^BUNDLE_URL='s3:\/\/[^/]+\/(.*)'$/m.exec(new Column('ec2', {}, template).userData)?.[1];
    const policies = Object.entries(template.Resources).filter(
      ([, { Type, Properties }]) => Type === 'AWS::IAM::Policy' && JSON.stringify(Properties).includes(`/${key}"`),
    );
    expect(policies).toHaveLength(1);
    return policies[0]?.[0];
  });
  expect(one).not.toBe(other);
});

test.each(WAYS)('%s deploys one bundle, and nothing for another processor', (way) => {
  const { unit, architecture } = LIST[way];
  const kind = { instance: 'worker', function: 'lambda', task: 'image', pod: 'image' }[unit];
  const bundle = `${kind}-${architecture}`;
  const platform = kind === 'image' && { arm64: 'linux/arm64', x64: 'linux/amd64' }[architecture];
  const { files, dockerImages } = synth(way).assets;
  const uploads = [...Object.values(files), ...Object.values(dockerImages)].map(({ source }) => source);
  const ours = uploads.filter(({ path, directory }) => /-(arm64|x64)$/.test(path ?? directory));
  expect(ours).toEqual([
    expect.objectContaining(
      platform
        ? { directory: expect.stringMatching(`/${bundle}$`), platform }
        : { path: expect.stringMatching(`/${bundle}$`) },
    ),
  ]);
});
