import { SETTINGS, synth, WAYS } from '../support/synth';
import { Column } from './column';
import { PARITY } from './parity-checks';

describe.each(WAYS)('%s', (way) => {
  describe.each(Object.entries(SETTINGS))('with %s settings', (_name, settings) => {
    test.each(Object.entries(PARITY))('%s', (_promise, check) => {
      check(Column.of(way, settings));
    });
  });
});

test.each([
  ['ec2', 'worker-arm64', undefined],
  ['lambda', 'lambda-arm64', undefined],
  ['ecs-fargate', 'image-arm64', 'linux/arm64'],
  ['eks-ec2', 'image-arm64', 'linux/arm64'],
] as const)('%s deploys %s, and nothing for another processor', (way, bundle, platform) => {
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
