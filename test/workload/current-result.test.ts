import { currentResult } from '../../workload/current-result';

const result = (name: string, sequencer?: string) => ({
  name,
  metadata: { compute: 'ec2', ...(sequencer && { 'source-sequencer': sequencer }) },
});
const renditions = (sequencer?: string) => ['160', '640', '1280'].map((width) => result(width, sequencer));

describe('the results of a source object that count', () => {
  test.each([
    ['all, when there is one version', renditions('0A'), ['160', '640', '1280']],
    ['the record, when it is newer', [...renditions('0A'), result('record', '0B')], ['record']],
    ['the renditions, when they are newer', [result('record', '0A'), ...renditions('0B')], ['160', '640', '1280']],
    ['what is there of a newer version already', [...renditions('0A'), result('160, new', '0B')], ['160, new']],
    // S3's rule: padded with zeros on the right.
    [
      'those of the sequencer that is later, not longer',
      [result('record', '0055AED6DCD90281E5'), result('160', '0055AED6DCDA')],
      ['160'],
    ],
    ['those of one sequencer, however it is written', [result('160', '0a'), result('640', '0A00')], ['160', '640']],
    ['those that have a sequencer', [result('record'), ...renditions('00')], ['160', '640', '1280']],
    ['all, when none has a sequencer', [result('record'), result('160')], ['record', '160']],
    ['none, when there is none', [], []],
  ])('are %s', (_, results, names) => {
    expect(currentResult(results).map(({ name }) => name)).toEqual(names);
  });
});
