import { parseMutants } from '../support/mutated-events';

// The first of the hundred thousand in s3-events.deep.test.ts.
test('reads a thousand mutated and deeply nested events without an exception, and finds the good record in each', () => {
  const { found, ends } = parseMutants(14, 1000);
  expect(found).toEqual([]);
  expect(Object.keys(ends).sort()).toEqual(['created', 'ignored', 'malformed']);
});
