import { synth } from '../support/synth';
import { snapshotOf } from './snapshot';

snapshotOf('eks-ec2');

test.each([
  [{}, []],
  [{ production: true }, [/^production=true: .*before the first deployment/]],
  [{ spot: true }, [/^spot=true: .*before the first deployment.*replaces the node group/]],
  [{ zones: ['a', 'c'] }, [/^zones=a,c: .*before the first deployment/]],
])('what %j would do to a cluster that is deployed is said at synthesis', (settings, said) => {
  expect(synth('eks-ec2', settings).notes).toEqual(said.map((text) => expect.stringMatching(text)));
});
